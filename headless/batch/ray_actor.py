"""The process on a node of a Ray cluster: runs groups of jobs in the standalone host."""

import os
import queue
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from .backend import BatchEvent, BatchStopped, JobDone, Task
from .here import Here
from .settings import BatchSettings
from .wire import event_as_json, read_task

PART = 8 << 20
"""Bytes of a file that are sent at a time."""

PLACE, FILE, FULL = "place", "file", "full"
"""Kinds of messages besides events: where jobs are saved, a part of a file, a full disk."""


class RayActor:
    """Runs groups of jobs, one at a time.

    Args:
        settings: settings of the batch, as JSON.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._backend = Here(BatchSettings.of(settings, {}))

    def process(self) -> int:
        """Return the process id, once jobs can run."""
        return os.getpid()

    def run(self, messages: Sequence[Mapping[str, Any]], mark: str) -> Iterator[dict[str, Any]]:
        """Run a group, and yield messages about it for the process of the batch.

        Args:
            messages: its tasks, as JSON.
            mark: name of a file in the first job's folder. If it is visible here, so are all
                folders, and files stay in them; otherwise files are sent.
        """
        tasks = [read_task(each) for each in messages]
        shared = (tasks[0].folder / mark).is_file()
        yield {"kind": PLACE, "shared": shared}
        if shared:
            yield from self._messages(tasks)
            return
        with tempfile.TemporaryDirectory(prefix="spacetime-") as place:
            inside = [replace(task, folder=Path(place, task.job.id)) for task in tasks]
            for task in inside:
                task.folder.mkdir()
            yield from self._messages(inside, {task.job.id: task.folder for task in inside})

    def _messages(
        self, tasks: Sequence[Task], sent: Mapping[str, Path] = MappingProxyType({})
    ) -> Iterator[dict[str, Any]]:
        """Yield events as they come; if files are sent, those of a job come before its end."""
        told = queue.SimpleQueue[BatchEvent | BaseException | None]()
        threading.Thread(target=self._work, args=(tasks, told), daemon=True).start()
        while (event := told.get()) is not None:
            if isinstance(event, BatchStopped):
                yield {"kind": FULL, "message": str(event)}
            elif isinstance(event, BaseException):
                raise event
            else:
                if isinstance(event, JobDone) and event.job in sent:
                    for name in event.files:
                        yield from _parts(event.job, sent[event.job] / name, name)
                yield event_as_json(event)

    def _work(self, tasks: Sequence[Task], told: "queue.SimpleQueue[Any]") -> None:
        try:
            self._backend.run(tasks, told.put)
            self._backend.finish()
        except BaseException as problem:
            told.put(problem)
        told.put(None)


def _parts(job: str, file: Path, name: str) -> Iterator[dict[str, Any]]:
    """Yield a file in parts; the last one is empty."""
    with file.open("rb") as source:
        while True:
            part = source.read(PART)
            yield {"kind": FILE, "job": job, "name": name, "part": part}
            if not part:
                return
