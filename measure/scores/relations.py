"""The spatial relation of two objects in a clip."""

from __future__ import annotations

from torch import Tensor

from ...toyworld.scene import RELATIONS, check_choice
from .reading import ObjectReading

_ASIDE, _AHEAD = 0.25, 0.35
_GAP, _OVER = 0.3, 0.6


def holds(relation: str, first: ObjectReading, second: ObjectReading) -> bool:
    """Return whether the first object is mostly in this relation to the second.

    Raises:
        ValueError: the relation is unknown.
    """
    check_choice("relation", relation, RELATIONS)
    both = first.seen & second.seen
    if not both.any():
        return False
    if relation == "on top of":
        return bool(_stands_on(first, second)[both].float().mean() > 0.5)
    apart = first.place[both] - second.place[both]
    right, _, away = apart.median(dim=0).values.tolist()
    if relation in ("left of", "right of"):
        return (right if relation == "right of" else -right) > _ASIDE
    return (away if relation == "behind" else -away) > _AHEAD


def _stands_on(first: ObjectReading, second: ObjectReading) -> Tensor:
    """Whether (F,) the first object's bottom is at the second one's top in the image."""
    reach = (first.height + second.height) / 2
    gap = (second.y - first.y) / reach - 1
    return (gap.abs() < _GAP) & ((first.x - second.x).abs() < _OVER * reach)
