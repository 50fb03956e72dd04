"""How well the VAE reconstructs a video, beside the best linear code with as many channels.

B batch, F frames, H rows, W columns, O objects.
"""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module

import torch
from einops import rearrange, reduce
from torch import Tensor

from ..media import resize
from ..models.vae.linear_code import fit_linear_code, fold_blocks, unfold_blocks
from ..models.vae.network import VideoVAE
from .cases import HELD_OUT, SQUARE, Case, batches, cases, true_clips
from .figures import Mean, Table

GROUP, TITLE = "VAE", "clips and photographs"
PHOTOS = ("astronaut", "chelsea", "coffee", "rocket")
PHOTO_SIDE = 128
NO_PHOTOS = "no photographs: scikit-image is not installed (pip install scikit-image)"

FITTED = HELD_OUT + 90_000_000
"""First scene seed of the clips to fit the linear code to."""
_FIT_CLIPS = 128

Code = Callable[[Tensor], Tensor]
"""Video (B, 3, F, H, W) in [-1, 1] -> the same after encoding and decoding."""


def measure_vae(
    vae: VideoVAE, chosen: Sequence[Case], seen: Callable[[Sequence[Case], Tensor], None]
) -> Table:
    """Measure PSNR on held-out clips, inside their objects, and on photographs.

    Args:
        seen: called with every batch of cases and its decoded clips (B, F, H, W, 3).
    """
    codes: Mapping[str, Code] = {"VAE": vae_code(vae), "linear code": best_linear_code(vae)}
    clips: dict[str, list[float]] = {name: [] for name in codes}
    objects: dict[str, list[float]] = {name: [] for name in codes}
    for batch in batches(chosen):
        true = true_clips(batch)
        video = rearrange(true.video, "B F H W C -> B C F H W") * 2 - 1
        inside = true.masks.any(dim=2)  # (B, F, H, W)
        for name, code in codes.items():
            coded = code(video)
            clips[name] += psnr(coded, video)
            objects[name] += psnr(coded, video, inside)
            if name == "VAE":
                seen(batch, rearrange(coded, "B C F H W -> B F H W C") / 2 + 0.5)
    rows = {"held-out clips": _means(clips), "inside of objects": _means(objects)}
    photos = sample_photos()
    if photos is None:
        return Table(GROUP, TITLE, rows, (NO_PHOTOS,))
    on_photos = {name: psnr(code(photos), photos) for name, code in codes.items()}
    return Table(GROUP, TITLE, {**rows, f"photographs, {PHOTO_SIDE} px": _means(on_photos)})


@torch.inference_mode()
def best_linear_code(vae: VideoVAE) -> Code:
    """Fit the best linear code of the VAE's sizes to separate clips."""
    factors = {"time": vae.time_factor, "space": vae.space_factor}
    fitted = batches(cases(FITTED, _FIT_CLIPS, "single", SQUARE))
    clips = (rearrange(true_clips(b).video, "B F H W C -> B C F H W") * 2 - 1 for b in fitted)
    best = fit_linear_code(clips, channels=vae.config.z_channels, **factors)

    def code(video: Tensor) -> Tensor:
        blocks = fold_blocks(video, first=True, **factors).double() - best.mean
        blocks = blocks @ best.encode.T @ best.decode.T + best.mean
        return unfold_blocks(blocks, first=True, **factors).float().clamp(-1, 1)

    return code


def vae_code(vae: VideoVAE) -> Code:
    """Wrap the VAE as a code."""

    @torch.inference_mode()
    def code(video: Tensor) -> Tensor:
        coded = vae.decode(vae.encode(video.to(next(vae.parameters()))))
        return coded.float().cpu().clamp(-1, 1)

    return code


def psnr(coded: Tensor, video: Tensor, where: Tensor | None = None) -> list[float]:
    """Peak signal to noise ratio in dB of each clip (B, 3, F, H, W) in [-1, 1].

    Args:
        where: (B, F, H, W) bool, the pixels that count; clips without any are left out.
    """
    error = reduce((coded - video).square() / 4, "B C F H W -> B F H W", "mean")
    weight = torch.ones_like(error) if where is None else where.to(error)
    total, count = (reduce(each, "B F H W -> B", "sum") for each in (error * weight, weight))
    return (-10 * (total / count)[count > 0].clamp(min=1e-10).log10()).tolist()


def sample_photos() -> Tensor | None:
    """Photographs from scikit-image (B, 3, 1, H, W) in [-1, 1], or None if it is not installed."""
    try:
        data = import_module("skimage").data
    except ImportError:
        return None
    photos = [_square(torch.from_numpy(getattr(data, name)())) for name in PHOTOS]
    return rearrange(torch.stack(photos), "B H W C -> B C 1 H W") * 2 - 1


def _square(photo: Tensor) -> Tensor:
    """Crop the middle square of a photograph (H, W, 3) of bytes and shrink it, in [0, 1]."""
    height, width, _ = photo.shape
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    middle = photo[top : top + side, left : left + side].float() / 255
    return resize(middle[None], PHOTO_SIDE, PHOTO_SIDE)[0]


def _means(values: Mapping[str, Sequence[float]]) -> dict[str, Mean]:
    return {name: Mean.of(each, "dB") for name, each in values.items() if each}
