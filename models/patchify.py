"""Spacetime patches: latents of any sizes as one packed sequence of tokens, and back.

B batch, C channels, F frames, H rows, W columns, L tokens.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate

import torch
from einops import rearrange
from torch import Tensor

from .dit.rope import RopeConfig, Rotations, rotations
from .precision import float64_place
from .shapes import LatentShape

Patch = tuple[int, int, int]

PATCH: Patch = (1, 2, 2)
"""Latent frames, rows and columns of a token in every Wan-like model."""


@dataclass(frozen=True, eq=False)
class TokenLayout:
    """Position and clip of each token in a packed sequence.

    Args:
        coordinates: (L, 3) frame, row, column in patch units, restarting at 0 in each clip.
        lengths: number of tokens of each clip; the clips follow each other.
        loop_frames: per clip, the latent frames of its loop, or 0 if its time is open.

    Raises:
        ValueError: the shapes disagree.
    """

    coordinates: Tensor
    lengths: tuple[int, ...]
    loop_frames: tuple[int, ...]
    _tables: dict[tuple[RopeConfig, torch.device], Rotations] = field(
        default_factory=dict, repr=False
    )

    def __post_init__(self) -> None:
        if self.coordinates.shape != (sum(self.lengths), 3):
            raise ValueError(
                f"coordinates have shape {tuple(self.coordinates.shape)} for clips of "
                f"{self.lengths} tokens: expected one (frame, row, column) per token"
            )
        if len(self.lengths) != len(self.loop_frames):
            raise ValueError(
                f"{len(self.lengths)} clips but {len(self.loop_frames)} entries in loop_frames: "
                "give one per clip"
            )

    @property
    def clip_ids(self) -> Tensor:
        """(L,) index of each token's clip."""
        ids = [torch.full((length,), number) for number, length in enumerate(self.lengths)]
        return torch.cat(ids)

    @property
    def spans(self) -> tuple[slice, ...]:
        """Slice of each clip in the sequence."""
        ends = list(accumulate(self.lengths))
        return tuple(slice(start, end) for start, end in zip([0, *ends], ends, strict=False))

    def rotations(self, rope: RopeConfig, device: torch.device) -> Rotations:
        """RoPE tables of the sequence, cached per layout, config and device.

        A compiled graph computes them itself: a cache outside the graph would break it.
        """
        if torch.compiler.is_compiling():
            return self._rotations(rope, float64_place(device), device)
        key = (rope, device)
        if key not in self._tables:
            with torch.inference_mode(False):  # they may serve a training step later
                self._tables[key] = self._rotations(rope, torch.device("cpu"), device)
        return self._tables[key]

    def _rotations(self, rope: RopeConfig, place: torch.device, device: torch.device) -> Rotations:
        coordinates = self.coordinates.to(place)
        parts = [
            rotations(coordinates[span], rope, period=period)
            for span, period in zip(self.spans, self.loop_frames, strict=True)
        ]
        cos, sin = zip(*parts, strict=True)
        return torch.cat(cos).to(device), torch.cat(sin).to(device)


def grid_layout(grid: LatentShape, *, loop: bool = False) -> TokenLayout:
    """Layout of one clip with ``grid`` patches per axis."""
    axes = [torch.arange(size, dtype=torch.float64) for size in grid]
    coordinates = torch.cartesian_prod(*axes)
    return TokenLayout(coordinates, (len(coordinates),), (grid.frames if loop else 0,))


def pack_layouts(layouts: Sequence[TokenLayout]) -> TokenLayout:
    """Concatenate the clips of several layouts."""
    return TokenLayout(
        torch.cat([layout.coordinates for layout in layouts]),
        tuple(length for layout in layouts for length in layout.lengths),
        tuple(frames for layout in layouts for frames in layout.loop_frames),
    )


@dataclass(frozen=True, eq=False)
class Tokens:
    """Clips as one packed token sequence.

    Args:
        values: (B, L, C * patch volume), features ordered channel, frame, row, column.
        layout: positions and clip ids of the L tokens.
        clips: latent shape of each clip.
        patch: latent frames, rows and columns of a token.
    """

    values: Tensor
    layout: TokenLayout
    clips: tuple[LatentShape, ...]
    patch: Patch = PATCH

    def with_values(self, values: Tensor) -> "Tokens":
        """The same clips and layout with other values."""
        return replace(self, values=values)


def patch_grid(shape: LatentShape, patch: Patch) -> LatentShape:
    """Number of patches per axis of a latent.

    Raises:
        ValueError: a size is not a multiple of the patch.
    """
    for name, size, step in zip(LatentShape._fields, shape, patch, strict=True):
        if size % step:
            raise ValueError(
                f"latent {name} {size} is not a multiple of the patch size {step}: "
                f"use {size - size % step} or {size - size % step + step}"
            )
    return LatentShape(*(size // step for size, step in zip(shape, patch, strict=True)))


def to_patches(latent: Tensor, patch: Patch = PATCH) -> Tensor:
    """(B, C, F, H, W) -> (B, L, C * patch volume)."""
    patch_grid(LatentShape(*latent.shape[2:]), patch)
    pt, ph, pw = patch
    return rearrange(
        latent, "B C (F pt) (H ph) (W pw) -> B (F H W) (C pt ph pw)", pt=pt, ph=ph, pw=pw
    )


def from_patches(values: Tensor, shape: LatentShape, patch: Patch = PATCH) -> Tensor:
    """(B, L, C * patch volume) -> (B, C, F, H, W), the inverse of ``to_patches``."""
    grid = patch_grid(shape, patch)
    pt, ph, pw = patch
    return rearrange(
        values,
        "B (F H W) (C pt ph pw) -> B C (F pt) (H ph) (W pw)",
        F=grid.frames, H=grid.height, W=grid.width, pt=pt, ph=ph, pw=pw,
    )  # fmt: skip


def patchify(
    latents: Sequence[Tensor], *, patch: Patch = PATCH, loops: Sequence[bool] = ()
) -> Tokens:
    """Pack latents (B, C, F, H, W) of any sizes, equal in B and C, into one sequence.

    Raises:
        ValueError: there is no latent, batch or channels differ, or the patch does not divide a
            size.
    """
    if not latents:
        raise ValueError("no latent to patchify: connect at least one")
    heads = {tuple(latent.shape[:2]) for latent in latents}
    if len(heads) > 1:
        raise ValueError(f"clips packed together differ in (batch, channels): {sorted(heads)}")
    clips = tuple(LatentShape(*latent.shape[2:]) for latent in latents)
    loops = loops or (False,) * len(clips)
    layouts = [
        grid_layout(patch_grid(clip, patch), loop=loop)
        for clip, loop in zip(clips, loops, strict=True)
    ]
    values = torch.cat([to_patches(latent, patch) for latent in latents], dim=1)
    return Tokens(values, pack_layouts(layouts), clips, patch)


def unpatchify(tokens: Tokens) -> list[Tensor]:
    """Unpack a packed sequence into latents (B, C, F, H, W), one per clip."""
    return [
        from_patches(tokens.values[:, span], clip, tokens.patch)
        for span, clip in zip(tokens.layout.spans, tokens.clips, strict=True)
    ]
