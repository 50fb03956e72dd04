"""The space that networks predict in, for rules that differ from one space to another."""

import torch
from torch import Tensor

from .conversions import FLOW, Form, edm, from_x0, to_x0
from .denoiser import broadcast_sigma
from .process import NoiseProcess

_FORMS: dict[NoiseProcess, Form] = {NoiseProcess.FLOW: FLOW, NoiseProcess.VE: edm(1.0)}


def output_of(x: Tensor, x0: Tensor, sigma: Tensor, process: NoiseProcess) -> Tensor:
    """Return the velocity (x - x0) / sigma of a flow model, v of an eps or v model.

    v has the sign of Karras' F, which matters to no rule. Where sigma is 0 the result is 0.
    """
    noisy = broadcast_sigma(sigma, x) > 0
    level = torch.where(sigma > 0, sigma, torch.ones_like(sigma))
    return torch.where(noisy, from_x0(_FORMS[process], x, x0, level), 0.0)


def x0_of(x: Tensor, output: Tensor, sigma: Tensor, process: NoiseProcess) -> Tensor:
    """Invert ``output_of``; where sigma is 0 the result is ``x``."""
    return to_x0(_FORMS[process], x, output, sigma)
