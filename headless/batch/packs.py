"""Groups of jobs whose evaluations are made together."""

from collections.abc import Callable, Iterable, Sequence
from heapq import heapreplace
from itertools import chain, islice, pairwise
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

LATEST = 1.1
"""Times of the earliest end that there can be, after which no slot still has work."""


def groups_of(
    jobs: Sequence[BatchJob], settings: BatchSettings, slots: int = 1
) -> list[tuple[BatchJob, ...]]:
    """Put the jobs of a batch into groups, as its settings say; a rehearsal's host is then in use.

    Args:
        jobs: all of them.
        settings: of the batch.
        slots: groups that run at a time.
    """
    return packs_of(jobs, settings.pack, JobSizes(settings).tokens, slots)


def packs_of(
    jobs: Sequence[BatchJob], pack: int, tokens_of: Callable[[BatchJob], int], slots: int = 1
) -> list[tuple[BatchJob, ...]]:
    """Put jobs of one kind into groups, those that share the most after each other.

    Args:
        jobs: of a batch.
        pack: jobs of a group at most; 0 for as many as it pays for, 1 for every job alone.
        tokens_of: tokens of all rows of a job's first evaluation, 0 for none or unknown.
        slots: groups that run at a time. They are small enough for all slots to end at about the
            same time, if all jobs take as long.
    """
    kinds = jobs_by_kind(in_good_order(jobs))
    several = sorted((kind for kind in kinds if len(kind) > 1), key=len, reverse=True)
    looked_at = several[:MOST_LOOKED_AT] if pack != 1 else []
    most = {id(kind): _most_together(tokens_of(kind[0]), pack) for kind in looked_at}
    sizes = _sizes([(len(kind), most.get(id(kind), 1)) for kind in kinds], slots)
    in_order = chain.from_iterable(kinds)
    return [tuple(islice(in_order, size)) for size in sizes]


def _most_together(tokens: int, pack: int) -> int:
    if not tokens:
        return 1
    return pack or max(1, MOST_TOKENS // tokens)


def _sizes(kinds: Sequence[tuple[int, int]], slots: int) -> list[int]:
    """Jobs of each group, of one kind after the other.

    The largest groups are divided until no slot has to wait for long.

    Args:
        kinds: how many jobs each kind has, and how many of them may be in a group.
        slots: groups that run at a time; there are as many, if there are as many jobs.
    """
    numbers, counts = [number for number, _ in kinds], [ceil(jobs / most) for jobs, most in kinds]
    jobs = sum(numbers)
    while True:
        sizes = [*chain.from_iterable(map(_portions, numbers, counts))]
        is_late = _end(sizes, slots) > LATEST * ceil(jobs / slots)
        if not is_late and len(sizes) >= min(slots, jobs):
            return sizes
        largest = [ceil(number / count) for number, count in zip(numbers, counts, strict=True)]
        last = max(range(len(kinds)), key=lambda kind: (largest[kind], kind))
        counts[last] += 1


def _portions(jobs: int, count: int) -> list[int]:
    """Portions of nearly one size."""
    return [
        end - begin for begin, end in pairwise(jobs * each // count for each in range(count + 1))
    ]


def _end(sizes: Iterable[int], slots: int) -> int:
    """When the last slot ends, each of which takes the next group when it is free."""
    ends = [0] * slots
    for size in sizes:
        heapreplace(ends, ends[0] + size)
    return max(ends)
