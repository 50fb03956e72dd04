"""What runs on the nodes of a Ray cluster: jobs in a process of the standalone host."""

import os
import queue
import tempfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from .backend import BatchEvent, BatchStopped, JobDone, Task
from .here import Here
from .settings import BatchSettings
from .wire import event_as_json, read_task

PART = 8 << 20
"""Bytes of a file that travel at a time."""

PLACE, FILE, FULL = "place", "file", "full"
"""Kinds of messages beside events: where the job is saved, a part of a file, a full disk."""


class RayActor:
    """Runs jobs, one at a time.

    Args:
        settings: of the batch, as JSON.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._backend = Here(BatchSettings.of(settings, {}))

    def process(self) -> int:
        """Return the number of the process; it can run jobs."""
        return os.getpid()

    def run(self, message: Mapping[str, Any], mark: str) -> Iterator[dict[str, Any]]:
        """Run a job, and yield what is to be known of it where the batch is.

        Args:
            message: the task, as JSON.
            mark: name of a file that lies in the job's folder. Where it is seen, so is the folder,
                and files stay in it; elsewhere they are sent.
        """
        task = read_task(message)
        shared = (task.folder / mark).is_file()
        yield {"kind": PLACE, "shared": shared}
        if shared:
            yield from self._messages(task)
            return
        with tempfile.TemporaryDirectory(prefix="spacetime-") as folder:
            yield from self._messages(replace(task, folder=Path(folder)), is_sent=True)

    def _messages(self, task: Task, *, is_sent: bool = False) -> Iterator[dict[str, Any]]:
        """Events as they come; before the end of a job its files, where they are to be sent."""
        told = queue.SimpleQueue[BatchEvent | BaseException | None]()
        threading.Thread(target=self._work, args=(task, told), daemon=True).start()
        while (event := told.get()) is not None:
            if isinstance(event, BatchStopped):
                yield {"kind": FULL, "message": str(event)}
            elif isinstance(event, BaseException):
                raise event
            else:
                for name in event.files if is_sent and isinstance(event, JobDone) else ():
                    yield from _parts(task.folder, name)
                yield event_as_json(event)

    def _work(self, task: Task, told: "queue.SimpleQueue[Any]") -> None:
        try:
            self._backend.run([task], told.put)
            self._backend.finish()
        except BaseException as problem:
            told.put(problem)
        told.put(None)


def _parts(folder: Path, name: str) -> Iterator[dict[str, Any]]:
    """A file in parts; the last one is empty."""
    with (folder / name).open("rb") as file:
        while True:
            part = file.read(PART)
            yield {"kind": FILE, "name": name, "part": part}
            if not part:
                return
