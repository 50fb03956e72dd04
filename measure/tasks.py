"""The parts of a measurement: each generates clips, has them judged and returns a table."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .cases import HELD_OUT, SQUARE, Case, batches, cases, true_clips
from .controls import Control
from .figures import Largest, Table, shares
from .given import known_of, new_frames
from .jobs import JOBS, Job
from .readers import Readers, Verdicts
from .report import SHEET_CLIPS, progress_bars
from .stopping import Stopped, keeping
from .studio import Maker
from .vae import GROUP, TITLE, measure_vae

SETS = (*JOBS, "vae")

_VAE_CASES = HELD_OUT + 80_000_000

Seen = Callable[[Sequence[Case], Tensor], None]
"""Called with every batch of cases and its clips (B, F, H, W, 3)."""


@dataclass(frozen=True)
class Task:
    """A part of the measurement that returns one table."""

    name: str
    cases: Sequence[Case]
    run: Callable[[Maker, Readers, Seen], Table]


def tasks_of(sets: Sequence[str], count: int) -> list[Task]:
    """Make all tasks of some sets, with `count` clips for each table.

    Raises:
        ValueError: a set is unknown, or there are fewer than 2 clips.
    """
    unknown = [name for name in sets if name not in SETS]
    if unknown:
        raise ValueError(f"unknown set {', '.join(unknown)}: use {', '.join(SETS)}")
    if count < 2:
        raise ValueError(f"{count} prompts: use at least 2, so that prompts can be shuffled")
    jobs = [job for name in JOBS if name in sets for job in JOBS[name](count)]
    tasks = [
        Task(f"{job.group}: {job.title}", job.cases, partial(measure_job, job)) for job in jobs
    ]
    if "vae" in sets:
        chosen = cases(_VAE_CASES, count, "single", SQUARE)

        def run(maker: Maker, readers: Readers, seen: Seen) -> Table:
            return measure_vae(maker.vae, chosen, seen)

        tasks.append(Task(f"{GROUP}: {TITLE}", chosen, run))
    return tasks


def measure_job(job: Job, maker: Maker, readers: Readers, seen: Seen) -> Table:
    """Generate the clips of a job and have them judged."""
    wanted = job.wanted()
    asked = list(zip(wanted, *(control.wanted(wanted) for control in job.controls), strict=True))
    made: list[Verdicts] = []
    true: Verdicts = []
    changes: list[float] = []

    def table() -> Table:
        return _table(job, _columns(job, made, true), changes)

    with keeping(made, table):
        for batch in batches(job.cases):
            told, asked = asked[: len(batch)], asked[len(batch) :]
            video = true_clips(batch).video
            clips, shown = _make(job, maker, batch, video, changes)
            looked_at = [
                clip[new] for each in (clips, video) for clip, new in zip(each, shown, strict=True)
            ]
            specs = [*told, *(each[:1] for each in told)]
            judged = readers.judge(job.view, looked_at, specs, batch[0].fps)
            made += judged[: len(batch)]
            true += [own for (own,) in judged[len(batch) :]]
            seen(batch, clips)
    return table()


def _columns(job: Job, made: Sequence[Verdicts], true: Verdicts) -> dict[str, Verdicts]:
    """Verdicts on clips by their own prompts, on true clips, and on clips by each control."""
    own, *others = map(list, zip(*made, strict=True))
    controls = zip(job.controls, others, strict=True)
    judged = {control.column: _about(control, verdicts) for control, verdicts in controls}
    return {"generated": own, "true renders": true, **judged}


def _about(control: Control, verdicts: Verdicts) -> Verdicts:
    """Keep only the verdicts that a control is about."""
    if control.tests is None:
        return verdicts
    return [{name: each[name] for name in control.tests if name in each} for each in verdicts]


def _make(
    job: Job, maker: Maker, batch: Sequence[Case], video: Tensor, changes: list[float]
) -> tuple[Tensor, list[Tensor]]:
    """Generate clips (B, F, H, W, 3); also return the numbers of the frames to judge in each."""
    if job.given is None:
        return maker.make(batch), [torch.arange(video.shape[1])] * len(batch)
    shape = maker.latent_shape(batch[0].shape)
    known = torch.stack([known_of(job.given, shape, case.seed) for case in batch])
    prompts = [case.prompt if job.prompted else "" for case in batch]
    filled = maker.fill(batch, prompts, video, known)
    changes.append(filled.change)
    return filled.clips, [new_frames(each, maker.vae.time_factor) for each in known]


def _table(job: Job, verdicts: Mapping[str, Verdicts], changes: Sequence[float]) -> Table:
    rows: dict[str, dict[str, Any]] = {}
    for column, judged in verdicts.items():
        for name, share in shares(judged, job.names, job.beside).items():
            rows.setdefault(name, {})[column] = share
    if changes:
        rows["change of the given part"] = {"generated": Largest(max(changes))}
    return Table(job.group, job.title, rows)


class Sheet:
    """Keeps the first generated clips."""

    def __init__(self) -> None:
        self.clips: list[Tensor] = []
        self.prompts: list[str] = []

    def add(self, chosen: Sequence[Case], clips: Tensor) -> None:
        """Keep a batch until there are enough."""
        room = SHEET_CLIPS - len(self.clips)
        self.clips += clips[:room]
        self.prompts += [case.prompt for case in chosen[:room]]


class Measured(NamedTuple):
    """The tables of a measurement, and whether it was interrupted before it finished."""

    tables: list[Table]
    interrupted: bool = False


def measure(maker: Maker, readers: Readers, tasks: Sequence[Task], sheet: Sheet) -> Measured:
    """Run all tasks with a progress bar for each and one for all of them.

    The sheet keeps clips of the first task. An interrupted measurement returns what it has found so
    far.
    """
    tables: list[Table] = []
    with progress_bars() as bars:
        whole = bars.add_task("all", total=sum(len(task.cases) for task in tasks))
        parts = [bars.add_task(task.name, total=len(task.cases)) for task in tasks]
        done = 0

        def follow(chosen: Sequence[Case], clips: Tensor) -> None:
            nonlocal done
            done += len(chosen)
            bars.advance(whole, len(chosen))
            bars.advance(parts[len(tables)], len(chosen))
            if not tables:
                sheet.add(chosen, clips)

        for task in tasks:
            start, done = time.perf_counter(), 0
            try:
                table = task.run(maker, readers, follow)
            except Stopped as stopped:
                note = f"{task.name}: interrupted after {done} of {len(task.cases)} cases"
                table = replace(stopped.table, notes=(*stopped.table.notes, note))
                tables.append(replace(table, seconds=time.perf_counter() - start))
                return Measured(tables, interrupted=True)
            except KeyboardInterrupt:
                return Measured(tables, interrupted=True)
            tables.append(replace(table, seconds=time.perf_counter() - start))
    return Measured(tables)
