"""Noise levels of a training step: one level for the whole clip, or with some parts given.

All masks and levels are on the token grid. B batch, C channels, F frames, H rows, W columns.
"""

from dataclasses import dataclass

import torch
from einops import repeat
from torch import Tensor

from ..models.shapes import LatentShape

SHARES = {
    "plain": 0.62,
    "prefix": 0.12,
    "suffix": 0.05,
    "ends": 0.06,
    "frames": 0.04,
    "box": 0.04,
    "independent": 0.07,
}
"""Shares of clips with one level, with some parts given, or with a separate level per frame."""

SHIFT = 3.0
"""Shift of the sampling schedules for the trained weights."""

TRAINING_SHIFT = 5.0
"""Shift of the noise levels in training.

Words for a motion matter most at levels of 0.75 to 0.93, where it is decided: there, a caption with
the motion reversed costs an eighth to a third of the loss; at 0.5, a twentieth.
"""

DETAIL_SHARE = 0.4
"""Share of levels drawn with shift 1 instead.

How an object's faces turn is decided at 0.3 to 0.65, which the training shift rarely reaches:
weights trained only with that shift kept the spin of 4 of 12 true clips noised to 0.65.
"""

FIRST_FRAME = 0.5
"""Share of given prefixes that are only the first frame."""

CORRUPTED = 0.3
LARGEST_CORRUPTION = 0.25
ALTERED = 0.3
"""Share of clips whose given parts are noisy and the highest level of this noise, which the network
is told; share of these clips whose contrast and colours are also changed, which it is not told."""


@dataclass(frozen=True, eq=False)
class Levels:
    """Noise levels of a batch of clips.

    Args:
        sigma: noise level of every token (B, F, H, W).
        given: mask (B, F, H, W) of the tokens that are not predicted.
        altered: mask (B,) of the clips whose given tokens are changed beyond their noise.
    """

    sigma: Tensor
    given: Tensor
    altered: Tensor

    def to(self, device: torch.device | str) -> "Levels":
        """Move the levels to a device."""
        return Levels(self.sigma.to(device), self.given.to(device), self.altered.to(device))


def draw_sigma(
    shape: tuple[int, ...],
    g: torch.Generator,
    shift: float = TRAINING_SHIFT,
    detail: float = DETAIL_SHARE,
) -> Tensor:
    """Draw logit-normal noise levels, shifted towards noise as in ``shift_sigmas`` but for a share.

    ``detail`` is the share that is not shifted.
    """
    sigma = torch.randn(shape, generator=g).sigmoid()
    in_detail = torch.rand(shape, generator=g) < detail
    return torch.where(in_detail, sigma, shift * sigma / (1 + (shift - 1) * sigma))


def draw_levels(
    batch: int,
    grid: LatentShape,
    g: torch.Generator,
    shift: float = TRAINING_SHIFT,
    detail: float = DETAIL_SHARE,
) -> Levels:
    """Draw levels from the mixture ``SHARES``; kinds that do not fit a short clip become plain.

    ``shift`` and ``detail`` as for ``draw_sigma``.
    """
    kinds = torch.multinomial(
        torch.tensor(list(SHARES.values())), batch, replacement=True, generator=g
    )
    frames = torch.where(
        (kinds == _number("independent"))[:, None],
        draw_sigma((batch, grid.frames), g, shift, detail),
        draw_sigma((batch, 1), g, shift, detail),
    )  # (B, F)
    given = _given(kinds, grid, g)  # (B, F, H, W)
    corrupted = torch.rand(batch, generator=g) < CORRUPTED
    context = torch.rand(batch, generator=g) * LARGEST_CORRUPTION * corrupted
    altered = corrupted & (torch.rand(batch, generator=g) < ALTERED)
    everywhere = repeat(frames, "B F -> B F H W", H=grid.height, W=grid.width)
    sigma = torch.where(given, context[:, None, None, None], everywhere)
    return Levels(sigma, given, altered & given.flatten(1).any(1))


