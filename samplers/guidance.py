"""Guidance: denoisers made from the predictions for several conditions."""

from collections.abc import Sequence
from typing import Any, Protocol

from torch import Tensor

from .denoiser import Denoiser


class Predict(Protocol):
    """Evaluate several conditions: ``(x, sigma, conditions, **extra) -> one x0 per condition``.

    Whether they run as one batch or one after the other is the predictor's own matter.
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


def cfg(predict: Predict, positive: object, negative: object, scale: float) -> Denoiser:
    """Guide with x0 = u + scale (c - u), c and u the predictions for positive and negative.

    The rule is affine, so it is the same in x0, eps and velocity. With ``scale`` 1 the negative
    condition is never evaluated. Source: Ho and Salimans, "Classifier-Free Diffusion Guidance",
    2022, with scale = 1 + w.
    """

    def denoise(x: Tensor, sigma: Tensor, /, **extra: Any) -> Tensor:
        if scale == 1:
            (conditional,) = predict(x, sigma, (positive,), **extra)
            return conditional
        conditional, unconditional = predict(x, sigma, (positive, negative), **extra)
        return unconditional + scale * (conditional - unconditional)

    return denoise
