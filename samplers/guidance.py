"""Guidance: denoisers made from the predictions for several conditions."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from .denoiser import Denoiser, broadcast_sigma
from .path import Path
from .regions import LATENT, Regions


class Predict(Protocol):
    """Evaluate several conditions: ``(x, sigma, conditions, **extra) -> one x0 per condition``.

    Whether they run as one batch or one after the other is the predictor's own matter. A condition
    is the caller's own object, or one in ``SkippedBlocks`` or ``Against``.
    """

    def __call__(
        self,
        x: Tensor,
        sigma: Tensor,
        conditions: Sequence[Any],
        /,
        **extra: Any,
    ) -> Sequence[Tensor]:
        """Return the predictions of x0 in the order of ``conditions``."""
        ...


@dataclass(frozen=True, eq=False)
class SamplingRun:
    """What guidance has to know of the run that it is part of.

    Args:
        sigmas: (n + 1,) levels of the schedule.
        path: how states mix signal and noise.
        regions: which values belong to one clip and one frame.
    """

    sigmas: Tensor
    path: Path = Path.FLOW
    regions: Regions = LATENT


class Sides(NamedTuple):
    """Predictions for both conditions, and the state and window that they were made for."""

    x: Tensor
    sigma: Tensor
    conditional: Tensor
    unconditional: Tensor
    window: Hashable = None


Scale = float | Callable[[Tensor, float], Tensor | float]
"""A guidance scale, or one that depends on the state x and the noise level."""

Combine = Callable[[Sides, Tensor | float], Tensor]
"""(predictions, scale) -> the guided x0; with scale 1 it has to be the conditional one."""

Watch = Callable[[Sequence[Any], Sequence[Tensor]], None]
"""(conditions, their predictions of x0): told what was predicted."""


def affine(sides: Sides, scale: Tensor | float) -> Tensor:
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
) -> Denoiser:
    """Guide away from the negative condition; where the scale is 1 it is never evaluated.

    Places whose noise level is 0 are given and stay as they are.

    Args:
        predict: evaluates conditions.
        positive, negative: two conditions.
        scale: 1 is no guidance.
        combine: the rule, classifier-free guidance by default.
    """

    def denoise(x: Tensor, sigma: Tensor, /, **extra: Any) -> Tensor:
        w = scale if isinstance(scale, int | float) else scale(x, sigma.max().item())
        if bool((w == 1).all() if isinstance(w, Tensor) else w == 1):
            (conditional,) = predict(x, sigma, (positive,), **extra)
            return conditional
        conditional, unconditional = predict(x, sigma, (positive, negative), **extra)
        sides = Sides(x, sigma, conditional, unconditional, extra.get("window"))
        return keep_given(combine(sides, w), x, sigma)

    return denoise


def made_places(x: Tensor, sigma: Tensor) -> Tensor | None:
    """Mark what is not given, broadcasting to ``x``; None where there is one level for all."""
    return None if sigma.ndim <= 1 else broadcast_sigma(sigma, x) > 0


def keep_given(guided: Tensor, x: Tensor, sigma: Tensor) -> Tensor:
    """Put back what is given: where the noise level is 0, the state itself."""
    made = made_places(x, sigma)
    return guided if made is None else torch.where(made, guided, x)


def remember(predict: Predict) -> Predict:
    """Keep the predictions for the last state, so that several rules share an evaluation."""
    known: dict[int, tuple[Any, Tensor]] = {}
    last: list[Tensor] = []

    def predict_new(
        x: Tensor, sigma: Tensor, conditions: Sequence[Any], /, **extra: Any
    ) -> Sequence[Tensor]:
        if not last or last[0] is not x or not torch.equal(last[1], sigma):
            known.clear()
            last[:] = x, sigma
        missing = [each for each in conditions if id(each) not in known]
        if missing:
            made = predict(x, sigma, missing, **extra)
            known.update({id(c): (c, x0) for c, x0 in zip(missing, made, strict=True)})
        return [known[id(condition)][1] for condition in conditions]

    return predict_new


def watched(predict: Predict, watch: Watch) -> Predict:
    """Tell ``watch`` of every prediction."""

    def predict_and_tell(
        x: Tensor, sigma: Tensor, conditions: Sequence[Any], /, **extra: Any
    ) -> Sequence[Tensor]:
        made = predict(x, sigma, conditions, **extra)
        watch(conditions, made)
        return made

    return predict_and_tell
