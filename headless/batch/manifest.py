"""The record of a batch: a file of JSON lines, one per change, that survives a kill.

The first line describes the batch; its workflows and its jobs with their groups follow. All of
these are written before work starts. Every later line is a change: of a job, or the start or end of
a session, which is one run of the command. The last change counts.
"""

import json
import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from .job import BatchJob

FILE = "manifest.jsonl"
FORMAT = 1

PLANNED, RUNNING, SAVING, DONE, FAILED = "planned", "running", "saving", "done", "failed"
"""States of a job. A stopped job is planned again."""


class ManifestError(ValueError):
    """A manifest that cannot be read."""


@dataclass(frozen=True, kw_only=True)
class SavedFile:
    """A result: ``saved`` in the job's folder, then ``name`` below the output folder."""

    saved: str
    name: str
    sha256: str
    bytes: int


@dataclass(kw_only=True)
class JobRecord:
    """A job in a manifest.

    Args:
        job: the job to run.
        group: number of its group, whose jobs run together.
        state: the latest one.
        at: when it entered that state, as an ISO time; empty if it was only planned.
        files: those it saved last.
        seconds: time that took.
        details: what they were made with, as reported by the backend.
        versions: versions in the session that made the files.
        error, node: why it failed, and the title of the node that failed.
    """

    job: BatchJob
    group: int
    state: str = PLANNED
    at: str = ""
    files: tuple[SavedFile, ...] = ()
    seconds: float | None = None
    details: Mapping[str, Any] = field(default_factory=dict[str, Any])
    versions: Mapping[str, Any] = field(default_factory=dict[str, Any])
    error: str = ""
    node: str = ""


@dataclass(kw_only=True)
class Contents:
    """A manifest as it was read.

    Args:
        header: the first line: ``made`` (when), ``batch``, ``digest`` of the jobs, ``settings``.
        records: job records by id, in the order of the file.
        versions: versions in the last session.
        ended: why that session ended; None while it runs, or if it was killed.
        end: bytes up to the end of the last complete line.
    """

    header: Mapping[str, Any]
    records: dict[str, JobRecord] = field(default_factory=dict[str, JobRecord])
    versions: Mapping[str, Any] = field(default_factory=dict[str, Any])
    ended: str | None = None
    end: int = 0

    @property
    def groups(self) -> list[tuple[JobRecord, ...]]:
        """Records, grouped by the jobs that run together."""
        found: dict[int, list[JobRecord]] = {}
        for record in self.records.values():
            found.setdefault(record.group, []).append(record)
        return [tuple(found[number]) for number in sorted(found)]


