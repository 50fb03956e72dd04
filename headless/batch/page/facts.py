"""The contents of a contact sheet: facts common to all jobs, and the facts of each job."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from pathlib import Path, PurePosixPath
from typing import Any

from ....graph.assign import split_assignment
from ....graph.dynamic_prompts import SEEDS
from ....hosts.standalone.folders import kind_of
from ..job import BatchJob
from ..layout import Layout
from ..manifest import DONE, FAILED, RUNNING, SAVING, Contents, JobRecord, SavedFile
from .posters import Poster, Posters

PROMPT, SEED, WORKFLOW, PLACE = "prompt", "seed", "workflow", "device"
"""Names of facts that are not inputs."""

_TAGGED = re.compile(r".*#([^\W\d][\w-]*)\.([^.]+)")
"""A node title that ends in a tag, and an input."""

LEFT = "left"
"""State of a job that has not run yet."""


@dataclass(frozen=True, kw_only=True)
class SheetFile:
    """A result.

    Args:
        name: path below the output folder.
        kind: image, video, audio or something else.
        is_there: whether the file still exists.
        poster: a thumbnail; None if there is none.
    """

    name: str
    kind: str
    is_there: bool
    poster: Poster | None


@dataclass(frozen=True, kw_only=True)
class Card:
    """A job.

    Args:
        number: position from 1 in the order in which the jobs were given.
        id, name: id and name of the job.
        state: `DONE`, `FAILED`, `RUNNING` or `LEFT`.
        at: when it entered that state, as an ISO time.
        facts: the facts that vary between jobs, by name.
        files: its results.
        seconds, memory: time taken, and peak memory in bytes.
        error, node: why a job failed, and the title of the node that failed.
        has_log: whether its log exists.
    """

    number: int
    id: str
    name: str
    state: str
    at: str
    facts: Mapping[str, str]
    files: tuple[SheetFile, ...] = ()
    seconds: float | None = None
    memory: int | None = None
    error: str = ""
    node: str = ""
    has_log: bool = False


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """A batch.

    Args:
        title: names of its workflows.
        made: when it was started, in local time.
        ended: why it ended; None if it was killed or is still running.
        is_live: whether it is still running.
        common: the facts that all jobs share, by name.
        varying: names of the other facts.
        cards: its jobs.
    """

    title: str
    made: datetime | None
    ended: str | None
    is_live: bool
    common: Mapping[str, str]
    varying: tuple[str, ...]
    cards: tuple[Card, ...]


def sheet_of(contents: Contents, layout: Layout, posters: Posters, *, is_live: bool) -> Sheet:
    """Return the sheet of a manifest.

    Args:
        contents: contents of the manifest.
        layout: layout of the batch's folders.
        posters: posters of its results.
        is_live: whether the batch is still running.

    Raises:
        OSError: a poster cannot be written.
    """
    records = sorted(contents.records.values(), key=_place)
    facts = [facts_of(record) for record in records]
    names = list(dict.fromkeys(name for each in facts for name in each))
    varying = tuple(name for name in names if _varies(name, facts))
    made = contents.header.get("made")
    return Sheet(
        title=_title([record.job for record in records]),
        made=datetime.fromisoformat(made).astimezone() if made else None,
        ended=contents.ended,
        is_live=is_live,
        common={
            name: next(each[name] for each in facts if name in each)
            for name in names
            if name not in varying
        },
        varying=varying,
        cards=tuple(
            Card(
                number=number,
                id=record.job.id,
                name=record.job.name,
                state=_state(record.state, is_live=is_live),
                at=record.at,
                facts={name: own[name] for name in varying if own.get(name)},
                files=tuple(_files(record, layout, posters)),
                seconds=record.seconds if record.state == DONE else None,
                memory=record.details.get("peak_memory"),
                error=record.error,
                node=record.node,
                has_log=layout.log(record.job.id).is_file(),
            )
            for number, (record, own) in enumerate(zip(records, facts, strict=True), 1)
        ),
    )


def facts_of(record: JobRecord) -> dict[str, str]:
    """Return the facts of a job by name: its prompts, its seeds and the other inputs it sets."""
    job, details = record.job, record.details
    prompts = details.get("prompts") or job.prompts
    found = {PROMPT: "\n".join(prompts), SEED: ", ".join(job.seeds), WORKFLOW: _stem(job.source)}
    assigned = [each for each in map(split_assignment, job.assignments) if not _is_told(*each, job)]
    found |= {_input_name(words): text for words, text in assigned}
    found[PLACE] = str(details.get("server") or details.get("device") or "")
    return {name: text for name, text in found.items() if text}


def _varies(name: str, facts: Sequence[Mapping[str, str]]) -> bool:
    """Whether jobs differ in a fact; jobs that have not run have no device to compare."""
    return len({each.get(name) for each in facts if name in each or name != PLACE}) > 1


def _place(record: JobRecord) -> tuple[int, str]:
    """Sort key for the order in which jobs were given; the manifest has the order they run in."""
    return len(record.job.id), record.job.id


def _input_name(words: str) -> str:
    """Return the displayed name of an input: a tag replaces the node, and also an equal name."""
    tagged = _TAGGED.fullmatch(words)
    if tagged is None:
        return words
    tag, name = tagged.groups()
    return tag if tag.lower() == name.lower() else f"{tag}.{name}"


def _is_told(words: str, text: str, job: BatchJob) -> bool:
    """Whether an assigned input is one of the prompts or seeds, which are shown anyway."""
    is_seed = words.rpartition(".")[2].lower() in (*SEEDS, SEED)
    return text in job.prompts or (is_seed and text in job.seeds)


def _files(record: JobRecord, layout: Layout, posters: Posters) -> Iterable[SheetFile]:
    """Yield the results of a finished job."""
    for saved in record.files if record.state == DONE else ():
        yield _file(saved, layout.output, posters)


def _file(saved: SavedFile, output: Path, posters: Posters) -> SheetFile:
    path, name = output / saved.name, PurePosixPath(saved.name)
    is_below = not name.is_absolute() and ".." not in name.parts
    is_there = is_below and path.is_file()
    return SheetFile(
        name=saved.name,
        kind=kind_of(saved.name),
        is_there=is_there,
        poster=posters.of(path, saved.sha256) if is_there else None,
    )


def _state(state: str, *, is_live: bool) -> str:
    if state in (DONE, FAILED):
        return state
    return RUNNING if is_live and state in (RUNNING, SAVING) else LEFT


def _title(jobs: Sequence[BatchJob]) -> str:
    stems = list(dict.fromkeys(_stem(job.source) for job in jobs))
    return " and ".join(stems) if len(stems) <= 2 else f"{len(stems)} workflows"


def _stem(source: str) -> str:
    """Return the name of a workflow without folders and suffix."""
    path = PurePosixPath(source.replace("\\", "/"))
    return path.stem if path.suffix else source


def numbers_of(values: Sequence[str | None]) -> list[Any]:
    """Return sort values: as numbers if all are finite numbers, else unchanged; None stays None."""
    try:
        numbers = [None if value is None else float(value) for value in values]
    except ValueError:
        return list(values)
    are_finite = all(number is None or isfinite(number) for number in numbers)
    return numbers if are_finite else list(values)
