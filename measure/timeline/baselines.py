"""Baselines: the same tasks done without the timeline, with the same weights and noise.

B batch, C channels, F frames, H rows, W columns; f latent frames.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ...samplers.runs import Evaluation, RunDenoiser, SamplingRun, Wrapper
from ...samplers.window_plans import Window
from ...samplers.windows import fuse
from ..cases import FPS, Case
from ..studio import ClipMaker
from .making import PLAN, fill
from .running import under_noise_mask

Baseline = Callable[[ClipMaker, Sequence[Case], Tensor, Tensor], Tensor]
"""(maker, cases, true clips, which latent frames are given (f,) bool) -> clips (B, F, H, W, 3)."""

_ROLL = 3
"""Latent frames by which a loop is rotated further in each step, coprime to its eight."""


def by_noise_mask(maker: ClipMaker, cases: Sequence[Case], video: Tensor, given: Tensor) -> Tensor:
    """Restore the given frames at each step, as noisy as the rest, without telling the model."""
    latents = maker.encode(video)
    mask = (~given).float()[None, None, :, None, None].expand(1, 1, *latents.shape[2:])
    return maker.decode(under_noise_mask(maker, cases, latents, mask))


def by_pixel_tail(maker: ClipMaker, cases: Sequence[Case], video: Tensor, given: Tensor) -> Tensor:
    """Generate chunk after chunk from the frames just before it, decoded and encoded again.

    The given part is at the beginning.
    """
    time, seen = maker.vae.time_factor, PLAN.context
    tail = 1 + (seen - 1) * time
    known = torch.arange(PLAN.length) < seen
    made = video[:, : 1 + (int(given.sum()) - 1) * time]
    while made.shape[1] < video.shape[1]:
        start = maker.encode(made[:, -tail:])
        empty = start.new_zeros(*start.shape[:2], PLAN.length - seen, *start.shape[3:])
        first = (made.shape[1] - tail) // time
        chunk = fill(maker, cases, torch.cat([start, empty], dim=2), known, first_frame=first)
        made = torch.cat([made, maker.decode(chunk)[:, tail:]], dim=1)
    return made[:, : video.shape[1]]


def by_roll(maker: ClipMaker, cases: Sequence[Case]) -> Tensor:
    """Sample latents (B, C, f, H, W) of loops by rotating an open clip further in each step."""
    guider = maker.guider([case.prompt for case in cases])
    guider = maker.host.sampling.with_wrapper(guider, rolled())
    shape = (maker.model.latent.channels, *maker.latent_shape(cases[0].shape))
    return maker.run(cases, guider, {"samples": torch.zeros(len(cases), *shape), "fps": FPS})


def rolled() -> Wrapper:
    """Show the network a clip that begins at a different frame in each step, without context."""

    def wrapper(denoiser: RunDenoiser, run: SamplingRun) -> RunDenoiser:
        def denoise(x: Tensor, at: Evaluation) -> Tensor:
            assert at.clips is not None
            frames = at.clips.each[0].frames
            start = _ROLL * run.step_in_progress(at.level) % len(frames)
            turned = Window((*frames[start:], *frames[:start]), (1.0,) * len(frames))
            return fuse(denoiser, x, at, [turned])

        return denoise

    return wrapper
