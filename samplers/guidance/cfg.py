"""Guidance: denoisers that combine the predictions for several conditions."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from ..denoiser import broadcast_sigma
from ..runs import Evaluation, RunDenoiser


class Predict(Protocol):
    """Evaluate several conditions: ``(x, evaluation, conditions) -> one x0 per condition``.

    The predictor decides whether to run them as one batch or one by one. A condition is the
    caller's own object, optionally wrapped in ``SkippedBlocks`` or ``NegativeAttention``.
    """

    def __call__(self, x: Tensor, at: Evaluation, conditions: Sequence[Any], /) -> Sequence[Tensor]:
        """Return the x0 predictions in the order of ``conditions``."""
        ...


class Predictions(NamedTuple):
    """Predictions for both conditions, with their state and evaluation."""

    x: Tensor
    at: Evaluation
    conditional: Tensor
    unconditional: Tensor


Scale = float | Callable[[Tensor, Evaluation], Tensor | float]
"""A constant guidance scale, or a function of the state x and the evaluation."""

Combine = Callable[[Predictions, Tensor | float], Tensor]
"""(predictions, scale) -> guided x0; at scale 1 this must be the conditional prediction."""

Watch = Callable[[Sequence[Any], Sequence[Tensor]], None]
"""(conditions, their x0 predictions) -> None: called after every prediction."""


def affine(sides: Predictions, scale: Tensor | float) -> Tensor:
    """Return u + w (c - u), the same in x0, eps and velocity.

    Source: Ho and Salimans, "Classifier-Free Diffusion Guidance", 2022, with their w + 1 as w.
    """
    return sides.unconditional + scale * (sides.conditional - sides.unconditional)


def cfg(
    predict: Predict,
    positive: object,
    negative: object,
    scale: Scale,
    *,
    combine: Combine = affine,
) -> RunDenoiser:
    """Guide away from the negative condition, which is not evaluated at scale 1.

    Positions with noise level 0 are given and stay unchanged.

    Args:
        predict: evaluates conditions.
        positive, negative: the two conditions.
        scale: guidance scale; 1 means no guidance.
        combine: the guidance rule, classifier-free guidance by default.
    """

    def denoise(x: Tensor, at: Evaluation) -> Tensor:
        w = scale if isinstance(scale, int | float) else scale(x, at)
        if bool((w == 1).all() if isinstance(w, Tensor) else w == 1):
            (conditional,) = predict(x, at, (positive,))
            return conditional
        conditional, unconditional = predict(x, at, (positive, negative))
        return keep_given(combine(Predictions(x, at, conditional, unconditional), w), x, at)

    return denoise


def generated_mask(x: Tensor, at: Evaluation) -> Tensor | None:
    """Mask of generated positions, broadcasting to ``x``; None if the noise level is uniform."""
    return None if at.places is None else broadcast_sigma(at.places, x) > 0


def keep_given(guided: Tensor, x: Tensor, at: Evaluation) -> Tensor:
    """Restore the given positions, those with noise level 0, from the state."""
    made = generated_mask(x, at)
    return guided if made is None else torch.where(made, guided, x)


def remember(predict: Predict) -> Predict:
    """Cache the predictions of the last evaluation so that several rules can share them."""
    known: dict[int, tuple[Any, Tensor]] = {}
    last: list[Any] = [None, None]

    def predict_new(x: Tensor, at: Evaluation, conditions: Sequence[Any], /) -> Sequence[Tensor]:
        if last[0] is not x or last[1] is not at:
            known.clear()
            last[:] = x, at
        missing = [each for each in conditions if id(each) not in known]
        if missing:
            made = predict(x, at, missing)
            known.update({id(c): (c, x0) for c, x0 in zip(missing, made, strict=True)})
        return [known[id(condition)][1] for condition in conditions]

    return predict_new


def watched(predict: Predict, watch: Watch) -> Predict:
    """Call ``watch`` with every prediction."""

    def predict_and_tell(
        x: Tensor, at: Evaluation, conditions: Sequence[Any], /
    ) -> Sequence[Tensor]:
        made = predict(x, at, conditions)
        watch(conditions, made)
        return made

    return predict_and_tell
