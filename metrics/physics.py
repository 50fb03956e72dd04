"""How objects fall."""

from __future__ import annotations

import torch

from .reading import ObjectReading

_LANDED, _DEEP, _FEWEST_FRAMES = 0.15, 0.5, 5


def fall_acceleration(thing: ObjectReading, fps: float) -> float | None:
    """Return how an object that was at rest at the beginning falls, in units per second squared.

    Returns:
        The best fit to its height until it lands, None where it does not fall or too few frames
        show it.
    """
    height = thing.place[:, 1].double()
    landing = int((height < height.min() + _LANDED).nonzero()[0])
    frames = thing.seen[:landing].nonzero()[:, 0].cpu()
    if height[0] - height.min() < _DEEP or len(frames) < _FEWEST_FRAMES:
        return None
    squares = 0.5 * (frames.double() / fps) ** 2
    terms = torch.stack((torch.ones_like(squares), squares), dim=1)
    return -float(torch.linalg.lstsq(terms, height[frames]).solution[1])
