"""The parts of `spacetime measure timeline`, each with one table.

B batch, F frames, H rows, W columns.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor

from ...timeline.assemble import FADE
from ..cases import Case, batches, true_clips
from ..figures import Table
from ..readers import Readers
from ..stopping import keeping
from ..studio import ClipMaker, Maker
from ..tasks import Seen, Task
from .calibration import calibration_tasks
from .converging import converge_task
from .edits import edit_tasks
from .holes import inpaint_task, outpaint_task
from .jobs import JOBS, WITHIN, TimelineJob
from .judging import Findings, Question, judge_versions
from .keyframes import keyframes_task
from .loops import loop_task
from .one_minute import one_minute_task
from .pasting import pasted
from .plot import Steps
from .tables import GROUP, table_of_findings
from .versions import GENERATED, TRUTH
from .windows import windows_task

CALIBRATION, EDIT = "calibration", "edit"
OTHERS: Mapping[str, Callable[[int, ClipMaker], Task]] = {
    "loop": loop_task,
    "windows": windows_task,
    "one-minute": one_minute_task,
    "inpaint": inpaint_task,
    "outpaint": outpaint_task,
    "keyframes": keyframes_task,
    "converge": converge_task,
}
"""Tasks of one table each, with their own ways of judging."""
NAMES = (CALIBRATION, *JOBS, *OTHERS, EDIT)


def timeline_tasks(names: Sequence[str], count: int, maker: ClipMaker, steps: Steps) -> list[Task]:
    """Make the named tasks, with `count` cases each.

    Args:
        steps: filled in as the tasks run.

    Raises:
        ValueError: a name is unknown, or there are too few cases.
    """
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        raise ValueError(f"unknown part {', '.join(unknown)}: use {', '.join(NAMES)}")
    if count < 2:
        raise ValueError(f"{count} cases: use at least 2, so that there is another clip to cut to")
    tasks = calibration_tasks(count, maker) if CALIBRATION in names else []
    for job in (make(count) for name, make in JOBS.items() if name in names):
        run = partial(_run, job, maker, steps)
        tasks.append(Task(f"{GROUP}: {job.title}", job.cases, run))
    tasks += [make(count, maker) for name, make in OTHERS.items() if name in names]
    return [*tasks, *edit_tasks(count, maker)] if EDIT in names else tasks


def _run(
    job: TimelineJob, maker: ClipMaker, steps: Steps, _: Maker, readers: Readers, seen: Seen
) -> Table:
    kinds = job.joins(maker.model.latent.compression)
    found: dict[str, list[Findings]] = {}

    def table() -> Table:
        columns = {GENERATED: found.pop(GENERATED), **found}
        joins = tuple(frame for frame, kind in kinds.items() if kind != WITHIN)
        drawn = (GENERATED, TRUTH, *job.controls)
        steps.add(job.title, {name: _mean_steps(columns[name]) for name in drawn}, joins)
        return table_of_findings(job.title, columns, kinds, job.notes)

    with keeping(found, table):
        for batch, others in zip(batches(job.cases), batches(job.others), strict=True):
            versions = _versions(job, maker, batch, others)
            clips = torch.stack(list(versions.values()), dim=1)  # (B, K, F, H, W, 3)
            asked = _questions(job, maker, batch)
            for each in readers.map(judge_versions, list(clips), asked):
                for name, findings in zip(versions, each, strict=True):
                    found.setdefault(name, []).append(findings)
            seen(batch, versions[GENERATED])
    return table()


def _versions(
    job: TimelineJob, maker: ClipMaker, batch: Sequence[Case], others: Sequence[Case]
) -> dict[str, Tensor]:
    """Decoded clips (B, F, H, W, 3): the true ones first, then generated and spoiled versions."""
    video, other = true_clips(batch).video, true_clips(others).video
    latents = maker.encode(video)
    compression = maker.model.latent.compression
    given = job.given_frames(compression)
    made = (~given).nonzero()[:, 0]
    start, end = int(made[0]), int(made[-1]) + 1
    decoded = {
        TRUTH: maker.decode(latents),
        GENERATED: maker.decode(job.make(maker, batch, latents, job.given)),
    }
    paste = partial(pasted, video, given=given, compression=compression)
    controls = {
        name: maker.decode(maker.encode(control(video, other, start, end)))
        for name, control in job.controls.items()
    }
    return {
        **decoded,
        **{f"{name}, pasted": paste(decoded[name], fade=FADE) for name in (GENERATED, TRUTH)},
        f"{TRUTH}, pasted unfaded": paste(decoded[TRUTH], fade=0),
        **{name: make(maker, batch, video, job.given) for name, make in job.baselines.items()},
        **controls,
    }


def _questions(job: TimelineJob, maker: ClipMaker, batch: Sequence[Case]) -> list[Question]:
    compression = maker.model.latent.compression
    given = job.given_frames(compression).numpy()
    tracks = true_clips(batch).tracks[:, :, 0, :2].numpy()
    return [
        Question(
            tuple(job.joins(compression)),
            given,
            case.scene.objects[0].colour,
            case.scene.objects[0].shape,
            track if job.knows_truth else None,
            None if job.far is None else (job.far.start, job.far.stop),
        )
        for case, track in zip(batch, tracks, strict=True)
    ]


def _mean_steps(findings: Sequence[Findings]) -> list[float]:
    return np.mean([each.step for each in findings], axis=0).tolist()
