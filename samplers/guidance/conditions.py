"""Conditions evaluated by guidance: a host's own, or one wrapped in changes to the network."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ..runs import Evaluation
from .cfg import Predict
from .nag import NegativeAttention
from .skip_layer import SkippedBlocks

_WRAPPERS = (SkippedBlocks, NegativeAttention)


@dataclass(frozen=True, eq=False)
class Change:
    """Changes to the network for one prediction.

    Args:
        skipped: blocks to skip.
        attention: negative condition inside the cross-attention, None for no attention guidance.
    """

    skipped: frozenset[int] = frozenset()
    attention: NegativeAttention | None = None


def unwrapped(condition: Any) -> tuple[Any, Change]:
    """Split a condition into the host's own condition and all changes around it."""
    skipped: frozenset[int] = frozenset()
    attention: NegativeAttention | None = None
    while isinstance(condition, _WRAPPERS):
        if isinstance(condition, SkippedBlocks):
            skipped |= condition.blocks
        else:
            attention = condition
        condition = condition.condition
    return condition, Change(skipped, attention)


Together = Callable[[Tensor, Evaluation, Sequence[Any]], Sequence[Tensor]]
"""(x, evaluation, conditions of the host) -> x0 of each."""

Changed = Callable[[Tensor, Evaluation, Any, Change], Tensor]
"""(x, evaluation, condition of the host, change) -> x0."""


def predictor(together: Together, changed: Changed) -> Predict:
    """Evaluate plain conditions together and each wrapped condition separately."""

    def predict(x: Tensor, at: Evaluation, conditions: Sequence[Any], /) -> list[Tensor]:
        plain = [each for each in conditions if not isinstance(each, _WRAPPERS)]
        made = dict(zip(map(id, plain), together(x, at, plain), strict=True)) if plain else {}
        return [
            made[id(each)] if id(each) in made else changed(x, at, *unwrapped(each))
            for each in conditions
        ]

    return predict
