"""Jobs of one kind take the same time and memory: they differ in seeds and texts alone."""

from collections.abc import Iterable

from ...graph.dynamic_prompts import SEEDS
from .job import BatchJob

WITHOUT_EFFECT = frozenset({*SEEDS, "text", "prompt", "filename_prefix"})
"""Inputs that change neither time nor memory."""


def jobs_by_kind(jobs: Iterable[BatchJob]) -> list[list[BatchJob]]:
    """Jobs of each kind, kinds and jobs in the order in which they come."""
    kinds: dict[object, list[BatchJob]] = {}
    for job in jobs:
        kinds.setdefault(_kind(job), []).append(job)
    return list(kinds.values())


def _kind(job: BatchJob) -> object:
    told = [each for each in job.assignments if _input(each) not in WITHOUT_EFFECT]
    return id(job.workflow), tuple(told)


def _input(assignment: str) -> str:
    return assignment.partition("=")[0].rpartition(".")[2].strip()