class Manifest:
    """A manifest to write to, from any thread; every line is on the disk when a call returns.

    Args:
        path: path of a file written by `write_plan`.

    Raises:
        ManifestError: it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        contents = read_manifest(path)
        self.header, self.records, self.groups = contents.header, contents.records, contents.groups
        self.versions = contents.versions
        self._writing = threading.Lock()
        self._handle = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))
        os.ftruncate(self._handle, contents.end)  # drops a line that a killed process started
        os.lseek(self._handle, 0, os.SEEK_END)

    def change(self, job: str, state: str, **facts: Any) -> None:
        """Record the new state of a job, with its facts."""
        if "files" in facts:
            facts["files"] = [asdict(each) for each in facts["files"]]
        line = {"job": job, "state": state, "at": _now(), **facts}
        _change(self.records[job], line, self.versions)
        self._append(line)

    def session(self, versions: Mapping[str, Any]) -> None:
        """Record that work starts, and with which versions."""
        self.versions = versions
        self._append({"session": "begin", "at": _now(), "versions": versions})

    def close(self, reason: str) -> None:
        """Record why work ends, and close the file."""
        with suppress(OSError):  # a full disk has already been reported
            self._append({"session": "end", "at": _now(), "reason": reason})
        os.close(self._handle)

    def _append(self, line: Mapping[str, Any]) -> None:
        with self._writing:
            _write(self._handle, _as_line(line))


def write_plan(
    path: Path,
    header: Mapping[str, Any],
    groups: Iterable[Sequence[BatchJob]],
) -> None:
    """Write the first lines of a manifest, all or none.

    Args:
        path: path of the manifest; its folder is created.
        header: describes the batch.
        groups: its jobs; those of a group run together.
    """
    unfinished = path.parent.with_suffix(".part")
    unfinished.parent.mkdir(parents=True, exist_ok=True)
    with unfinished.open("wb") as file:
        for line in _plan_lines(header, groups):
            file.write(_as_line(line))
        file.flush()
        os.fsync(file.fileno())
    path.parent.mkdir()
    unfinished.replace(path)
    _sync_folder(path.parent)


def _plan_lines(
    header: Mapping[str, Any], groups: Iterable[Sequence[BatchJob]]
) -> Iterable[Mapping[str, Any]]:
    yield {"format": FORMAT, "made": _now(), **header}
    known: dict[str, str] = {}
    for number, group in enumerate(groups):
        for job in group:
            text = json.dumps(job.workflow)
            if text not in known:
                known[text] = sha256(text.encode()).hexdigest()
                yield {"workflow": known[text], "graph": job.workflow}
            facts = {key: each for key, each in vars(job).items() if key not in ("id", "workflow")}
            yield {"job": job.id, "state": PLANNED, **facts, "workflow": known[text],
                   "group": number}  # fmt: skip


def read_manifest(path: Path) -> Contents:
    """Read a manifest, even while it is being written; an incomplete last line is ignored.

    Raises:
        ManifestError: it is damaged, or from another version of the pack.
    """
    data = path.read_bytes()
    lines = data.split(b"\n")
    header = _read_line(path, 1, lines[0])
    if header.get("format") != FORMAT:
        raise ManifestError(
            f"{path} has format {header.get('format')!r}, {FORMAT} was expected: continue it with "
            "the version of the pack that wrote it"
        )
    contents, graphs = Contents(header=header, end=len(lines[0]) + 1), dict[str, Any]()
    for number, line in enumerate(lines[1:], 2):
        if number == len(lines) or (number == len(lines) - 1 and not _is_whole(line)):
            break  # what follows the last newline, or a line that is not completely on the disk
        _take(contents, graphs, _read_line(path, number, line))
        contents.end += len(line) + 1
    return contents


def _take(contents: Contents, graphs: dict[str, Any], line: Mapping[str, Any]) -> None:
    """Add what a line records."""
    if "graph" in line:
        graphs[line["workflow"]] = line["graph"]
    elif "session" in line:
        contents.versions = line.get("versions", contents.versions)
        contents.ended = line.get("reason")
    elif "workflow" in line:
        job = BatchJob(
            id=line["job"],
            name=line["name"],
            source=line["source"],
            workflow=graphs[line["workflow"]],
            assignments=tuple(line["assignments"]),
            prompts=tuple(line.get("prompts", ())),
            seeds=tuple(line.get("seeds", ())),
        )
        contents.records[job.id] = JobRecord(job=job, group=line["group"])
    elif "job" in line:
        _change(contents.records[line["job"]], line, contents.versions)


def _change(record: JobRecord, line: Mapping[str, Any], versions: Mapping[str, Any]) -> None:
    """Update a record with a line about its job."""
    record.state, record.at = line["state"], line.get("at", "")
    record.error, record.node = line.get("error", ""), line.get("node", "")
    if "files" in line:
        record.files = tuple(SavedFile(**each) for each in line["files"])
        record.seconds, record.details = line.get("seconds"), line.get("details", {})
        record.versions = record.details.get("versions", versions)


def _read_line(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        return json.loads(line)
    except ValueError as error:
        raise ManifestError(
            f"line {number} of {path} is damaged ({error}): restore the file, or start a new "
            "batch without --resume"
        ) from error


def _is_whole(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def _as_line(values: Mapping[str, Any]) -> bytes:
    return json.dumps(values).encode() + b"\n"


def _write(handle: int, data: bytes) -> None:
    """Append to a file and sync it to the disk; all or nothing, except after a kill."""
    end = os.lseek(handle, 0, os.SEEK_CUR)
    try:
        while data:
            data = data[os.write(handle, data) :]
        os.fsync(handle)
    except BaseException:  # a full disk, or Ctrl-C
        os.ftruncate(handle, end)
        os.lseek(handle, end, os.SEEK_SET)
        raise


def _sync_folder(folder: Path) -> None:
    with suppress(OSError):  # Windows cannot open folders
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
