"""Run the jobs of a batch on ComfyUI servers, and download their files."""

import json
import time
import traceback
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...graph.errors import WorkflowError, listed
from ...graph.server_nodes import file_inputs
from ...media import plain_path, shown
from ..failure import message_of
from ..prompt import Prompt, prompt_of
from .backend import (
    BatchEvent,
    BatchStopped,
    JobDone,
    JobFailed,
    JobNote,
    JobStarted,
    StepDone,
    Task,
)
from .comfyui_client import ComfyUIClient, Refused, Unreachable, events_package, local_place
from .comfyui_history import failure, refused_prompt, saved_files, succeeded, title_of
from .comfyui_pool import ServerPool, ServerSlot
from .ingredients import words_of
from .job import BatchJob

LISTEN_SECONDS = 1.0
"""Seconds without an event after which the server is asked about the prompt."""

MOST_RUNS = 2
"""Maximum times that a job is queued if servers restart while it runs: it may be the cause."""

MOST_BREAKS = 5
"""Maximum consecutive connection failures of a job."""

Tell = Callable[[BatchEvent], None]


class _NodesMissingError(ValueError):
    """A server does not have the nodes of a job."""


class _ForgottenError(Unreachable):
    """A server does not know a prompt that was queued on it: it has been restarted."""


@dataclass
class _Course:
    """Progress of a job.

    Attributes:
        task: the job.
        tell: called with its events.
        begun: when it was started.
        queued: servers that it was queued on, with the ids of its prompts.
        breaks: connection failures since a server last reported on it.
        unfit: servers that lack its nodes.
    """

    task: Task
    tell: Tell
    begun: float = field(default_factory=time.monotonic)
    queued: list[tuple[ServerSlot, str]] = field(default_factory=list[tuple[ServerSlot, str]])
    breaks: int = 0
    unfit: set[ServerSlot] = field(default_factory=set[ServerSlot])


