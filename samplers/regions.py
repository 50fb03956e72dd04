"""Means per clip and per frame, for both latents and packed tokens."""

from typing import Protocol

import torch
from torch import Tensor

from ..models.patchify import TokenLayout


class Regions(Protocol):
    """How the values of a state group into clips and frames.

    ``made`` marks the values to count and broadcasts to the state; None counts all.
    """

    def clip_mean(self, values: Tensor, made: Tensor | None = None) -> Tensor:
        """Mean of each clip, broadcasting to ``values``."""
        ...

    def frame_mean(self, values: Tensor, made: Tensor | None = None) -> Tensor:
        """Mean of each frame of each clip, broadcasting to ``values``."""
        ...

    def position(self, values: Tensor) -> Tensor:
        """Position of each frame in its clip, from 0 (first) to 1 (last), broadcasting."""
        ...


class LatentRegions:
    """Regions of latents (B, C, F, H, W), or of frames along the batch axis, (F, C, H, W).

    Args:
        places: positions (F,) of the frames in their clip; by default 0 (first) to 1 (last).
    """

    def __init__(self, places: Tensor | None = None) -> None:
        self._places = places

    def clip_mean(self, values: Tensor, made: Tensor | None = None) -> Tensor:
        """Mean of each batch element."""
        return _mean(values, made, tuple(range(1, values.ndim)))

    def frame_mean(self, values: Tensor, made: Tensor | None = None) -> Tensor:
        """Mean of each frame; without a frame axis, of each batch element."""
        inside = (1, 3, 4) if values.ndim == 5 else tuple(range(1, values.ndim))
        return _mean(values, made, inside)

    def position(self, values: Tensor) -> Tensor:
        """Position along the frame axis, or along the batch if there is none."""
        axis = 2 if values.ndim == 5 else 0
        places = self._places
        if places is None:
            places = torch.linspace(0, 1, values.shape[axis], device=values.device)
        shape = [len(places) if each == axis else 1 for each in range(values.ndim)]
        return places.to(values.device).reshape(shape)


class TokenRegions:
    """Regions of packed tokens (B, L, D).

    Args:
        layout: layout of the tokens.
        places: positions (L,) of their frames in their clips; by default from the layout's frame
            numbers.
    """

    def __init__(self, layout: TokenLayout, places: Tensor | None = None) -> None:
        frames = layout.coordinates[:, 0]
        pairs = torch.stack([layout.clip_ids.to(frames), frames], dim=1)
        self._clips = layout.clip_ids
        self._frames = torch.unique(pairs, dim=0, return_inverse=True)[1]
        if places is None:
            last = torch.stack([frames[span].max() for span in layout.spans])[layout.clip_ids]
            places = (frames / last.clamp(min=1)).float()
        self._places = places[None, :, None]  # (1, L, 1)

    def clip_mean(self, values: Tensor, made: Tensor | None = None) -> Tensor:
        """Mean of the tokens of each clip of each batch element."""
        return _grouped_mean(values, made, self._clips)

    def frame_mean(self, values: Tensor, made: Tensor | None = None) -> Tensor:
        """Mean of the tokens of each frame of each clip."""
        return _grouped_mean(values, made, self._frames)

    def position(self, values: Tensor) -> Tensor:
        """Position of each token's frame in its clip."""
        return self._places.to(values.device)


def _mean(values: Tensor, made: Tensor | None, dims: tuple[int, ...]) -> Tensor:
    if made is None:
        return values.mean(dims, keepdim=True)
    counted = made.expand_as(values)
    total = torch.where(counted, values, 0).sum(dims, keepdim=True)
    return total / counted.sum(dims, keepdim=True).clamp(min=1)


def _grouped_mean(values: Tensor, made: Tensor | None, groups: Tensor) -> Tensor:
    """Mean over the tokens of each group and their features, (B, L, D) -> (B, L, 1)."""
    groups = groups.to(values.device)
    counted = torch.ones_like(values, dtype=torch.bool) if made is None else made.expand_as(values)
    sums = torch.where(counted, values, 0).sum(2)  # (B, L)
    counts = counted.sum(2).to(sums)
    shape = (len(values), int(groups.max()) + 1)
    total = sums.new_zeros(shape).index_add_(1, groups, sums)
    count = sums.new_zeros(shape).index_add_(1, groups, counts).clamp(min=1)
    return (total / count)[:, groups, None]


LATENT = LatentRegions()
