"""What a training step noises and how much: one level for all, or parts given beforehand.

Everything is on the grid of tokens. B batch, C channels, F frames, H rows, W columns.
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
"""How often a clip has one level, some parts given, or a level of its own for every frame."""

SHIFT = 3.0
"""Shift of the schedules that the weights are sampled with."""

TRAINING_SHIFT = 5.0
"""Shift of the noise levels in training.

Words for a motion matter most at levels of 0.75 to 0.93, where it is decided: there a caption with
the motion turned round costs an eighth to a third of the loss, at 0.5 a twentieth.
"""

DETAIL_SHARE = 0.4
"""Share of levels that are drawn with shift 1 instead.

How an object's faces turn is decided at 0.3 to 0.65, where the training shift alone seldom comes:
weights trained with it alone kept the spin of 4 of 12 true clips that were noised to 0.65.
"""

FIRST_FRAME = 0.5
"""Share of given prefixes that are the first frame alone."""

CORRUPTED = 0.3
LARGEST_CORRUPTION = 0.25
ALTERED = 0.3
"""Shares of clips whose given parts carry noise, which is told, and of those the ones whose
contrast and colours are also changed, which is not."""


@dataclass(frozen=True, eq=False)
class Levels:
    """Noise of a batch of clips.

    Args:
        sigma: (B, F, H, W) level of every token.
        given: (B, F, H, W) tokens that are not to be predicted.
        altered: (B,) clips whose given tokens are changed beyond their noise.
    """

    sigma: Tensor
    given: Tensor
    altered: Tensor

    def to(self, device: torch.device | str) -> "Levels":
        """The same levels on a device."""
        return Levels(self.sigma.to(device), self.given.to(device), self.altered.to(device))


def draw_sigma(shape: tuple[int, ...], g: torch.Generator, shift: float = TRAINING_SHIFT) -> Tensor:
    """Logit-normal noise levels; most are moved to noise as ``shift_sigmas`` moves a schedule."""
    sigma = torch.randn(shape, generator=g).sigmoid()
    in_detail = torch.rand(shape, generator=g) < DETAIL_SHARE
    return torch.where(in_detail, sigma, shift * sigma / (1 + (shift - 1) * sigma))


def draw_levels(
    batch: int, grid: LatentShape, g: torch.Generator, shift: float = TRAINING_SHIFT
) -> Levels:
    """Draw from the mixture ``SHARES``; what does not fit a short clip becomes plain."""
    kinds = torch.multinomial(
        torch.tensor(list(SHARES.values())), batch, replacement=True, generator=g
    )
    frames = torch.where(
        (kinds == _number("independent"))[:, None],
        draw_sigma((batch, grid.frames), g, shift),
        draw_sigma((batch, 1), g, shift),
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
    """Noisy clips (B, C, F, H, W): given parts with the little noise that they have."""
    given, sigma = (_on_latent(each, patch) for each in (levels.given, levels.sigma))
    chosen = levels.altered[:, None, None, None, None] & given
    clean = torch.where(chosen, _alter(clean, g), clean)
    return (1 - sigma) * clean + sigma * noise


def _on_latent(tokens: Tensor, patch: tuple[int, int, int]) -> Tensor:
    pt, ph, pw = patch
    return repeat(tokens, "B F H W -> B 1 (F pt) (H ph) (W pw)", pt=pt, ph=ph, pw=pw)


def _alter(clean: Tensor, g: torch.Generator) -> Tensor:
    """Contrast times 0.8 to 1.2 about each channel's mean, and a small offset per channel."""
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
    """At least one frame given and one not; half of the time exactly one given."""
    length = 1 + (torch.rand(batch, generator=g) * (frames - 1)).long()
    length[torch.rand(batch, generator=g) < FIRST_FRAME] = 1
    return torch.arange(frames) < length.clamp(max=frames - 1)[:, None]


def _ends(batch: int, frames: int, g: torch.Generator) -> Tensor:
    """One frame or more given at both ends, one or more not in between."""
    if frames < 3:
        return torch.zeros(batch, frames, dtype=torch.bool)
    first = 1 + (torch.rand(batch, generator=g) * (frames - 2)).long()
    last = 1 + (torch.rand(batch, generator=g) * (frames - 1 - first)).long()
    place = torch.arange(frames)
    return (place < first[:, None]) | (place >= frames - last[:, None])


def _frames(batch: int, frames: int, g: torch.Generator) -> Tensor:
    """Frames chosen at random, never all of them."""
    order = torch.rand(batch, frames, generator=g)
    given = order < torch.rand(batch, 1, generator=g)
    return given & (order < order.amax(1, keepdim=True))


def _box(batch: int, grid: LatentShape, g: torch.Generator) -> Tensor:
    """A box of rows and columns or all that is outside of one, never everything: (B, H, W)."""
    rows, columns = _interval(batch, grid.height, g), _interval(batch, grid.width, g)
    box = rows[:, :, None] & columns[:, None]
    whole = box.flatten(1).all(1)
    outside = whole | (torch.rand(batch, generator=g) < 0.5)
    return box ^ outside[:, None, None]


def _interval(batch: int, size: int, g: torch.Generator) -> Tensor:
    low, high = (torch.rand(batch, 2, generator=g) * size).long().sort(1).values.unbind(1)
    place = torch.arange(size)
    return (place >= low[:, None]) & (place <= high[:, None])
