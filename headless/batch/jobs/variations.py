"""How the jobs of a batch differ."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

from .problems import BatchError

MOST_JOBS = 100_000
"""Maximum jobs of a batch: more are likely a mistake in a range."""


SEED, PROMPT = "seed", "prompt"
"""Words for the inputs that are found in the graph automatically."""


@dataclass(frozen=True, kw_only=True)
class Variation:
    """Inputs that a job sets, and the place that sets them.

    Args:
        place: for messages, such as ``jobs.csv line 4``.
        values: words for inputs, each with its text.
        workflow: file or JSON of the graph, if the job names one.
        name: prefix of the job's files, if the job names one.
    """

    place: str
    values: tuple[tuple[str, str], ...] = ()
    workflow: Path | Mapping[str, Any] | None = None
    name: str = ""


Axis = Sequence[Variation]
"""Alternative variations, one of which each job has."""


def combined(axes: Sequence[Axis], *, zipped: bool) -> Iterator[tuple[Variation, ...]]:
    """Return every combination of the axes, the last one changing fastest; or pair the axes.

    Raises:
        BatchError: paired axes differ in length, or there are too many combinations.
    """
    lengths = [len(axis) for axis in axes]
    if zipped and len(set(lengths)) > 1:
        told = ", ".join(f"{len(axis)} of {axis[0].place}" for axis in axes)
        raise BatchError([f"--zip needs equally many values of each, got {told}"])
    count = lengths[0] if zipped and lengths else prod(lengths)
    if count > MOST_JOBS:
        raise BatchError(
            [f"{count} jobs ({' x '.join(map(str, lengths))}): a batch has at most {MOST_JOBS}"]
        )
    if zipped and axes:
        return zip(*axes, strict=True)
    return product(*axes)
