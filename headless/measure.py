"""How well the shipped weights do what they are asked for, read from the pixels of what they make.

Scenes are held out, each is asked for once with one seed, and nothing is picked. Beside every
figure stand the meter's own on the world's true renders of the same scenes, and those of the same
clips against each other's prompts.
"""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from torch import Tensor

from ..media import save_image
from .measure_cases import (
    FPS,
    HELD_OUT,
    SQUARE,
    Case,
    Job,
    batches,
    cases,
    given_jobs,
    image_jobs,
    physics_jobs,
    scene_jobs,
    text_jobs,
    true_clips,
)
from .measure_figures import Largest, Table, shares
from .measure_given import known_of, new_frames
from .measure_report import SHEET_CLIPS, contact_sheet, print_tables, progress_bars
from .measure_studio import Maker, Settings, Studio
from .measure_vae import measure_vae

JOBS: Mapping[str, Callable[[int], Sequence[Job]]] = {
    "text": text_jobs,
    "image": image_jobs,
    "scenes": scene_jobs,
    "physics": physics_jobs,
    "given": given_jobs,
}
SETS = (*JOBS, "vae")

_VAE_CASES = HELD_OUT + 80_000_000

Seen = Callable[[Sequence[Case], Tensor], None]
"""Told of every batch of cases with its clips (B, F, H, W, 3)."""


@dataclass(frozen=True)
class Task:
    """A part of the measurement that ends in one table."""

    title: str
    cases: Sequence[Case]
    run: Callable[[Maker, Seen], Table]


def tasks_of(sets: Sequence[str], count: int) -> list[Task]:
    """Everything that sets consist of, with `count` clips for each table.

    Raises:
        ValueError: an unknown set, or no clips.
    """
    unknown = [name for name in sets if name not in SETS]
    if unknown:
        raise ValueError(f"unknown set {', '.join(unknown)}: use {', '.join(SETS)}")
    if count < 2:
        raise ValueError(f"{count} prompts: use at least 2, so that there is one to shuffle with")
    jobs = [job for name in JOBS if name in sets for job in JOBS[name](count)]
    tasks = [Task(job.title, job.cases, partial(measure_job, job)) for job in jobs]
    if "vae" in sets:
        chosen = cases(_VAE_CASES, count, "single", SQUARE)
        tasks.append(Task("VAE", chosen, lambda maker, seen: measure_vae(maker.vae, chosen, seen)))
    return tasks


def measure_job(job: Job, maker: Maker, seen: Seen) -> Table:
    """Make the clips of a job and judge them."""
    made: list[Any] = []
    true: list[Any] = []
    changes: list[float] = []
    for batch in batches(job.cases):
        video = true_clips(batch).video
        clips, shown = _make(job, maker, batch, video, changes)
        made += [job.view.read(clip[new], FPS) for clip, new in zip(clips, shown, strict=True)]
        true += [job.view.read(clip[new], FPS) for clip, new in zip(video, shown, strict=True)]
        seen(batch, clips)
    return _table(job, made, true, changes)


def _make(
    job: Job, maker: Maker, batch: Sequence[Case], video: Tensor, changes: list[float]
) -> tuple[Tensor, list[Tensor]]:
    """Clips (B, F, H, W, 3), and the numbers of the frames of each that are looked at."""
    if job.given is None:
        return maker.make(batch), [torch.arange(video.shape[1])] * len(batch)
    shape = maker.latent_shape(batch[0].shape)
    known = torch.stack([known_of(job.given, shape, case.seed) for case in batch])
    prompts = [case.prompt if job.prompted else "" for case in batch]
    filled = maker.fill(batch, prompts, video, known)
    changes.append(filled.change)
    return filled.clips, [new_frames(each, maker.vae.time_factor) for each in known]


def _table(job: Job, made: Sequence[Any], true: Sequence[Any], changes: Sequence[float]) -> Table:
    wanted = job.wanted()
    columns = {
        "generated": (made, wanted),
        "true renders": (true, wanted),
        "shuffled prompts": (made, wanted[1:] + wanted[:1]),
    }
    rows: dict[str, dict[str, Any]] = {}
    for column, (readings, asked) in columns.items():
        verdicts = [job.view.judge(*pair) for pair in zip(readings, asked, strict=True)]
        for name, share in shares(verdicts, job.names, job.beside).items():
            rows.setdefault(name, {})[column] = share
    if changes:
        rows["change of what was given"] = {"generated": Largest(max(changes))}
    return Table(job.title, rows)


class Sheet:
    """Keeps the first clips that are made."""

    def __init__(self) -> None:
        self.clips: list[Tensor] = []
        self.prompts: list[str] = []

    def add(self, chosen: Sequence[Case], clips: Tensor) -> None:
        """Keep a batch until there are enough."""
        room = SHEET_CLIPS - len(self.clips)
        self.clips += clips[:room]
        self.prompts += [case.prompt for case in chosen[:room]]


def measure(maker: Maker, tasks: Sequence[Task], sheet: Sheet) -> list[Table]:
    """Run all tasks with a bar for each and one for everything; the sheet keeps the first one's."""
    tables: list[Table] = []
    with progress_bars() as bars:
        whole = bars.add_task("all", total=sum(len(task.cases) for task in tasks))
        parts = [bars.add_task(task.title, total=len(task.cases)) for task in tasks]

        def follow(chosen: Sequence[Case], clips: Tensor) -> None:
            bars.advance(whole, len(chosen))
            bars.advance(parts[len(tables)], len(chosen))
            if not tables:
                sheet.add(chosen, clips)

        for task in tasks:
            tables.append(task.run(maker, follow))
    return tables


@dataclass(frozen=True, kw_only=True)
class MeasureOptions:
    """What the command line said."""

    prompts: int
    only: Sequence[str]
    settings: Settings
    json_file: Path | None = None
    sheet_file: Path | None = None


def measure_command(options: MeasureOptions, maker: Maker | None = None) -> int:
    """Measure, print and write what was asked for; return the exit code."""
    try:
        tasks = tasks_of(options.only or SETS, options.prompts)
        maker = maker or Studio(options.settings)
    except (ValueError, OSError) as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    sheet = Sheet()
    tables = measure(maker, tasks, sheet)
    print_tables(tables, Console())
    if options.sheet_file:
        save_image(options.sheet_file, contact_sheet(sheet.clips, sheet.prompts))
    if options.json_file:
        result = {"settings": _told(options), **{t.title: t.as_dict() for t in tables}}
        options.json_file.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return 0


def _told(options: MeasureOptions) -> dict[str, Any]:
    settings = options.settings
    return {
        "prompts": options.prompts,
        "guidance": settings.guidance,
        "steps": settings.steps,
        "shift": settings.shift,
        "weights": "shipped" if settings.weights is None else str(settings.weights),
    }
