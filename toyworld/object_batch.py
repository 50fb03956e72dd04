"""The objects of a batch of scenes as tensors, and their places in the image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from .camera import NEAREST_DEPTH, View
from .physics import States, is_there, simulate
from .scene import SHAPES, Scene
from .shading import paint_of
from .solids import HALF_WIDTH, reach

NO_SHAPE = -1


class ObjectBatch(NamedTuple):
    """The objects of all scenes, padded with objects of shape `NO_SHAPE` and size 0."""

    states: States  # (B, F, O, ...)
    reach: Tensor  # (B, F, O, 3) units from the centre along each world axis
    size: Tensor  # (B, O)
    shape: Tensor  # (B, O) index into SHAPES
    base: Tensor  # (B, O, 3)
    accent: Tensor  # (B, O, 3)
    half_width: Tensor  # (B, O) units
    there: Tensor  # (B, F, O) whether the object is present

    def lift(self) -> Tensor:
        """Return the height of each object's lowest point (B, F, O)."""
        return (self.states.centre[..., 1] - self.reach[..., 1]).clamp(min=0)


def batch_of(scenes: Sequence[Scene], seconds: Tensor, device: torch.device | str) -> ObjectBatch:
    """Return the objects of the scenes at each of `seconds` (F,)."""
    states = _simulated(scenes, seconds)
    batch, frames, count = states.centre.shape[:3]
    things = ObjectBatch(
        states=states,
        reach=torch.zeros(batch, frames, count, 3),
        size=torch.zeros(batch, count),
        shape=torch.full((batch, count), NO_SHAPE),
        base=torch.zeros(batch, count, 3),
        accent=torch.zeros(batch, count, 3),
        half_width=torch.zeros(batch, count),
        there=torch.zeros(batch, frames, count, dtype=torch.bool),
    )
    for b, scene in enumerate(scenes):
        for o, thing in enumerate(scene.objects):
            things.reach[b, :, o] = thing.size * reach(thing.shape, states.rotation[b, :, o])
            things.base[b, o], things.accent[b, o] = paint_of(thing.colour)
            things.size[b, o], things.shape[b, o] = thing.size, SHAPES.index(thing.shape)
            things.half_width[b, o] = HALF_WIDTH[thing.shape] * thing.size
            things.there[b, :, o] = is_there(thing, seconds)
    on_device = States(*(tensor.to(device) for tensor in states))
    return ObjectBatch(on_device, *(tensor.to(device) for tensor in things[1:]))


def _simulated(scenes: Sequence[Scene], seconds: Tensor) -> States:
    """Return the states of all scenes (B, F, O, ...), zero for absent objects."""
    batch, frames = len(scenes), len(seconds)
    count = max(len(scene.objects) for scene in scenes)
    states = States(
        centre=torch.zeros(batch, frames, count, 3),
        rotation=torch.zeros(batch, frames, count, 3, 3),
        velocity=torch.zeros(batch, frames, count, 3),
        contacts=torch.zeros(batch, frames, count, count + 1, dtype=torch.bool),
    )
    for b, scene in enumerate(scenes):
        found, own = simulate(scene, seconds), len(scene.objects)
        states.centre[b, :, :own] = found.centre
        states.rotation[b, :, :own] = found.rotation
        states.velocity[b, :, :own] = found.velocity
        states.contacts[b, :, :own, :own] = found.contacts[..., :own]
        states.contacts[b, :, :own, -1] = found.contacts[..., own]
    return states


def boxes_of(things: ObjectBatch, view: View, height: int, width: int) -> Tensor:
    """Return the bounding box in pixels of each object (B, F, O, 4: left, right, top, bottom).

    The box of an object that reaches behind the camera is unbounded; that of an absent object is
    empty.
    """
    centre, reaches = things.states.centre, things.reach
    signs = torch.tensor([-1.0, 1.0], device=centre.device)
    corners = torch.cartesian_prod(signs, signs, signs)[:, None, None, None]
    x, y, depth = view.at(..., None).project(centre + corners * reaches, height, width)
    sides = (x.amin(dim=0), x.amax(dim=0), y.amin(dim=0), y.amax(dim=0))
    boxes = torch.stack(sides, dim=-1)
    anywhere = torch.tensor([-torch.inf, torch.inf] * 2, device=centre.device)
    around = (depth.amin(dim=0) < NEAREST_DEPTH)[..., None]
    behind = (depth.amax(dim=0) < 0) | ~things.there
    return torch.where(around, anywhere, boxes).masked_fill(behind[..., None], -torch.inf)


def tracks_of(things: ObjectBatch, view: View, height: int, width: int) -> Tensor:
    """Return x and y of each object's centre in pixels (B, F, O, 2), 0 for absent ones."""
    x, y, _ = view.at(..., None).project(things.states.centre, height, width)
    return torch.stack((x, y), dim=-1) * things.there[..., None]
