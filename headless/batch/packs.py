"""Groups of jobs whose evaluations are made together."""

from collections.abc import Callable, Iterator, Sequence
from math import ceil

from .job import BatchJob
from .kinds import jobs_by_kind
from .order import in_good_order
from .settings import BatchSettings
from .sizes import JobSizes

MOST_TOKENS = 2560
"""Of all rows of an evaluation that is made for several jobs: from there on they gain nothing."""

MOST_LOOKED_AT = 20
"""Kinds of jobs of a batch of which it is found out how large they are; others are alone."""


def groups_of(jobs: Sequence[BatchJob], settings: BatchSettings) -> list[tuple[BatchJob, ...]]:
    """Put the jobs of a batch into groups, as its settings say; a rehearsal's host is then in use.

    Args:
        jobs: all of them.
        settings: of the batch.
    """
    return packs_of(jobs, settings.pack, JobSizes(settings).tokens)


def packs_of(
    jobs: Sequence[BatchJob], pack: int, tokens_of: Callable[[BatchJob], int]
) -> list[tuple[BatchJob, ...]]:
    """Put jobs of one kind into groups, those that share the most after each other.

    Args:
        jobs: of a batch.
        pack: jobs of a group at most; 0 for as many as it pays for, 1 for every job alone.
        tokens_of: tokens of all rows of a job's first evaluation, 0 for none or unknown.
    """
    kinds = jobs_by_kind(in_good_order(jobs))
    several = sorted((kind for kind in kinds if len(kind) > 1), key=len, reverse=True)
    looked_at = several[:MOST_LOOKED_AT] if pack != 1 else []
    sizes = {id(kind): _most_together(tokens_of(kind[0]), pack) for kind in looked_at}
    return [group for kind in kinds for group in _portions(kind, sizes.get(id(kind), 1))]


def _most_together(tokens: int, pack: int) -> int:
    if not tokens:
        return 1
    return pack or max(1, MOST_TOKENS // tokens)


def _portions(jobs: Sequence[BatchJob], most: int) -> Iterator[tuple[BatchJob, ...]]:
    """Portions of nearly one size."""
    count = ceil(len(jobs) / most)
    for number in range(count):
        begin, end = (len(jobs) * each // count for each in (number, number + 1))
        yield tuple(jobs[begin:end])
