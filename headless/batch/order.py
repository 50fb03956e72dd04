"""Order jobs so that each reuses most of what the one before has loaded and computed."""

from collections.abc import Sequence
from typing import Any

from .job import BatchJob


def in_good_order(jobs: Sequence[BatchJob]) -> list[BatchJob]:
    """Put jobs of one workflow in a row, and within it those with more values in common.

    An input with few values, such as a model, changes less often than one with many, such as a
    seed. Otherwise the order stays.
    """
    workflows: dict[int, list[BatchJob]] = {}
    for job in jobs:
        workflows.setdefault(id(job.workflow), []).append(job)
    return [job for those in workflows.values() for job in _of_one_workflow(those)]


def _of_one_workflow(jobs: Sequence[BatchJob]) -> list[BatchJob]:
    values: dict[str, dict[str, int]] = {}
    for job in jobs:
        for target, value in _inputs(job).items():
            places = values.setdefault(target, {})
            places.setdefault(value, len(places))
    targets = sorted(values, key=lambda target: len(values[target]))

    def places_of(job: BatchJob) -> list[Any]:
        given = _inputs(job)
        return [values[each][given[each]] if each in given else -1 for each in targets]

    return sorted(jobs, key=places_of)


def _inputs(job: BatchJob) -> dict[str, str]:
    """Return the values that a job sets, by node and input; the last of several values counts."""
    return {target: value for target, _, value in (each.partition("=") for each in job.assignments)}
