"""Gaussian filters and gradients of planes, at any image size."""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

_REACH = 3.0
"""Radius of a Gaussian, in standard deviations."""

_CENTRAL = torch.tensor([-0.5, 0.0, 0.5])
_ACROSS = torch.tensor([3.0, 10.0, 3.0]) / 16
"""Scharr's weights across a central difference: gradients then hardly depend on direction."""


class Gradient(NamedTuple):
    """Changes of planes `(N, H, W)` to the right and downwards, and their strength.

    The strength of an edge between two areas is the difference of their values, at any scale.
    """

    x: Tensor
    y: Tensor
    strength: Tensor


def gaussian(sigma: float) -> Tensor:
    """Weights `(2 r + 1,)` of a Gaussian of `sigma` pixels, summing to 1; 0 is the identity."""
    reach = math.ceil(_REACH * sigma)
    if reach == 0:
        return torch.ones(1)
    places = torch.arange(-reach, reach + 1, dtype=torch.float64)
    weights = torch.exp(-(places**2) / (2 * sigma**2))
    return (weights / weights.sum()).float()


def blurred(planes: Tensor, sigma: float) -> Tensor:
    """Blur planes `(N, H, W)` with a Gaussian, replicating the border."""
    weights = gaussian(sigma)
    return filtered(planes, weights, weights)


def filtered(planes: Tensor, across: Tensor, down: Tensor) -> Tensor:
    """Correlate planes `(N, H, W)` with weights of odd lengths along rows and along columns."""
    return _correlated(_correlated(planes, across, 2), down, 1)


def _correlated(planes: Tensor, weights: Tensor, axis: int) -> Tensor:
    """Sum shifted planes, which is faster than a convolution for so few channels."""
    reach, size = len(weights) // 2, planes.shape[axis]
    if reach == 0:
        return planes * weights
    sides = (reach, reach, 0, 0) if axis == 2 else (0, 0, reach, reach)
    padded = F.pad(planes[None], sides, mode="replicate")[0]
    result = torch.zeros_like(planes)
    for place, weight in enumerate(weights.tolist()):
        if weight:
            result.add_(padded.narrow(axis, place, size), alpha=weight)
    return result


def gradient(planes: Tensor, sigma: float) -> Gradient:
    """Gradients of planes `(N, H, W)` at the scale of `sigma` pixels."""
    smooth, unit = blurred(planes, sigma), _steepest(gaussian(sigma))
    x, y = filtered(smooth, _CENTRAL / unit, _ACROSS), filtered(smooth, _ACROSS, _CENTRAL / unit)
    return Gradient(x, y, (x * x + y * y).sqrt())


def _steepest(smooth: Tensor) -> Tensor:
    """Largest central difference of a blurred edge between 0 and 1."""
    edge = torch.cat((torch.zeros(1), smooth.cumsum(0), torch.ones(1)))
    return ((edge[2:] - edge[:-2]) / 2).max()


def strongest(found: Gradient) -> Gradient:
    """Select, at each position, the gradient of the plane that changes most; each is `(H, W)`."""
    if len(found.strength) == 1:
        return Gradient(*(part[0] for part in found))
    best = found.strength.argmax(dim=0, keepdim=True)
    return Gradient(*(part.gather(0, best)[0] for part in found))
