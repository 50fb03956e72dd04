"""The space that networks predict in, for rules that differ from one space to another."""

import torch
from torch import Tensor

from .denoiser import broadcast_sigma, to_denoised, to_velocity
from .process import NoiseProcess


def output_of(x: Tensor, x0: Tensor, sigma: Tensor, process: NoiseProcess) -> Tensor:
    """Return the velocity (x - x0) / sigma of a flow model, v of an eps or v model.

    v is what Karras et al., 2022, call F, for data of deviation 1: it has the opposite sign of
    signal eps - noise x0, which matters to no rule. Where sigma is 0 the result is 0.

    Args:
        x, x0: state and prediction of the same shape.
        sigma: noise levels as ``broadcast_sigma`` takes them.
        process: of the state.
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
    """Factors of the state and of F in x0, broadcasting to ``x``."""
    spread = sigma**2 + 1
    return broadcast_sigma(1 / spread, x), broadcast_sigma(sigma / spread.sqrt(), x)
