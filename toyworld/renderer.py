"""Ray-trace clips of scenes with exact masks, depth and tracks, all clips of a batch at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from einops import rearrange
from torch import Tensor

from .backdrop import Backdrop, backdrop_of
from .object_batch import ObjectBatch, batch_of, boxes_of, tracks_of
from .physics import States
from .scene import Scene
from .settings import Setting
from .shading import Light, floor_shade, light_of
from .styles import LOOKS
from .tracing import OFFSETS, Samples, meet
from .trails import paint_trails


class Clip(NamedTuple):
    """Rendered clips and their ground truth.

    Attributes:
        video: (B, F, H, W, 3) display RGB in [0, 1], float32.
        masks: (B, F, O, H, W) bool, the pixels whose centre shows object O.
        depth: (B, F, H, W) distance from the camera along the ray through the pixel's centre, in
            units; infinite in the sky.
        tracks: (B, F, O, 3) x and y of each object's centre in pixels (the first pixel's centre is
            0.5, 0.5) and 1 where any of it is visible, else 0. Objects that a scene does not have,
            or that are absent at that time, have empty masks and zero tracks.
        states: centre (B, F, O, 3), rotation (B, F, O, 3, 3), velocity (B, F, O, 3) in the world
            and contacts (B, F, O, O + 1) with each object and the floor; zero for absent objects.
    """

    video: Tensor
    masks: Tensor
    depth: Tensor
    tracks: Tensor
    states: States

    def between(self, start: int, stop: int) -> Clip:
        """Return the frames from `start` up to but excluding `stop`."""
        own = (part[:, start:stop] for part in self[:-1])
        return Clip(*own, states=States(*(part[:, start:stop] for part in self.states)))


def render(
    scenes: Sequence[Scene],
    *,
    frames: int,
    height: int,
    width: int,
    fps: float = 16.0,
    first: int = 0,
    device: torch.device | str = "cpu",
) -> Clip:
    """Render one clip per scene; frame k shows the time (first + k) / fps.

    Raises:
        ValueError: no scenes, a scene without objects, a first frame before 0, or an empty size,
            duration or rate.
    """
    _check(scenes, frames=frames, height=height, width=width, fps=fps, first=first)
    seconds = torch.arange(first, first + frames, dtype=torch.float64) / fps
    things = batch_of(scenes, seconds, device)
    backdrop = backdrop_of(scenes, seconds, height=height, width=width, device=device)
    light = _light(backdrop.settings, device)
    video = backdrop.colour[backdrop.place]
    paint_trails(video, scenes, (things, backdrop, light), fps, first)
    _cast_shadows(video, scenes, things, backdrop, light)
    near = _inside(boxes_of(things, backdrop.view, height, width), height, width)
    samples = _samples(near, backdrop)
    for index in range(near.shape[2]):
        meet(samples, near[:, :, index], index, scenes, (things, backdrop, light))
    masks, depth = _composite(samples, video, backdrop, near.shape[2])
    visible = rearrange(masks, "b f o h w -> b f o (h w)").any(dim=-1, keepdim=True)
    tracks = torch.cat((tracks_of(things, backdrop.view, height, width), visible), dim=-1)
    return Clip(video, masks, depth, tracks, things.states)


def _check(
    scenes: Sequence[Scene], *, frames: int, height: int, width: int, fps: float, first: int
) -> None:
    if not scenes or not all(scene.objects for scene in scenes):
        raise ValueError("there is nothing to render: give at least one scene, each with an object")
    if min(frames, height, width) < 1 or fps <= 0:
        raise ValueError(
            f"cannot render {frames} frames of {height} x {width} pixels at {fps} frames per "
            "second: use at least 1 frame, 1 pixel and a rate above 0"
        )
    if first < 0:
        raise ValueError(f"cannot begin with frame {first}: scenes begin with frame 0")


def _light(settings: Sequence[Sequence[Setting]], device: torch.device | str) -> Light:
    """Return the light of every frame, (B, F, 3) and (B, F)."""
    found = light_of([setting for row in settings for setting in row], device)
    return Light(*(rearrange(part, "(b f) ... -> b f ...", b=len(settings)) for part in found))


def _cast_shadows(
    video: Tensor, scenes: Sequence[Scene], things: ObjectBatch, backdrop: Backdrop, light: Light
) -> None:
    """Darken the floor of `video` (B, F, H, W, 3) in place."""
    floor, lift = backdrop.floor[backdrop.place], things.lift()
    edges = [LOOKS[scene.style].shadow_edge for scene in scenes]
    sharpness = torch.tensor(edges, device=video.device)
    left = torch.ones((), device=video.device)
    for o in range(things.size.shape[1]):
        centre, wide = (
            things.states.centre[:, :, o],
            things.half_width[:, None, o] * things.there[:, :, o],
        )
        left = left * floor_shade(floor, centre, wide, lift[:, :, o], light, sharpness)
    video *= left[..., None]


def _inside(boxes: Tensor, height: int, width: int) -> Tensor:
    """Return the pixels (B, F, O, H, W) that each box touches."""
    left, right, top, bottom = boxes[..., None].unbind(dim=-2)
    columns = torch.arange(width, device=boxes.device)
    rows = torch.arange(height, device=boxes.device)
    wide = (columns + 1 > left) & (columns < right)
    high = (rows + 1 > top) & (rows < bottom)
    return high[..., :, None] & wide[..., None, :]


def _samples(near: Tensor, backdrop: Backdrop) -> Samples:
    scene, frame, row, column = near.any(dim=2).nonzero(as_tuple=True)
    offsets = torch.tensor(OFFSETS, device=near.device)[..., None]  # (S, 2, 1)
    x, y = column + 0.5 + offsets[:, 0], row + 0.5 + offsets[:, 1]
    across, above = backdrop.view.at(scene, frame).slopes(x, y, *near.shape[-2:])
    distance = torch.full_like(across, torch.inf)
    owner = torch.full_like(distance, -1, dtype=torch.long)
    colour = torch.zeros(3, *distance.shape, device=near.device)
    return Samples(scene, frame, row, column, across, above, distance, owner, colour)


def _composite(
    samples: Samples, video: Tensor, backdrop: Backdrop, count: int
) -> tuple[Tensor, Tensor]:
    """Blend the samples into the video in place; return masks and depth."""
    place = (samples.scene, samples.frame, samples.row, samples.column)
    missed = samples.depth.isinf().float().mean(dim=0)  # (P,)
    video[place] = video[place] * missed[:, None] + samples.colour.mean(dim=1).T
    batch, frames, height, width, _ = video.shape
    depth = backdrop.distance[backdrop.place]
    depth[place] = torch.minimum(depth[place], samples.distance())
    masks = torch.zeros(batch, frames, count, height, width, dtype=torch.bool, device=video.device)
    for index in range(count):
        masks[(*place[:2], torch.full_like(place[0], index), *place[2:])] = (
            samples.owner[0] == index
        )
    return masks, depth