class ComfyUIServers:
    """The backend of `--server`.

    Args:
        urls: URLs of the servers.
        headers: sent with every request; they may be secrets.
        patience: seconds after which a batch with no server available ends.
        input_dir: where jobs find local files, which are uploaded.

    Raises:
        ValueError: a URL is not that of a ComfyUI server, or the package for events is missing.
        Unreachable: no server answers.
    """

    def __init__(
        self, urls: Sequence[str], headers: Mapping[str, str], patience: float, input_dir: Path
    ) -> None:
        events_package()  # must be installed before any work
        clients = [ComfyUIClient(url, headers) for url in urls]
        slots = [ServerSlot(client) for client in {each.url: each for each in clients}.values()]
        self._pool = ServerPool(slots, patience)
        self._input = input_dir
        self._pool.meet()

    @property
    def slots(self) -> int:
        """One job per server."""
        return len(self._pool.slots)

    def groups(self, jobs: Sequence[BatchJob]) -> list[tuple[BatchJob, ...]]:
        """Return each job alone, jobs of equal graphs in a row: servers cache results too."""
        graphs = {id(job.workflow): number for number, job in reversed(list(enumerate(jobs)))}
        return [(job,) for job in sorted(jobs, key=lambda job: graphs[id(job.workflow)])]

    def run(self, tasks: Sequence[Task], tell: Tell) -> None:
        """Run jobs one after the other, each on the first idle server.

        Raises:
            KeyboardInterrupt: it was stopped, and so were the prompts.
            BatchStopped: no server has been available for too long.
        """
        for task in tasks:
            tell(JobStarted(job=task.job.id))
            try:
                tell(self._ended(_Course(task, tell)))
            except BatchStopped:
                raise
            except Exception as problem:  # fails this job only
                trace = "" if isinstance(problem, ValueError) else traceback.format_exc()
                tell(JobFailed(job=task.job.id, message=message_of(problem), traceback=trace))

    def finish(self) -> None:
        """Do nothing: all jobs have ended when `run` returns."""

    def stop(self) -> None:
        """Have prompts interrupted by the threads that wait for them."""
        self._pool.stop()

    def close(self) -> None:
        """Stop waiting; nothing is held between jobs."""
        self._pool.stop()

    def _ended(self, course: _Course) -> JobDone | JobFailed:
        """Run a job on servers until one has finished it."""
        lost: ServerSlot | None = None
        while True:
            slot = self._pool.take(avoid=course.unfit, after=lost)
            try:
                return self._on(slot, course)
            except _NodesMissingError:
                course.unfit.add(slot)
                if all(each in course.unfit or not each.is_there for each in self._pool.slots):
                    raise
            except Unreachable as problem:
                self._pool.lost(slot, problem)
                course.tell(JobNote(job=course.task.job.id, text=str(problem)))
                course.breaks += 1
                if course.breaks > MOST_BREAKS:
                    raise ValueError(f"given up after {course.breaks} tries: {problem}") from None
                lost = slot
            finally:
                self._pool.give(slot)

    def _on(self, slot: ServerSlot, course: _Course) -> JobDone | JobFailed:
        """Run a job on a server, or pick up what the server has already run."""
        prompt = self._prompt(slot, course.task.job)
        prompt_id, entry = _known(slot, course, prompt)
        try:
            entry = entry or self._followed(slot, course, prompt, prompt_id)
        except Unreachable:
            raise
        except BaseException:
            with suppress(Unreachable, Refused):
                slot.client.cancel(prompt_id)
            raise
        if not succeeded(entry):
            return failure(course.task.job.id, entry, prompt.nodes, slot.client.url)
        return JobDone(
            job=course.task.job.id,
            files=_fetched(slot.client, course.task.folder, entry),
            seconds=time.monotonic() - course.begun,
            details={
                "server": slot.client.url,
                "versions": slot.versions,
                **words_of(prompt.nodes, slot.registry),
            },
        )

    def _prompt(self, slot: ServerSlot, job: BatchJob) -> Prompt:
        """Return a job as a prompt for the server, with its files uploaded."""
        prompt = prompt_of(job.workflow, job.assignments, slot.registry)
        kinds = [_kind(key, node) for key, node in prompt.nodes.items()]
        missing = [kind for kind in dict.fromkeys(kinds) if kind not in slot.registry]
        if missing:
            raise _NodesMissingError(
                f"{slot.client.url} has no {listed(missing)}: install the packs with these nodes "
                "on that server"
            )
        return Prompt(self._with_files(slot, prompt.nodes), prompt.drawn)

    def _with_files(self, slot: ServerSlot, nodes: Mapping[str, Any]) -> dict[str, Any]:
        """Return nodes with their local files uploaded."""
        found: dict[str, Any] = {}
        for key, node in nodes.items():
            inputs = dict(node["inputs"])
            for name in file_inputs(slot.info[node["class_type"]]):
                file = self._local_file(inputs.get(name))
                if file is not None:
                    inputs[name] = _uploaded(slot, file, str(inputs[name]))
            found[key] = {**node, "inputs": inputs}
        return found

    def _local_file(self, value: object) -> Path | None:
        """Return the file in the input folder that an input names, if any."""
        if not isinstance(value, str) or "\0" in value:
            return None
        folder, name = plain_path(self._input), value.removesuffix(" [input]").replace("\\", "/")
        file = plain_path(folder / name)
        return file if file.is_relative_to(folder) and file.is_file() else None

    def _followed(
        self, slot: ServerSlot, course: _Course, prompt: Prompt, prompt_id: str
    ) -> Mapping[str, Any]:
        """Queue a prompt, unless it is queued already, and wait for its end."""
        with slot.client.events(LISTEN_SECONDS) as events:
            if not slot.client.place(prompt_id):
                entry = slot.client.history(prompt_id)  # it may have ended since the last query
                if entry is not None:
                    return entry
                self._queue(slot, course, prompt, prompt_id)
            for event in events:
                if self._pool.is_stopping:
                    raise KeyboardInterrupt
                about = _about(event, prompt_id)
                for told in _told(course.task.job.id, about, prompt.nodes):
                    course.tell(told)
                if event is None or about.get("node", "") is None:
                    entry = _recorded(slot.client, prompt_id, is_silent=event is None)
                    if entry is not None:
                        return entry
                self._pool.seen()
                if event is None or "prompt_id" in about:
                    course.breaks = 0
        raise AssertionError("events do not end")

    def _queue(self, slot: ServerSlot, course: _Course, prompt: Prompt, prompt_id: str) -> None:
        if len(course.queued) == MOST_RUNS:
            raise ValueError(
                f"{slot.client.url} went away while it ran this job, as a server did before: see "
                "the logs of the servers"
            )
        try:
            answer = slot.client.queue(prompt_id, prompt.nodes, prompt.extra_pnginfo)
        except Refused as refusal:
            raise refused_prompt(refusal.answer, prompt.nodes) or refusal from refusal
        problem = refused_prompt(answer, prompt.nodes)
        if problem is not None:  # the server would run the other nodes
            raise problem
        for other, prompt_there in course.queued:
            if other is not slot:
                other.abandoned.add(prompt_there)
        course.queued.append((slot, prompt_id))