def apply_levels(
    clean: Tensor, noise: Tensor, levels: Levels, patch: tuple[int, int, int], g: torch.Generator
) -> Tensor:
    """Noise clips (B, C, F, H, W) to their levels; given parts get only their own small noise."""
    given, sigma = (_on_latent(each, patch) for each in (levels.given, levels.sigma))
    chosen = levels.altered[:, None, None, None, None] & given
    clean = torch.where(chosen, _alter(clean, g), clean)
    return (1 - sigma) * clean + sigma * noise


def _on_latent(tokens: Tensor, patch: tuple[int, int, int]) -> Tensor:
    pt, ph, pw = patch
    return repeat(tokens, "B F H W -> B 1 (F pt) (H ph) (W pw)", pt=pt, ph=ph, pw=pw)


def _alter(clean: Tensor, g: torch.Generator) -> Tensor:
    """Scale contrast by 0.8 to 1.2 about each channel's mean and add a small offset per channel."""
    drawn = {"generator": g, "device": clean.device}
    gain = 0.8 + 0.4 * torch.rand(len(clean), 1, 1, 1, 1, **drawn)
    offset = 0.1 * torch.randn(*clean.shape[:2], 1, 1, 1, **drawn)
    mean = clean.mean(dim=(2, 3, 4), keepdim=True)
    return (clean - mean) * gain + mean + offset


def _number(kind: str) -> int:
    return list(SHARES).index(kind)


def _given(kinds: Tensor, grid: LatentShape, g: torch.Generator) -> Tensor:
    batch = len(kinds)
    masks = {
        "prefix": _prefix(batch, grid.frames, g),
        "suffix": _prefix(batch, grid.frames, g).flip(1),
        "ends": _ends(batch, grid.frames, g),
        "frames": _frames(batch, grid.frames, g),
    }  # (B, F) each
    given = torch.zeros(batch, *grid, dtype=torch.bool)
    for kind, mask in masks.items():
        given |= (mask & (kinds == _number(kind))[:, None])[:, :, None, None]
    box = _box(batch, grid, g)[:, None]  # (B, 1, H, W)
    return given | (box & (kinds == _number("box"))[:, None, None, None])


def _prefix(batch: int, frames: int, g: torch.Generator) -> Tensor:
    """Mask of given first frames: at least one given and one not; half the time exactly one."""
    length = 1 + (torch.rand(batch, generator=g) * (frames - 1)).long()
    length[torch.rand(batch, generator=g) < FIRST_FRAME] = 1
    return torch.arange(frames) < length.clamp(max=frames - 1)[:, None]


def _ends(batch: int, frames: int, g: torch.Generator) -> Tensor:
    """Mask of given ends: at least one frame given at each end and one not in between."""
    if frames < 3:
        return torch.zeros(batch, frames, dtype=torch.bool)
    first = 1 + (torch.rand(batch, generator=g) * (frames - 2)).long()
    last = 1 + (torch.rand(batch, generator=g) * (frames - 1 - first)).long()
    place = torch.arange(frames)
    return (place < first[:, None]) | (place >= frames - last[:, None])


def _frames(batch: int, frames: int, g: torch.Generator) -> Tensor:
    """Mask of randomly chosen given frames, never all of them."""
    order = torch.rand(batch, frames, generator=g)
    given = order < torch.rand(batch, 1, generator=g)
    return given & (order < order.amax(1, keepdim=True))


def _box(batch: int, grid: LatentShape, g: torch.Generator) -> Tensor:
    """Mask (B, H, W) of a given box or of everything outside one, never of the whole frame."""
    rows, columns = _interval(batch, grid.height, g), _interval(batch, grid.width, g)
    box = rows[:, :, None] & columns[:, None]
    whole = box.flatten(1).all(1)
    outside = whole | (torch.rand(batch, generator=g) < 0.5)
    return box ^ outside[:, None, None]


def _interval(batch: int, size: int, g: torch.Generator) -> Tensor:
    low, high = (torch.rand(batch, 2, generator=g) * size).long().sort(1).values.unbind(1)
    place = torch.arange(size)
    return (place >= low[:, None]) & (place <= high[:, None])
