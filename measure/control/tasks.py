"""The parts of `spacetime measure control`, each with one table.

B batch, F frames, H rows, W columns.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...model_loaders.load import ControlWeights, read_control, read_dit
from ...toyworld import Clip, parse_caption
from ...training.control import base_fingerprint
from ...training.recipe import control_file
from ...weights import bundled
from ..cases import Case, batches, true_clips
from ..figures import Figure, Table
from ..readers import Readers
from ..stopping import keeping
from ..studio import ClipMaker, Maker
from ..tasks import Seen, Task
from .drag import drag_task
from .jobs import JOBS, ControlJob, as_told
from .judging import FOLLOWED, Findings, Question, findings_of
from .tables import ANOTHER, FREE, GROUP, STEERED, TRUTH, control_table, figure, verdict

STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5)
SWEPT = 40
"""Maximum number of cases on which each strength is tried."""

STRENGTH, DRAG = "strength", "drag"
NAMES = (*JOBS, STRENGTH, DRAG)


@dataclass
class Adherence:
    """How well hints are followed at each strength, in percent, by the title of a job."""

    lines: dict[str, dict[float, float]] = field(default_factory=dict)


def control_tasks(
    names: Sequence[str], count: int, maker: ClipMaker, controls: Path | None, swept: Adherence
) -> list[Task]:
    """Return the tasks for the given names, with `count` cases each.

    Args:
        names: some of `NAMES`; "strength" sweeps the strength for each of the named hints, or for
            all if none is named; "drag" needs no control branch.
        count: number of cases, at least 2.
        maker: generates the clips.
        controls: folder of the control branches; None for the shipped ones.
        swept: filled in while the tasks run.

    Raises:
        ValueError: a name is unknown, there are too few cases, or a control branch is missing or
            was trained for another denoiser.
    """
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        raise ValueError(f"unknown part {', '.join(unknown)}: use {', '.join(NAMES)}")
    if count < 2:
        raise ValueError(f"{count} cases: use at least 2, so that there is another clip's hint")
    chosen = [name for name in names if name in JOBS]
    swept_too = JOBS if STRENGTH in names else ()
    jobs = [JOBS[name](count) for name in chosen or swept_too]
    files = {job.hint: control_path(controls, job.hint) for job in jobs}
    nets = {
        hint: maker.host.models.make_control(read_for(path, maker), dtype="auto")
        for hint, path in files.items()
    }
    tasks = []
    for job in jobs:
        if chosen:
            run = partial(_run, job, maker, nets[job.hint])
            tasks.append(Task(f"{GROUP}: {job.title}", job.cases, run))
        if STRENGTH in names:
            some = replace(job, cases=job.cases[:SWEPT])
            run = partial(_sweep, some, maker, nets[job.hint], swept)
            tasks.append(Task(f"{GROUP}: {STRENGTH}, {job.title}", some.cases, run))
    return [*tasks, drag_task(count, maker)] if DRAG in names else tasks


def read_for(path: Path, maker: ClipMaker) -> ControlWeights:
    """Read the control branch in a file, for the denoiser to measure.

    Raises:
        ValueError: its metadata says that it was trained for another denoiser.
    """
    branch, base = read_control(path), maker.path("diffusion_models")
    known = branch.info.get("base")
    if known is not None and known != base_fingerprint(read_dit(base).state):
        raise ValueError(
            f"{path} was trained for another denoiser than {base}: put the denoiser that it was "
            f"trained for, with its text encoder and VAE, into {path.parent}"
        )
    return branch


def control_path(weights: Path | None, hint: str) -> Path:
    """Return the file of the control branch for a hint, in a folder or among the shipped files.

    Raises:
        ValueError: there is no such file.
    """
    name = control_file(hint)
    path = bundled("controlnet").get(name) if weights is None else weights / name
    if path is None or not path.exists():
        where = "ships with these weights" if weights is None else f"is in {weights}"
        raise ValueError(
            f"no {name} {where}: train one with `spacetime train control --hint {hint}` and name "
            "its folder with --weights"
        )
    return path


def _run(
    job: ControlJob, maker: ClipMaker, net: Any, _: Maker, readers: Readers, seen: Seen
) -> Table:
    found: dict[str, list[Findings]] = {}
    table = partial(control_table, job, found)
    with keeping(found, table):
        for start, batch in _batches(job.cases):
            told, clips, pictures = _followed(job, batch)
            others = [job.cases[(start + n + 1) % len(job.cases)] for n in range(len(batch))]
            versions = {
                STEERED: _steered(maker, told, net, pictures),
                ANOTHER: _steered(maker, told, net, _followed(job, others)[2]),
                FREE: maker.make(told),
                TRUTH: maker.decode(maker.encode(torch.cat([clip.video for clip in clips]))),
            }
            asked = _questions(job, batch, told, clips)
            judged = {
                name: readers.map(findings_of, list(made), asked) for name, made in versions.items()
            }
            for name, findings in judged.items():
                found.setdefault(name, []).extend(findings)
            seen(batch, versions[STEERED])
    return table()


def _sweep(
    job: ControlJob,
    maker: ClipMaker,
    net: Any,
    swept: Adherence,
    _: Maker,
    readers: Readers,
    seen: Seen,
) -> Table:
    name, values = FOLLOWED[job.title][0], dict[float, list[Any]]()

    def table() -> Table:
        rows: dict[str, dict[str, Figure]] = {
            f"{strength:g}": {name: figure(found)} for strength, found in values.items()
        }
        means = {strength: 100 * sum(found) / len(found) for strength, found in values.items()}
        swept.lines[job.title] = means
        return Table(GROUP, f"{STRENGTH}, {job.title}", rows, (rising(means),))

    with keeping(values, table):
        for batch in batches(job.cases):
            told, clips, pictures = _followed(job, batch)
            asked = _questions(job, batch, told, clips)
            made = {
                strength: _steered(maker, told, net, pictures, strength) for strength in STRENGTHS
            }
            judged = {
                strength: readers.map(findings_of, list(shown), asked)
                for strength, shown in made.items()
            }
            for strength, findings in judged.items():
                values.setdefault(strength, []).extend(each[name] for each in findings)
            seen(batch, made[1.0])
    return table()


def rising(means: Mapping[float, float]) -> str:
    """Report whether hints are followed more closely at every higher strength."""
    falls = {
        (before, after): means[before] - means[after] for before, after in pairwise(sorted(means))
    }
    before, after = max(falls, key=lambda step: falls[step])
    fall, gained = falls[before, after], means[max(means)] > means[min(means)]
    wanted = f"hints must be followed more closely at each strength up to {max(means):g}"
    seen = (
        f", but the score falls by {fall:.1f} points from {before:g} to {after:g}"
        if fall > 0
        else ""
    )
    return f"{verdict(fall <= 0 and gained)}: {wanted}{seen}"


def _batches(chosen: Sequence[Case]) -> Iterator[tuple[int, Sequence[Case]]]:
    """Yield batches that are generated together, with the number of their first case."""
    start = 0
    for batch in batches(chosen):
        yield start, batch
        start += len(batch)


def _followed(
    job: ControlJob, batch: Sequence[Case]
) -> tuple[list[Case], list[Clip], list[Tensor]]:
    """Cases as their prompts describe them, their true clips, and their hints (F, H, W, 3)."""
    clips = [true_clips([case]) for case in batch]
    pictures = [job.pictures(*each) for each in zip(batch, clips, strict=True)]
    return [as_told(case) for case in batch], clips, pictures


def _steered(
    maker: ClipMaker,
    told: Sequence[Case],
    net: Any,
    pictures: Sequence[Tensor],
    strength: float = 1.0,
) -> Tensor:
    """Generate clips (B, F, H, W, 3) that follow hint images."""
    pairs = zip(told, pictures, strict=True)
    return torch.cat([maker.follow(case, net, hint, strength) for case, hint in pairs])


def _questions(
    job: ControlJob, batch: Sequence[Case], told: Sequence[Case], clips: Sequence[Clip]
) -> list[Question]:
    return [
        Question(job.title, job.asked(case, clip), parse_caption(own.prompt))
        for case, own, clip in zip(batch, told, clips, strict=True)
    ]
