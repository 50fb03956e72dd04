"""Which parts of a clip are given in a measurement; the network fills in the rest.

F latent frames, H latent rows, W latent columns.
"""

from collections.abc import Callable, Mapping

import torch
from einops import repeat
from torch import Tensor

from ..models.shapes import LatentShape

_PATCH = 2
"""Side of a patch in latent positions; a box holds whole patches of 2 x 2."""


def first_frame(shape: LatentShape, g: torch.Generator) -> Tensor:
    """Give the first latent frame, which is the first frame."""
    return _frames(shape, torch.tensor([0]))


def last_frame(shape: LatentShape, g: torch.Generator) -> Tensor:
    """Give the last latent frame."""
    return _frames(shape, torch.tensor([shape.frames - 1]))


def both_ends(shape: LatentShape, g: torch.Generator) -> Tensor:
    """Give the first and the last latent frame."""
    return _frames(shape, torch.tensor([0, shape.frames - 1]))


def beginning(shape: LatentShape, g: torch.Generator) -> Tensor:
    """Give the first two latent frames, which show the beginning of a motion."""
    return _frames(shape, torch.tensor([0, 1]))


def random_frames(shape: LatentShape, g: torch.Generator) -> Tensor:
    """Give some latent frames, but not all."""
    count = int(torch.randint(1, shape.frames, (), generator=g))
    return _frames(shape, torch.randperm(shape.frames, generator=g)[:count])


def box(shape: LatentShape, g: torch.Generator) -> Tensor:
    """Give a box of half the height and width in every frame."""
    spans = [_span(size // _PATCH, g) for size in (shape.height, shape.width)]
    rows, columns = (repeat(span, "n -> (n p)", p=_PATCH) for span in spans)
    return repeat(rows[:, None] & columns, "H W -> F H W", F=shape.frames)


GIVEN: Mapping[str, Callable[[LatentShape, torch.Generator], Tensor]] = {
    "first frame": first_frame,
    "last frame": last_frame,
    "both ends": both_ends,
    "random frames": random_frames,
    "box": box,
    "beginning": beginning,
}
"""Functions that mark the known latent positions (F, H, W), by name."""


def known_of(what: str, shape: LatentShape, seed: int) -> Tensor:
    """Draw the known positions (F, H, W) of one case from its seed."""
    return GIVEN[what](shape, torch.Generator().manual_seed(seed))


def new_frames(known: Tensor, time_factor: int) -> Tensor:
    """Numbers of the video frames that the network generated at least in part.

    Args:
        known: (F, H, W) bool.
    """
    made = ~known.flatten(1).all(dim=1)  # (F,)
    return torch.cat([made[:1], made[1:].repeat_interleave(time_factor)]).nonzero()[:, 0]


def _frames(shape: LatentShape, numbers: Tensor) -> Tensor:
    known = torch.zeros(shape, dtype=torch.bool)
    known[numbers] = True
    return known


def _span(size: int, g: torch.Generator) -> Tensor:
    """Mark half of `size` consecutive places, starting at a random one."""
    half = max(size // 2, 1)
    start = int(torch.randint(size - half + 1, (), generator=g))
    places = torch.arange(size)
    return (places >= start) & (places < start + half)
