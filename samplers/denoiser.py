"""The denoiser protocol, and conversions between x0 and network outputs."""

from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor

from .process import NoiseProcess


class Denoiser(Protocol):
    """Predict the clean sample from a noisy one: ``(x, sigma, **extra) -> x0``.

    This is the only interface that solvers use. Within a run, guidance, kept frames, windows and
    loops are denoisers of the form ``runs.RunDenoiser``, or wrappers around one.

    Args:
        x: noisy state of any shape with the batch first: a latent (B, C, F, H, W) or tokens
            (B, L, D).
        sigma: noise level (B,) in [0, 1].
        extra: the caller's conditions, passed on unchanged by the solver.

    Returns:
        The x0 prediction in the shape and dtype of ``x``. Batch elements are independent, and
        where sigma is 0 the result is ``x``.
    """

    def __call__(self, x: Tensor, sigma: Tensor, /, **extra: Any) -> Tensor:
        """Return x0 for the state ``x`` at the noise level ``sigma``."""
        ...


def broadcast_sigma(sigma: Tensor, x: Tensor) -> Tensor:
    """Reshape noise levels so that they broadcast with ``x``.

    Args:
        sigma: (), (B,), or one level per position, in the shape of the state without its channels:
            (B, L) for tokens (B, L, D) and (B, F, H, W) for a latent (B, C, F, H, W).
        x: the state, batch first.

    Returns:
        ``sigma`` with the dtype, device and number of dimensions of ``x``.

    Raises:
        ValueError: the levels do not fit the state.
    """
    if sigma.ndim <= 1:
        level = sigma.reshape(*sigma.shape, *[1] * (x.ndim - sigma.ndim))
    else:
        level = sigma.unsqueeze(2 if x.ndim == 3 else 1)
    sizes = zip(level.shape, x.shape, strict=False)
    if level.ndim != x.ndim or any(size not in (1, whole) for size, whole in sizes):
        raise ValueError(
            f"noise levels of shape {tuple(sigma.shape)} do not fit a state of shape "
            f"{tuple(x.shape)}: give one per batch element (B,), or one per position: (B, L) with "
            "tokens (B, L, D), (B, F, H, W) with a latent"
        )
    return level.to(x)


def to_denoised(x: Tensor, velocity: Tensor, sigma: Tensor) -> Tensor:
    """Convert a flow velocity to the clean prediction, x0 = x - sigma v (exactly x at sigma 0)."""
    return x - broadcast_sigma(sigma, x) * velocity.to(x.dtype)


def to_velocity(x: Tensor, x0: Tensor, sigma: Tensor) -> Tensor:
    """Convert a clean prediction to the flow velocity, v = (x - x0) / sigma (0 at sigma 0).

    Args:
        x, x0: state and prediction of the same shape.
        sigma: noise levels, see ``broadcast_sigma``.
    """
    level = broadcast_sigma(sigma, x)
    noisy = level > 0
    return torch.where(noisy, (x - x0) / torch.where(noisy, level, 1.0), 0.0)


def flow_denoiser(velocity: Callable[..., Tensor]) -> Denoiser:
    """Turn a flow network ``velocity(x, sigma, **extra) -> v`` into a denoiser.

    The path is x = (1 - sigma) x0 + sigma eps, so v = eps - x0. ``sigma`` is (B,) or one level per
    position, see ``broadcast_sigma``.
    """

    def denoise(x: Tensor, sigma: Tensor, /, **extra: Any) -> Tensor:
        return to_denoised(x, velocity(x, sigma, **extra), sigma)

    return denoise


def output_of(x: Tensor, x0: Tensor, sigma: Tensor, process: NoiseProcess) -> Tensor:
    """Return the velocity (x - x0) / sigma of a flow model, or v of an eps or v model.

    v is the F of Karras et al., 2022, for data with standard deviation 1. Its sign is opposite to
    signal eps - noise x0, which no guidance rule depends on. Where sigma is 0 the result is 0.

    Args:
        x, x0: state and prediction of the same shape.
        sigma: noise levels, see ``broadcast_sigma``.
        process: noise process of the state.
    """
    if process is NoiseProcess.FLOW:
        return to_velocity(x, x0, sigma)
    noisy = broadcast_sigma(sigma, x) > 0
    skip, out = _karras(torch.where(sigma > 0, sigma, torch.ones_like(sigma)), x)
    return torch.where(noisy, (x0 - skip * x) / out, 0.0)


def x0_of(x: Tensor, output: Tensor, sigma: Tensor, process: NoiseProcess) -> Tensor:
    """Invert ``output_of``; where sigma is 0 the result is ``x``."""
    if process is NoiseProcess.FLOW:
        return to_denoised(x, output, sigma)
    skip, out = _karras(sigma, x)
    return skip * x + out * output


def _karras(sigma: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    """Coefficients of the state and of F in x0, broadcasting to ``x``."""
    spread = sigma**2 + 1
    return broadcast_sigma(1 / spread, x), broadcast_sigma(sigma / spread.sqrt(), x)
