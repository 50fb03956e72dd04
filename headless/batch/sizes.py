"""Determine the size of a batch's jobs without their weights."""

from pathlib import Path

from ...hosts.standalone.folders import Folders, use_folders
from ..check.rehearsal import RehearsalHost, tokens_at_first
from ..engine import Job, standalone_registry
from ..prompt import prompt_of
from .job import BatchJob
from .settings import BatchSettings
from .working import working_on


class JobSizes:
    """Rehearses jobs up to their first evaluation; its host is in use from then on.

    Args:
        settings: settings of the batch.
    """

    def __init__(self, settings: BatchSettings) -> None:
        self._folders = Folders.of(input=settings.input_dir, output=settings.output_dir)
        self._host = RehearsalHost(
            models=Path(settings.models_dir), device="cpu", dtype=settings.dtype, is_short=True
        )
        with use_folders(self._folders):  # the choices that nodes offer are read from these
            self._registry = standalone_registry(self._host)

    def tokens(self, job: BatchJob) -> int:
        """Return the tokens of a job's first evaluation; 0 if it cannot run, reported later."""
        given = Job(workflow=job.workflow, folders=self._folders, assignments=job.assignments)
        with use_folders(given.places), working_on(job.id, lambda event: None):
            try:
                nodes = prompt_of(job.workflow, job.assignments, self._registry).nodes
                return tokens_at_first(nodes, self._registry, self._host, given.places)
            except Exception:
                return 0
