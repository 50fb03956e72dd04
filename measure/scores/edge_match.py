"""How well the edges of one clip coincide with those of another."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

TOLERANCE = 1
"""Largest distance in pixels between two edges that count as one."""


def edge_match(made: Tensor, wanted: Tensor) -> float:
    """Return the F1 score of edges: the harmonic mean of precision and recall.

    Args:
        made, wanted: (F, H, W), above one half on edges.

    Returns:
        A number from 0 to 1: 1 if each edge pixel of one has an edge pixel of the other within
        `TOLERANCE` pixels in the same frame, or if neither has any.

    Raises:
        ValueError: the shapes differ.
    """
    if made.shape != wanted.shape or made.ndim != 3:
        raise ValueError(
            f"edges of shape {tuple(made.shape)} and {tuple(wanted.shape)} cannot be compared: "
            "give (frames, rows, columns) of one size"
        )
    ours, theirs = made > 0.5, wanted > 0.5
    if not ours.any() or not theirs.any():
        return float(ours.any() == theirs.any())
    precision, recall = _covered(ours, theirs), _covered(theirs, ours)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _covered(edges: Tensor, others: Tensor) -> float:
    """Share of edge pixels that have one of the others nearby."""
    return float(near(others)[edges].float().mean())


def near(edges: Tensor) -> Tensor:
    """Return the pixels (F, H, W) bool that have an edge (F, H, W) within `TOLERANCE` pixels."""
    side = 2 * TOLERANCE + 1
    found = functional.max_pool2d(edges[:, None].float(), side, stride=1, padding=TOLERANCE)
    return found[:, 0] > 0.5
