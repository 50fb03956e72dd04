"""Find jobs that would be refused whatever the networks compute, before a batch starts."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ... import hosts
from ...graph.errors import GraphError, WorkflowError
from ...graph.validate import validate
from ...hosts.standalone.folders import Folders, use_folders
from ...hosts.standalone.host import StandaloneHost
from ...media import counted, shown
from ...media.names import some_of
from ..check.refusals import refusal_of, silence
from ..engine import Engine, Job
from ..failure import message_of
from .backend import JobFailed
from .job import BatchJob
from .kinds import jobs_by_form
from .settings import BatchSettings

MANY = 50
"""Number of kinds of jobs above which the check is announced, since it takes a while."""

MOST_SECONDS = 120.0
"""Seconds after which no further job is checked; other refusals are reported when jobs run."""


def refused_jobs(
    jobs: Sequence[BatchJob],
    settings: BatchSettings,
    *,
    wrong_too: bool = False,
    tell: Callable[[str], None] = lambda text: None,
) -> dict[str, JobFailed]:
    """Return the failures of the jobs that cannot run, by job id.

    One job of each form is checked, and the others only if that one is refused.

    Args:
        jobs: jobs to run on the nodes of the standalone host.
        settings: settings of the batch.
        wrong_too: whether to include jobs whose graphs are invalid, perhaps only here.
        tell: called with a notice if the check takes a while.
    """
    found: dict[str, JobFailed] = {}
    forms = jobs_by_form(jobs)
    if len(forms) > MANY:
        tell(f"checking {len(forms)} kinds of jobs before the first one starts")
    with hosts.lent():
        look, end = _Look(settings, wrong_too), time.monotonic() + MOST_SECONDS
        for first, *others in forms:
            if time.monotonic() > end:
                break
            found |= look.at(first)
            for job in others if first.id in found else ():
                found |= look.at(job)
    return found


def told_together(jobs: Sequence[BatchJob], refused: dict[str, JobFailed]) -> list[str]:
    """Return a line for each reason, with the jobs that it affects."""
    hit: dict[str, list[str]] = {}
    for job in jobs:
        if job.id in refused:
            hit.setdefault(refused[job.id].message, []).append(shown(job.name))
    return [
        f"{counted(len(names), 'job')} cannot run ({some_of(names)}): {message}"
        for message, names in hit.items()
    ]


class _Look:
    """Checks jobs one by one.

    Args:
        settings: settings of the batch.
        wrong_too: whether invalid graphs are reported.
    """

    def __init__(self, settings: BatchSettings, wrong_too: bool) -> None:
        self._wrong_too = wrong_too
        self._models = Path(settings.models_dir)
        self._folders = Folders.of(input=settings.input_dir, output=settings.output_dir)
        host = StandaloneHost(models=self._models, device="cpu", dtype=settings.dtype)
        with use_folders(self._folders):  # the choices that nodes offer are read from these
            self._engine = Engine(host)

    def at(self, job: BatchJob) -> dict[str, JobFailed]:
        """Return the failure of a job that cannot run, by its id; empty for any other job."""
        given = Job(workflow=job.workflow, folders=self._folders, assignments=job.assignments)
        try:
            with silence(), use_folders(given.places):
                nodes = self._engine.prompt(given).nodes
                graph = validate(nodes, self._engine.registry)
        except (GraphError, WorkflowError) as problem:
            told = JobFailed(job=job.id, message=message_of(problem))
            return {job.id: told} if self._wrong_too else {}
        refusal = refusal_of(graph, nodes, given.places, models=self._models)
        if refusal is None:
            return {}
        return {job.id: JobFailed(job=job.id, message=message_of(refusal), node=refusal.title)}
