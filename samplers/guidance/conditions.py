"""Conditions that guidance asks predictions for: a host's own, or one with changes around it."""

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
    """How the network is changed for a prediction.

    Args:
        skipped: blocks that are left out.
        attention: the negative condition inside the cross-attention, None for no such guidance.
    """

    skipped: frozenset[int] = frozenset()
    attention: NegativeAttention | None = None


def unwrapped(condition: Any) -> tuple[Any, Change]:
    """The host's own condition, and all changes around it."""
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
    """Evaluate plain conditions together, and each one with a change around it by itself."""

    def predict(x: Tensor, at: Evaluation, conditions: Sequence[Any], /) -> list[Tensor]:
        plain = [each for each in conditions if not isinstance(each, _WRAPPERS)]
        made = dict(zip(map(id, plain), together(x, at, plain), strict=True)) if plain else {}
        return [
            made[id(each)] if id(each) in made else changed(x, at, *unwrapped(each))
            for each in conditions
        ]

    return predict
