"""Denoised latents to train the decoder on, with the errors that it meets in use.

B batch, C channels, F frames, H rows, W columns.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from ..model_loaders.tokenizer import Tokenizer
from ..models.dit.conditioning import clip_conditions
from ..models.latent_format import LatentFormat
from ..models.patchify import from_patches
from ..models.shapes import LatentShape
from ..models.vae.network import VideoVAE
from .clips import ClipShard
from .denoiser import Batch, PromptedDiT, predict

LOWEST_LEVEL, HIGHEST_LEVEL = 0.2, 0.7
"""Range of levels to noise clips to: they keep their content but lose fine detail."""

STEPS = 4
CELLS = (3, 4, 4)
"""Size of a crop in latent positions: frames, rows, columns."""


@dataclass(frozen=True, eq=False)
class Redrawing:
    """A frozen denoiser with its latent format and tokenizer."""

    model: PromptedDiT
    latent: LatentFormat
    tokenizer: Tokenizer


@torch.no_grad()
def redrawn(
    by: Redrawing, clean: Tensor, shard: ClipShard, rows: Tensor, g: torch.Generator
) -> Tensor:
    """Partly noise raw latents of a shard's clips, and denoise them again with Euler steps.

    Args:
        by: the denoiser.
        clean: raw latents (B, C, F, H, W).
        shard, rows: the clips they encode.
        g: generator for levels and noise.

    Returns:
        Raw latents with the same content and a denoiser's errors.
    """
    x0 = by.latent.normalise(clean)
    shape, patch = LatentShape(*x0.shape[2:]), by.model.dit.config.patch
    batch = _told(by, x0, shard, rows)
    start = LOWEST_LEVEL + (HIGHEST_LEVEL - LOWEST_LEVEL) * float(torch.rand((), generator=g))
    x = torch.lerp(x0, torch.randn(x0.shape, generator=g).to(x0), start)
    for level, following in pairwise(torch.linspace(start, 0, STEPS + 1).tolist()):
        velocity = predict(by.model, batch, x, x.new_full((len(x),), level))
        x = x + (following - level) * from_patches(velocity, shape, patch)
    return by.latent.denormalise(x)


def _told(by: Redrawing, clean: Tensor, shard: ClipShard, rows: Tensor) -> Batch:
    ids, mask = by.tokenizer.batch([shard.captions[row] for row in rows.tolist()])
    shape, full = LatentShape(*clean.shape[2:]), clean.new_ones(len(rows))
    told = clip_conditions(by.model.dit.config.conditions, shape, fps=shard.fps)
    return Batch(
        clean,
        ids.to(clean.device),
        mask.to(clean.device),
        full,
        {name: full * value for name, value in told.items()},
        loop=False,
    )


def redrawn_crops(
    by: Redrawing, vae: VideoVAE, shard: ClipShard, count: int, g: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Crops of redrawn latents (B, C, *CELLS), and their target pixels (B, 3, F, H, W).

    All start at the first frame; most cover an object.
    """
    rows = torch.randint(len(shard.captions), (count,), generator=g)
    video = shard.pixels(rows).to(vae.linear_encoder.weight.device)
    with torch.no_grad():
        latents = redrawn(by, vae.encode(video), shard, rows, g)
    frames, height, width = CELLS
    scale, length = vae.space_factor, 1 + (frames - 1) * vae.time_factor
    crops, pixels = [], []
    for clip, latent in zip(video, latents, strict=True):
        top, left = _place(clip, scale, g)
        crops.append(latent[:, :frames, top : top + height, left : left + width])
        window = clip[:, :length, top * scale :, left * scale :]
        pixels.append(window[:, :, : height * scale, : width * scale])
    return torch.stack(crops), torch.stack(pixels)


def _place(clip: Tensor, scale: int, g: torch.Generator) -> tuple[int, int]:
    """Row and column of a crop: of two random ones, the one with more variation along its rows."""
    _, height, width = CELLS
    rows, columns = (size // scale for size in clip.shape[2:])
    places = [
        (
            int(torch.randint(rows - height + 1, (), generator=g)),
            int(torch.randint(columns - width + 1, (), generator=g)),
        )
        for _ in range(2)
    ]

    def variety(place: tuple[int, int]) -> float:
        top, left = (index * scale for index in place)
        window = clip[:, 0, top : top + height * scale, left : left + width * scale]
        return float(window.diff(dim=-1).abs().mean())

    return max(places, key=variety)
