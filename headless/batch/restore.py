"""Restore a batch that was stopped or killed, so that it can continue."""

import shutil
from collections.abc import Callable

from .layout import Layout
from .manifest import DONE, FAILED, PLANNED, SAVING, JobRecord, Manifest
from .results import can_move, holds, move_results


def restore(
    manifest: Manifest, layout: Layout, *, retry_failed: bool, tell: Callable[[str], None]
) -> None:
    """Finish saving what was being saved, and plan jobs again whose files are not as recorded.

    Args:
        manifest: manifest of the batch; afterwards its records say what is still to be done.
        layout: layout of its folders.
        retry_failed: plan failed jobs again.
        tell: called with messages about files that are missing, changed or were put aside.
    """
    for record in manifest.records.values():
        job = record.job.id
        if record.state == SAVING and can_move(record.files, layout.job(job), layout.output):
            _move(record, layout, tell)
            manifest.change(job, DONE)
        elif record.state == DONE and (why := _why_not_done(record, layout)):
            tell(f"{record.job.name} runs again: {why}")
            manifest.change(job, PLANNED, reason=why)
        elif record.state == SAVING or (record.state == FAILED and retry_failed):
            manifest.change(job, PLANNED)
        if record.state == DONE:
            shutil.rmtree(layout.job(job), ignore_errors=True)


def _move(record: JobRecord, layout: Layout, tell: Callable[[str], None]) -> None:
    folder = layout.job(record.job.id)
    for place in move_results(record.files, folder, layout.output, layout.aside):
        tell(f"another file had the name of a result of {record.job.name}; moved to {place}")


def _why_not_done(record: JobRecord, layout: Layout) -> str:
    for file in record.files:
        path = layout.output / file.name
        if not path.is_file():
            return f"{path} is missing"
        if not holds(path, file.sha256):
            return f"{path} has changed"
    return ""
