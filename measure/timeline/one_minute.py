"""One minute of video, sampled in chunks as by Sample Long Video: its duration, and how it ends.

B batch, C channels, f latent frames, F frames, H rows, W columns.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ...hosts import use
from ...samplers.noise.frames import FrameNoise
from ...timeline.chunks import ChunkPlan
from ..cases import FPS, Case, true_clips
from ..figures import Figure, Mean, Table
from ..readers import Readers, one_thread
from ..scores.signals import read_signals
from ..scores.stability import read_drift, read_motion
from ..stopping import keeping
from ..studio import ClipMaker, Maker, few_step_settings
from ..tasks import Seen, Task
from .cases import lasting
from .judging import Findings, Question, far_away
from .spoiling import IN_BLOCKS, RISING, in_blocks, with_rising_gain
from .tables import GROUP, table_of_findings

if TYPE_CHECKING:
    from ...nodes.helpers.long_runs import LongRun

TITLE = "one minute"
FRAMES = 961
END = 32
"""Number of final frames, two seconds, in which the object has to be unchanged."""
PLAN = ChunkPlan(length=9, context=3)
"""Chunks of 33 frames, nine of them context; each chunk also sees the first frame."""

TRUTH = "true clips"
_GROUP = 13
_LED_IN = 17
_NOTE = (
    f"{TITLE}: one object that circles or spins, with the few-step LoRA in four steps; seconds are "
    "wall time of sampling and decoding in one thread"
)


def one_minute_task(count: int, maker: ClipMaker) -> Task:
    """Task for clips of 961 frames from prompts alone."""
    cases = tuple(lasting(_GROUP, count, FRAMES))
    return Task(f"{GROUP}: {TITLE}", cases, partial(_run, cases, maker))


def long_run(maker: ClipMaker, case: Case) -> "LongRun":
    """The run of Sample Long Video for one case."""
    use(maker.host)
    from ...nodes.helpers.long_runs import LongRun  # nodes are built for the chosen host

    return LongRun(
        guider=maker.guider([case.prompt]),
        noise=FrameNoise(case.seed),
        sampler=maker.sampler,
        sigmas=maker.sigmas,
        plan=PLAN,
        keep=False,
    )


def judge_minutes(clips: Tensor, question: Question) -> list[Findings]:
    """Judge versions (K, F, H, W, 3) of one clip by their ends, drift and motion."""
    return [_findings(clip, question) for clip in clips]


def _findings(clip: Tensor, question: Question) -> Findings:
    signals = read_signals(clip)
    motion = read_motion(clip, signals)
    return Findings([], far_away(clip, question), read_drift(clip), motion, signals.step.tolist())


def _run(cases: Sequence[Case], maker: ClipMaker, _: Maker, readers: Readers, seen: Seen) -> Table:
    few = ClipMaker(few_step_settings(maker.settings))
    found: dict[str, list[Findings]] = {}
    seconds: list[float] = []
    with keeping(found, lambda: _table(found, seconds)):
        for case in cases:
            made, taken = _timed(few, case)
            versions = {"generated": made, **_true_versions(few, case)}
            clips = torch.cat(list(versions.values()))  # (K, F, H, W, 3)
            (judged,) = readers.map(judge_minutes, [clips], [_question(case)])
            seconds.append(taken)
            for name, findings in zip(versions, judged, strict=True):
                found.setdefault(name, []).append(findings)
            seen([case], made)
    return _table(found, seconds)


def _timed(maker: ClipMaker, case: Case) -> tuple[Tensor, float]:
    """Generate a clip (1, F, H, W, 3) and measure the seconds it takes."""
    run = long_run(maker, case)
    shape = (1, maker.model.latent.channels, *maker.latent_shape(case.shape))
    with one_thread(), torch.inference_mode():
        start = time.perf_counter()
        made = maker.decode(run.sample({"samples": torch.zeros(shape), "fps": FPS}))
        return made, time.perf_counter() - start


def _true_versions(maker: ClipMaker, case: Case) -> dict[str, Tensor]:
    """The true clip after the VAE (1, F, H, W, 3), and versions that must not pass."""
    true = true_clips([case])
    video, end = maker.decode(maker.encode(true.video)), slice(-END - _LED_IN, None)
    spoiled = in_blocks(true.video[:, end], true.masks[:, end, 0])
    decayed = maker.decode(maker.encode(spoiled))[:, -END:]
    return {
        TRUTH: video,
        IN_BLOCKS: torch.cat([video[:, :-END], decayed], dim=1),
        RISING: with_rising_gain(video),
    }


def _question(case: Case) -> Question:
    thing, frames = case.scene.objects[0], case.shape.frames
    nothing = np.zeros(frames, dtype=bool)
    return Question((), nothing, thing.colour, thing.shape, far=(frames - END, frames))


def _table(found: dict[str, list[Findings]], seconds: Sequence[float]) -> Table:
    table = table_of_findings(TITLE, found, {}, (_NOTE,))
    taken: dict[str, dict[str, Figure]] = {
        "seconds": {"generated": Mean.of(seconds, "s")},
    }
    return replace(table, rows={**taken, **table.rows})
