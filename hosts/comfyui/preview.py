"""Contact sheets of the clips being sampled, shown on the running node.

C channels, F frames, H rows, W columns.
"""
# pyright: reportMissingImports=false

import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from comfy.model_management import throw_exception_if_processing_interrupted
from comfy.utils import ProgressBar
from PIL import Image
from torch import Tensor

from ...media.pixels import to_bytes
from ...media.strip import contact_sheet
from ...models.latent_format import rgb_preview
from ...samplers.checks import has_streams
from ..finite import refuse_not_finite
from ..keys import CLIPS_SHOWN
from ..stretch import along

NOT_FINITE = "use fp32 or bf16, less guidance, or download the model's file again"

SIDE = 512
"""Side of a preview in pixels; it is square because the editor's queue panel crops to a square."""

LEAST_SECONDS = 0.2
"""Minimum time between previews: a small model's steps are faster than their previews."""


def watch_steps(
    latent_format: Any, steps: int, clips_of: Callable[[Tensor], Sequence[Tensor]]
) -> Callable[[int, Tensor, Tensor, int], None]:
    """Return the host's sampling callback: a progress tick per step, and previews.

    The last step gets a preview, and so does every step that ends at least `LEAST_SECONDS` after
    the previous preview.

    Args:
        latent_format: the host's, of any model; without colour factors there are only ticks.
        steps: number of steps of the run.
        clips_of: maps a sampler state, or the first of its streams, to clips (C, F, H, W).
    """
    bar = ProgressBar(along(0, steps)[1])
    shown = time.monotonic()

    def preview(step: int, video: Tensor, total: int) -> tuple[str, Image.Image, int] | None:
        nonlocal shown
        if step + 1 < total and time.monotonic() - shown < LEAST_SECONDS:
            return None
        picture = sheet(latent_format, clips_of(video))
        shown = time.monotonic()
        return None if picture is None else ("JPEG", picture, SIDE)

    def watch(step: int, denoised: Tensor, _x: Tensor, total: int) -> None:
        throw_exception_if_processing_interrupted()  # the bar does so only in the server
        streams = streams_of(denoised)
        for stream in streams:
            refuse_not_finite(stream, f"the prediction of step {step + 1}", NOT_FINITE)
        bar.update_absolute(*along(step + 1, total), preview(step, streams[0], total))

    return watch


def streams_of(samples: Tensor) -> list[Tensor]:
    """Return the tensors of a latent: one, or the video followed by the sound."""
    return list(samples.unbind()) if has_streams(samples) else [samples]


def pictures_of_latent(state: Tensor) -> list[Tensor]:
    """Return the clips of a state; an image model's batch (B, C, H, W) is one clip's frames."""
    return list(state) if state.ndim == 5 else [state.transpose(0, 1)]


def sheet(latent_format: Any, clips: Sequence[Tensor]) -> Image.Image | None:
    """Draw clips (C, F, H, W) as one image; None for a family without colour factors."""
    factors = getattr(latent_format, "latent_rgb_factors", None)
    if factors is None or clips[0].ndim != 4 or clips[0].shape[0] != len(factors):
        return None
    bias = getattr(latent_format, "latent_rgb_factors_bias", None) or (0.0, 0.0, 0.0)
    rows = torch.tensor(factors, dtype=torch.float32)  # (C, 3)
    pictures = [
        rgb_preview(clip.detach().float().cpu(), rows, torch.tensor(bias))
        for clip in clips[:CLIPS_SHOWN]
    ]
    return Image.fromarray(to_bytes(contact_sheet(pictures, SIDE)))
