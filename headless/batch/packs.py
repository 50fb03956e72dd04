"""Group jobs whose evaluations are computed together."""

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
"""Maximum tokens, over all rows, of an evaluation for several jobs: more would gain nothing."""

MOST_LOOKED_AT = 20
"""Maximum kinds of jobs in a batch whose size is determined; jobs of other kinds run alone."""

LATEST = 1.1
"""When the last slot may end, as a multiple of the earliest possible end."""


def groups_of(
    jobs: Sequence[BatchJob], settings: BatchSettings, slots: int = 1
) -> list[tuple[BatchJob, ...]]:
    """Group the jobs of a batch as its settings say; a rehearsal's host is in use afterwards.

    Args:
        jobs: all jobs of the batch.
        settings: settings of the batch.
        slots: groups that run at a time.
    """
    return packs_of(jobs, settings.pack, JobSizes(settings).tokens, slots)


def packs_of(
    jobs: Sequence[BatchJob], pack: int, tokens_of: Callable[[BatchJob], int], slots: int = 1
) -> list[tuple[BatchJob, ...]]:
    """Group jobs of one kind, with jobs that share the most in a row.

    Args:
        jobs: jobs of a batch.
        pack: maximum jobs per group; 0 for as many as is worthwhile, 1 for every job alone.
        tokens_of: tokens of all rows of a job's first evaluation, 0 for none or unknown.
        slots: groups that run at a time. Groups are kept small enough for all slots to end at
            about the same time, if all jobs take equally long.
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
    """Return the number of jobs in each group, one kind after the other.

    The largest groups are divided until no slot has to wait for long.

    Args:
        kinds: how many jobs each kind has, and how many of them may be in a group.
        slots: groups that run at a time; at least this many are made if there are enough jobs.
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
    """Divide jobs into ``count`` portions of nearly equal size."""
    return [
        end - begin for begin, end in pairwise(jobs * each // count for each in range(count + 1))
    ]


def _end(sizes: Iterable[int], slots: int) -> int:
    """Return when the last slot ends, if each takes the next group when it is free."""
    ends = [0] * slots
    for size in sizes:
        heapreplace(ends, ends[0] + size)
    return max(ends)
