"""What one job does otherwise than the next."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

from .problems import BatchError

MOST_JOBS = 100_000
"""Of a batch: more are a mistake in a range rather than wanted."""


SEED, PROMPT = "seed", "prompt"
"""Words for the inputs that a graph finds by itself."""


@dataclass(frozen=True, kw_only=True)
class Variation:
    """Inputs that a job sets, and where that is said.

    Args:
        place: for messages, such as ``jobs.csv line 4``.
        values: words for an input, each with its text.
        workflow: file or JSON of the graph, where the job names one.
        name: that the job's files shall begin with, where it says.
    """

    place: str
    values: tuple[tuple[str, str], ...] = ()
    workflow: Path | Mapping[str, Any] | None = None
    name: str = ""


Axis = Sequence[Variation]
"""Variations that take each other's place."""


def combined(axes: Sequence[Axis], *, zipped: bool) -> Iterator[tuple[Variation, ...]]:
    """Every combination of the axes, the last one changing first; or the axes side by side.

    Raises:
        BatchError: axes side by side differ in length, or there are too many combinations.
    """
    lengths = [len(axis) for axis in axes]
    if zipped and len(set(lengths)) > 1:
        told = ", ".join(f"{len(axis)} of {axis[0].place}" for axis in axes)
        raise BatchError([f"--zip takes as many of each, not {told}"])
    count = lengths[0] if zipped and lengths else prod(lengths)
    if count > MOST_JOBS:
        raise BatchError(
            [f"{count} jobs ({' x '.join(map(str, lengths))}): a batch has at most {MOST_JOBS}"]
        )
    if zipped and axes:
        return zip(*axes, strict=True)
    return product(*axes)
