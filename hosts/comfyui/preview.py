"""Contact sheets of what is being sampled, shown on the node that runs.

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
"""Pixels of a preview: a square, since the queue panel of the editor crops to one."""

LEAST_SECONDS = 0.2
"""From one picture to the next: steps of a small model are faster than pictures of them."""


def watch_steps(
    latent_format: Any, steps: int, clips_of: Callable[[Tensor], Sequence[Tensor]]
) -> Callable[[int, Tensor, Tensor, int], None]:
    """The host's sampling callback: a tick of the progress bar for every step, with a picture for
    the last one and for those that come at least `LEAST_SECONDS` after one.

    Args:
        latent_format: the host's, of any model; without colour factors there is only the tick.
        steps: of the run.
        clips_of: the clips (C, F, H, W) in a state of the sampler, of several streams in the first.
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
        throw_exception_if_processing_interrupted()  # the bar does so in the server only
        streams = streams_of(denoised)
        for stream in streams:
            refuse_not_finite(stream, f"the prediction of step {step + 1}", NOT_FINITE)
        bar.update_absolute(*along(step + 1, total), preview(step, streams[0], total))

    return watch


def streams_of(samples: Tensor) -> list[Tensor]:
    """The tensors of a latent: one, or the video first and the sound after it."""
    return list(samples.unbind()) if has_streams(samples) else [samples]


def pictures_of_latent(state: Tensor) -> list[Tensor]:
    """Clips of (B, C, F, H, W), or the one of image models, whose frames are the batch."""
    return list(state) if state.ndim == 5 else [state.transpose(0, 1)]


def sheet(latent_format: Any, clips: Sequence[Tensor]) -> Image.Image | None:
    """One picture of clips (C, F, H, W), or None for a family without colour factors."""
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
