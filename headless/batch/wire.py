"""Tasks and events as JSON, between a batch's process and those that run its jobs."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .backend import BatchEvent, JobDone, JobFailed, JobNote, JobStarted, StepDone, Task
from .job import BatchJob

_KIND = "kind"
_EVENTS: Mapping[str, type[BatchEvent]] = {
    kind.__name__: kind for kind in (JobStarted, JobNote, StepDone, JobDone, JobFailed)
}


def event_as_json(event: BatchEvent) -> dict[str, Any]:
    """Return an event's kind and fields."""
    return {_KIND: type(event).__name__, **asdict(event)}


def read_event(message: Mapping[str, Any]) -> BatchEvent | None:
    """Return the event that `event_as_json` has written; None for any other message."""
    kind = _EVENTS.get(message[_KIND])
    if kind is None:
        return None
    fields = {name: value for name, value in message.items() if name != _KIND}
    if kind is JobDone:
        fields["files"] = tuple(fields["files"])
    return kind(**fields)


def task_as_json(task: Task) -> dict[str, Any]:
    """Return a task with the whole workflow of its job."""
    return {"job": asdict(task.job), "folder": str(task.folder)}


def read_task(message: Mapping[str, Any]) -> Task:
    """Return the task that `task_as_json` has written."""
    fields: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in message["job"].items()
    }
    return Task(job=BatchJob(**fields), folder=Path(message["folder"]))
