"""A linear code of video: blocks of pixels times a matrix, and its best fit by PCA."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import torch
from einops import rearrange
from torch import Tensor


class LinearCode(NamedTuple):
    """code = encode (block - mean); block = decode code + mean."""

    encode: Tensor
    """(z, P), with P values per block"""
    decode: Tensor
    """(P, z)"""
    mean: Tensor
    """(P,)"""


def fold_blocks(video: Tensor, *, time: int, space: int, first: bool) -> Tensor:
    """Fold video (B, 3, F, H, W) into blocks (B, f, h, w, 3 time space^2).

    If the video begins a clip (`first`), its frame 0 forms a block by itself, repeated.
    """
    if first:
        video = torch.cat([video[:, :, :1].expand(-1, -1, time - 1, -1, -1), video], dim=2)
    return rearrange(video, "B C (F p) (H q) (W r) -> B F H W (C p q r)", p=time, q=space, r=space)


def unfold_blocks(blocks: Tensor, *, time: int, space: int, first: bool) -> Tensor:
    """Undo `fold_blocks`; only the last frame of a clip's first block is used."""
    video = rearrange(
        blocks, "B F H W (C p q r) -> B C (F p) (H q) (W r)", p=time, q=space, r=space
    )
    return video[:, :, time - 1 :] if first else video


def fit_linear_code(clips: Iterable[Tensor], *, channels: int, time: int, space: int) -> LinearCode:
    """Find the linear code of `channels` values per block with the least squared error (PCA).

    Args:
        clips: batches (B, 3, F, H, W) of whole clips, seen one at a time; summed in float64.

    Raises:
        ValueError: there is no clip.
    """
    count, total, square = 0, torch.zeros(()), torch.zeros(())
    for clip in clips:
        blocks = fold_blocks(clip, time=time, space=space, first=True).flatten(0, -2).double()
        count += blocks.shape[0]
        total = total + blocks.sum(0)
        square = square + blocks.T @ blocks
    if count == 0:
        raise ValueError("no clips to fit a linear code to: give at least one batch")
    mean = total / count
    covariance = square / count - torch.outer(mean, mean)
    basis = torch.linalg.eigh(covariance).eigenvectors.flip(-1)[:, :channels]  # (P, z)
    return LinearCode(encode=basis.T.contiguous(), decode=basis.contiguous(), mean=mean)
