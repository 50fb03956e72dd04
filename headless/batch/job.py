"""One job of a batch: a workflow, the inputs it sets, and the name of its files."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class BatchJob:
    """A workflow to run once.

    Args:
        id: unique in its batch, and safe as a file name.
        name: prefix of its files, relative to the output folder; unique in its batch.
        source: origin of the workflow, for display.
        workflow: as saved, in UI or API format.
        assignments: inputs to set, each ``Node.input=value``.
        prompts, seeds: the texts and numbers that the graph then samples from, for display.
    """

    id: str
    name: str
    source: str
    workflow: Mapping[str, Any]
    assignments: tuple[str, ...] = ()
    prompts: tuple[str, ...] = ()
    seeds: tuple[str, ...] = ()
