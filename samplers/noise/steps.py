"""Noise that a stochastic solver adds after its steps, drawn per absolute frame."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from .frames import frame_noise, row_noise

StepNoise = Callable[[int], Tensor]
"""Step number -> standard normal noise shaped like the state, deterministic per step number."""


def seeded_step_noise(
    shape: Sequence[int], *, seed: int, first_frame: int = 0, clips: Sequence[int] | None = None
) -> StepNoise:
    """Draw the noise of each step from the run's seed.

    Args:
        shape: shape of the state; for a video latent (B, C, F, H, W), noise is drawn per absolute
            frame like the initial noise; for any other shape, each row is drawn as a whole.
        seed: seed of the run.
        first_frame: absolute index of the first frame.
        clips: index of the clip in each row, 0, 1, ... by default.
    """
    numbers = range(shape[0]) if clips is None else clips

    def draw(step: int) -> Tensor:
        if len(shape) != 5:
            rows = [row_noise(shape[1:], seed=seed, clip=clip, draw=step + 1) for clip in numbers]
        else:
            rows = [
                frame_noise(shape[1:], seed=seed, first_frame=first_frame, clip=clip, draw=step + 1)
                for clip in numbers
            ]
        return torch.stack(rows)

    return draw


def noise_for(
    x: Tensor, noise: StepNoise | None, extra_args: Mapping[str, Any] | None
) -> StepNoise:
    """Return noise in the dtype and on the device of the state.

    Without a source, noise is drawn from the ``seed`` that the host puts among the denoiser's
    arguments, or from seed 0.
    """
    seed = (extra_args or {}).get("seed") or 0
    source = noise or seeded_step_noise(x.shape, seed=int(seed))
    return lambda step: source(step).to(x)
