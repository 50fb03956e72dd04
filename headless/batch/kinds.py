"""Group jobs by kind: those that differ only in seeds and texts take the same time and memory."""

from collections.abc import Callable, Hashable, Iterable

from ...graph.dynamic_prompts import SEEDS
from .job import BatchJob

WITHOUT_EFFECT = frozenset({*SEEDS, "text", "prompt", "filename_prefix"})
"""Inputs that affect neither time nor memory."""


def jobs_by_kind(jobs: Iterable[BatchJob]) -> list[list[BatchJob]]:
    """Group jobs by kind; kinds and jobs keep their order."""
    return _grouped(jobs, _kind)


def jobs_by_form(jobs: Iterable[BatchJob]) -> list[list[BatchJob]]:
    """Group jobs by kind and by the number of lines in their texts, in the order they come."""
    return _grouped(jobs, lambda job: (_kind(job), *map(_form, job.assignments)))


def _grouped(jobs: Iterable[BatchJob], key: Callable[[BatchJob], Hashable]) -> list[list[BatchJob]]:
    found: dict[Hashable, list[BatchJob]] = {}
    for job in jobs:
        found.setdefault(key(job), []).append(job)
    return list(found.values())


def _kind(job: BatchJob) -> Hashable:
    told = [each for each in job.assignments if _input(each) not in WITHOUT_EFFECT]
    return id(job.workflow), tuple(told)


def _form(assignment: str) -> Hashable:
    target, _, value = assignment.partition("=")
    return target, len(value.splitlines()) if value.strip() else 0


def _input(assignment: str) -> str:
    return assignment.partition("=")[0].rpartition(".")[2].strip()
