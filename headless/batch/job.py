"""One job of a batch: a workflow, what is set in it, and what its files are called."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class BatchJob:
    """A workflow to run once.

    Args:
        id: unique in its batch, and safe as a file name.
        name: that its files begin with, relative to the output folder; unique in its batch.
        source: where the workflow came from, as it is shown.
        workflow: as it was saved, in the editor's format or the API's.
        assignments: inputs that are set, each ``Node.input=value``.
        prompts, seeds: the texts and the numbers that the graph then samples from, to be shown.
    """

    id: str
    name: str
    source: str
    workflow: Mapping[str, Any]
    assignments: tuple[str, ...] = ()
    prompts: tuple[str, ...] = ()
    seeds: tuple[str, ...] = ()
