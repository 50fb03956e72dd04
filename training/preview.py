"""The linear map from latents to colours, used for previews during sampling.

B batch, C channels, F frames, H rows, W columns, N latent positions.
"""

from collections.abc import Iterable
from dataclasses import replace

import torch
from einops import rearrange, reduce
from torch import Tensor

from ..models.latent_format import LatentFormat
from ..models.vae.network import VideoVAE
from ..toyworld import render
from .recipe import HELD_OUT_SEED
from .scenes import scene_seed, training_scene

CLIPS, FRAMES, SIDE, FPS = 16, 17, 64, 16.0
_FIRST = 9_000_000
"""Number of the first scene; neither training nor measuring uses these scenes."""


def with_preview(latent: LatentFormat, vae: VideoVAE) -> LatentFormat:
    """Return the format with its colour map fitted to clips of the toy world."""
    factors, bias = fit(pairs(latent, vae, CLIPS))
    return replace(
        latent,
        rgb=tuple((r, g, b) for r, g, b in factors.tolist()),
        rgb_bias=(float(bias[0]), float(bias[1]), float(bias[2])),
    )


@torch.inference_mode()
def pairs(latent: LatentFormat, vae: VideoVAE, clips: int) -> tuple[Tensor, Tensor]:
    """Render normalised latents (B, C, F, H, W) and their mean colours (B, 3, F, H, W)."""
    device = vae.linear_encoder.weight.device
    scenes = [
        training_scene(scene_seed(HELD_OUT_SEED, _FIRST + n), FRAMES, FPS) for n in range(clips)
    ]
    clip = render(scenes, frames=FRAMES, height=SIDE, width=SIDE, fps=FPS, device=device)
    video = rearrange(clip.video, "B F H W C -> B C F H W") * 2 - 1
    seen = torch.cat([latent.normalise(vae.encode(part)) for part in video.split(8)])
    return seen.cpu(), mean_colours(video, latent).cpu()


def mean_colours(video: Tensor, latent: LatentFormat) -> Tensor:
    """Average the pixels of each latent position, (B, 3, F, H, W) -> (B, 3, f, h, w)."""
    sides = {"h": latent.space_factor, "w": latent.space_factor}
    first = reduce(video[:, :, :1], "B C F (H h) (W w) -> B C F H W", "mean", **sides)
    rest = reduce(
        video[:, :, 1:], "B C (F f) (H h) (W w) -> B C F H W", "mean", f=latent.time_factor, **sides
    )
    return torch.cat([first, rest], dim=2)


def fit(data: Iterable[Tensor]) -> tuple[Tensor, Tensor]:
    """Fit factors (C, 3) and bias (3,) by least squares."""
    seen, colours = (rearrange(each, "B C F H W -> (B F H W) C").double() for each in data)
    ones = seen.new_ones(len(seen), 1)
    solution = torch.linalg.lstsq(torch.cat([seen, ones], dim=1), colours).solution  # (C + 1, 3)
    return solution[:-1].float(), solution[-1].float()
