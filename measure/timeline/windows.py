"""Long clips refined in context windows: whether the borders of windows show.

B batch, C channels, f latent frames, F frames, H rows, W columns.
"""

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor

from ...models.shapes import Compression, LatentShape
from ...samplers.ceilings import CEILING_KEY, MASK_KEY
from ...samplers.window_plans import WindowPlan, plan_windows
from ...samplers.windows import context_windows
from ..cases import FPS, Case, batches, true_clips
from ..figures import Table
from ..readers import Readers
from ..stopping import keeping
from ..studio import ClipMaker, Maker
from ..tasks import Seen, Task
from .cases import lasting
from .judging import Findings, Question, judge_versions
from .tables import GROUP, table_of_findings

TITLE = "context windows"
LATENTS = 33
STRENGTH = 0.7
"""The noise level from which clips are regenerated."""

GENERATED, STATIC, SIDE_BY_SIDE = "generated", "static windows", "windows side by side"
PLANS: Mapping[str, WindowPlan] = {
    GENERATED: WindowPlan(length=9, overlap=4),
    STATIC: WindowPlan(length=9, overlap=4, schedule="static"),
    SIDE_BY_SIDE: WindowPlan(length=9, overlap=0, schedule="batched"),
}
"""The node's own plan, in windows of the length that the model was trained on, and others."""
ONE_RUN, TRUTH = "in one run", "true clips"

_GROUP = 12
_NOTE = (
    f"{TITLE}: true clips of one object that circles or spins, regenerated from the level "
    f'{STRENGTH:g}; the borders of "generated" are in other places at each step'
)


def windows_task(count: int, maker: ClipMaker) -> Task:
    """Task for clips of eight seconds, refined in windows of two."""
    frames = 1 + (LATENTS - 1) * maker.vae.time_factor
    cases = tuple(lasting(_GROUP, count, frames))
    return Task(f"{GROUP}: {TITLE}", cases, partial(_run, cases, maker))


def borders(plan: WindowPlan) -> list[int]:
    """Latent frames at which a window begins, or that follow the end of one."""
    windows = plan_windows(LATENTS, plan, step=0, closed=False)
    ends = {end for each in windows for end in (each.frames[0], each.frames[-1] + 1)}
    return sorted(ends - {0, LATENTS})


def refined(
    maker: ClipMaker, cases: Sequence[Case], latents: Tensor, plan: WindowPlan | None
) -> Tensor:
    """Regenerate latents (B, C, f, H, W) from `STRENGTH` on, in windows or in one run."""
    guider = maker.guider([case.prompt for case in cases])
    if plan is not None:
        guider = maker.host.sampling.with_wrapper(guider, context_windows(plan))
    ones = torch.ones(1, 1, *latents.shape[2:])
    latent = {"samples": latents, MASK_KEY: ones, CEILING_KEY: STRENGTH * ones, "fps": FPS}
    return maker.run(cases, guider, latent)


def judge_each_alone(clips: Tensor, question: Question) -> list[Findings]:
    """Judge versions (K, F, H, W, 3) of one clip, each by its own changes elsewhere.

    The whole clip is regenerated, so the true one does not show how much it should change.
    """
    return [judge_versions(clip[None], question)[0] for clip in clips]


def _run(cases: Sequence[Case], maker: ClipMaker, _: Maker, readers: Readers, seen: Seen) -> Table:
    kinds = _kinds(maker.model.latent.compression)
    found: dict[str, list[Findings]] = {}

    def table() -> Table:
        return table_of_findings(TITLE, found, kinds, (_NOTE,))

    with keeping(found, table):
        for batch in batches(cases):
            latents = maker.encode(true_clips(batch).video)
            ways = {**PLANS, ONE_RUN: None}
            made = {name: refined(maker, batch, latents, plan) for name, plan in ways.items()}
            versions = {**made, TRUTH: latents}
            clips = torch.stack([maker.decode(each) for each in versions.values()], dim=1)
            asked = [_question(case, kinds) for case in batch]
            for each in readers.map(judge_each_alone, list(clips), asked):
                for name, findings in zip(versions, each, strict=True):
                    found.setdefault(name, []).append(findings)
            seen(batch, clips[:, 0])
    return table()


def _kinds(compression: Compression) -> dict[int, str]:
    """The first frame after each border, with the name of the plan it belongs to."""
    latents = {
        border: f"borders of {name}"
        for name in (STATIC, SIDE_BY_SIDE)
        for border in borders(PLANS[name])
    }
    return {
        compression.video_shape(LatentShape(latent, 1, 1)).frames: latents[latent]
        for latent in sorted(latents)
    }


def _question(case: Case, kinds: Mapping[int, str]) -> Question:
    """Ask for joins at all borders, compared with the rest of the clip."""
    thing, everywhere = case.scene.objects[0], np.ones(case.shape.frames, dtype=bool)
    return Question(tuple(kinds), everywhere, thing.colour, thing.shape)