def _kind(key: str, node: Any) -> str:
    """Return the class of a prompt's node.

    Raises:
        WorkflowError: it is not a node.
    """
    kind = node.get("class_type") if isinstance(node, dict) else None
    if not isinstance(kind, str) or not isinstance(node.get("inputs"), dict):
        raise WorkflowError(
            f"node #{shown(key)} has no class_type or no inputs: save the graph again"
        )
    return kind


def _known(
    slot: ServerSlot, course: _Course, prompt: Prompt
) -> tuple[str, Mapping[str, Any] | None]:
    """Return the id of a prompt, and the server's record if it has already run it.

    The id is derived from the job, so that a killed batch finds what its servers went on with.
    A prompt that failed in an earlier session is tried again under another id.
    """
    task, own = course.task, {prompt_id for _, prompt_id in course.queued}
    about = json.dumps([str(task.folder), task.job.id, prompt.nodes], sort_keys=True)
    attempt = 0
    while True:
        prompt_id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{attempt} {about}"))
        entry = slot.client.history(prompt_id)
        if entry is None or succeeded(entry) or prompt_id in own:
            slot.abandoned.discard(prompt_id)
            return prompt_id, entry
        attempt += 1


def _uploaded(slot: ServerSlot, file: Path, name: str) -> str:
    """Return the name of a file on a server; the file is uploaded once."""
    state = file.stat()
    key = (str(file), state.st_size, state.st_mtime_ns)
    if key not in slot.uploaded:
        slot.uploaded[key] = slot.client.upload(
            file, file.name if Path(name).is_absolute() else name
        )
    return slot.uploaded[key]


def _about(event: Mapping[str, Any] | None, prompt_id: str) -> Mapping[str, Any]:
    """Return an event's data about a prompt; empty if it is about another one."""
    data = event.get("data") if event is not None else None
    return data if isinstance(data, dict) and data.get("prompt_id") == prompt_id else {}


def _told(job: str, about: Mapping[str, Any], nodes: Mapping[str, Any]) -> Iterator[BatchEvent]:
    """Yield the events of a job for an event of its server."""
    key = about.get("node")
    title = title_of(key, nodes, "") if isinstance(key, str) else ""
    if title and about.get("max"):
        yield StepDone(
            job=job, node=title, done=int(about.get("value", 0)), total=int(about["max"])
        )
    elif title and "output" not in about:
        yield JobNote(job=job, text=title)


def _fetched(client: ComfyUIClient, folder: Path, entry: Mapping[str, Any]) -> tuple[str, ...]:
    """Download the files of a prompt; return their names below the folder."""
    files = saved_files(entry)
    if not files:
        raise ValueError(
            f"{client.url} has run it but lists no file: add a node that saves, such as Save Video"
        )
    places = [local_place(folder, file) for file in files]
    for file, place in zip(files, places, strict=True):
        client.fetch(file, place)
    return tuple(place.relative_to(plain_path(folder)).as_posix() for place in places)


def _recorded(
    client: ComfyUIClient, prompt_id: str, *, is_silent: bool
) -> Mapping[str, Any] | None:
    """Return the record of a prompt; None while it is queued or running.

    Raises:
        _ForgottenError: it is neither queued nor recorded.
    """
    entry = client.history(prompt_id)
    if entry is not None or not is_silent or client.place(prompt_id):
        return entry
    entry = client.history(prompt_id)  # it may have ended between the two queries
    if entry is None:
        raise _ForgottenError(f"{client.url} has forgotten the job: it was restarted")
    return entry
