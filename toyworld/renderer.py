"""Ray-cast clips of scenes with exact masks, depth and tracks, all clips of a batch at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from einops import rearrange
from torch import Tensor

from .background import Background, render_background
from .camera import Camera
from .motion import pose
from .scene import SHAPES, Scene
from .settings import SETTINGS
from .shading import Light, floor_shade, light_of, paint_of, sectors, shade
from .solids import HALF_HEIGHT, HALF_WIDTH, INTERSECTIONS

_OFFSETS = ((0.0, 0.0), (-0.375, -0.125), (0.125, -0.375), (0.375, 0.125), (-0.125, 0.375))
"""Where in a pixel the rays go: its centre, which alone decides masks and depth, and a turned
square."""

_NO_SHAPE = -1
_FAR = 1e6


class Clip(NamedTuple):
    """Rendered clips and their ground truth.

    Attributes:
        video: (B, F, H, W, 3) display RGB in [0, 1], float32.
        masks: (B, F, O, H, W) bool, the pixels whose centre shows object O.
        depth: (B, F, H, W) distance from the camera along the ray through the pixel's centre, in
            units; infinite in the sky.
        tracks: (B, F, O, 3) x and y of each object's centre in pixels (the first pixel's centre is
            0.5, 0.5) and 1 where any of it is visible, else 0. Scenes with fewer objects than the
            batch's most have empty masks and zero tracks there.
    """

    video: Tensor
    masks: Tensor
    depth: Tensor
    tracks: Tensor


class _Cast(NamedTuple):
    """The objects of all scenes as tensors; absent ones have the shape `_NO_SHAPE` and size 0."""

    centre: Tensor  # (B, F, O, 3)
    yaw: Tensor  # (B, F, O)
    size: Tensor  # (B, O)
    shape: Tensor  # (B, O) index into SHAPES
    base: Tensor  # (B, O, 3)
    accent: Tensor  # (B, O, 3)
    half_height: Tensor  # (B, O) units
    half_width: Tensor  # (B, O) units


class _Stage(NamedTuple):
    """What the scenes show behind the objects; cameras (V) are shared between scenes."""

    colour: Tensor  # (B, H, W, 3)
    distance: Tensor  # (B, H, W)
    floor: Tensor  # (B, 2, H, W)
    rays: Tensor  # (3, S, V, H, W)
    view: Tensor  # (B,) index into V
    eye: Tensor  # (B,) the camera's height


class _Samples(NamedTuple):
    """Rays through the pixels that may show an object, S per pixel, and what they meet first."""

    scene: Tensor  # (P,)
    frame: Tensor  # (P,)
    row: Tensor  # (P,)
    column: Tensor  # (P,)
    ray: Tensor  # (3, S, P)
    distance: Tensor  # (S, P) infinite where no object is met
    owner: Tensor  # (S, P) index of the object met
    colour: Tensor  # (3, S, P) 0 where no object is met


def render(
    scenes: Sequence[Scene],
    *,
    frames: int,
    height: int,
    width: int,
    fps: float = 16.0,
    device: torch.device | str = "cpu",
) -> Clip:
    """Render one clip per scene; frame k shows the time k / fps.

    Raises:
        ValueError: no scenes, a scene without objects, or an empty size, duration or rate.
    """
    _check(scenes, frames=frames, height=height, width=width, fps=fps)
    seconds = torch.arange(frames, dtype=torch.float64) / fps
    cast = _cast(scenes, seconds, device)
    stage = _stage(scenes, height, width, device)
    light = light_of([SETTINGS[scene.setting] for scene in scenes], device)
    video = _floor_with_shadows(stage, cast, light)
    boxes, tracks = _project(scenes, cast, height, width)
    near = _inside(boxes, height, width)
    samples = _samples(near, stage)
    for index in range(near.shape[2]):
        samples = _meet(samples, near[:, :, index], index, cast, (stage, light))
    masks, depth = _composite(samples, video, stage, near.shape[2])
    visible = rearrange(masks, "b f o h w -> b f o (h w)").any(dim=-1, keepdim=True)
    present = (cast.shape != _NO_SHAPE)[:, None, :, None]
    return Clip(video, masks, depth, torch.cat((tracks * present, visible), dim=-1))


def _check(scenes: Sequence[Scene], *, frames: int, height: int, width: int, fps: float) -> None:
    if not scenes or not all(scene.objects for scene in scenes):
        raise ValueError("there is nothing to render: give at least one scene, each with an object")
    if min(frames, height, width) < 1 or fps <= 0:
        raise ValueError(
            f"cannot render {frames} frames of {height} x {width} pixels at {fps} frames per "
            "second: use at least 1 frame, 1 pixel and a rate above 0"
        )


def _cast(scenes: Sequence[Scene], seconds: Tensor, device: torch.device | str) -> _Cast:
    batch, frames = len(scenes), len(seconds)
    count = max(len(scene.objects) for scene in scenes)
    cast = _Cast(
        centre=torch.zeros(batch, frames, count, 3),
        yaw=torch.zeros(batch, frames, count),
        size=torch.zeros(batch, count),
        shape=torch.full((batch, count), _NO_SHAPE),
        base=torch.zeros(batch, count, 3),
        accent=torch.zeros(batch, count, 3),
        half_height=torch.zeros(batch, count),
        half_width=torch.zeros(batch, count),
    )
    for b, scene in enumerate(scenes):
        for o, thing in enumerate(scene.objects):
            cast.centre[b, :, o], cast.yaw[b, :, o] = pose(thing, seconds)
            cast.base[b, o], cast.accent[b, o] = paint_of(thing.colour)
            cast.size[b, o], cast.shape[b, o] = thing.size, SHAPES.index(thing.shape)
            cast.half_height[b, o] = HALF_HEIGHT[thing.shape] * thing.size
            cast.half_width[b, o] = HALF_WIDTH[thing.shape] * thing.size
    return _Cast(*(tensor.to(device) for tensor in cast))


def _stage(scenes: Sequence[Scene], height: int, width: int, device: torch.device | str) -> _Stage:
    cameras = list(dict.fromkeys(scene.camera for scene in scenes))
    backgrounds: dict[tuple[str, Camera], Background] = {
        (scene.setting, scene.camera): render_background(
            scene.setting, height=height, width=width, camera=scene.camera, device=device
        )
        for scene in {(scene.setting, scene.camera): scene for scene in scenes}.values()
    }
    parts = [backgrounds[scene.setting, scene.camera] for scene in scenes]
    colour, distance, floor = (torch.stack(part) for part in zip(*parts, strict=True))
    rays = torch.stack([_rays(camera, height, width, device) for camera in cameras], dim=2)
    view = torch.tensor([cameras.index(scene.camera) for scene in scenes], device=device)
    eye = torch.tensor([scene.camera.height for scene in scenes], device=device)
    return _Stage(colour, distance, floor, rays, view, eye)


def _rays(camera: Camera, height: int, width: int, device: torch.device | str) -> Tensor:
    offsets = torch.tensor(_OFFSETS, device=device)[..., None, None]
    rows = torch.arange(height, device=device)[:, None] + 0.5
    columns = torch.arange(width, device=device) + 0.5
    x = columns + offsets[:, 0] + 0 * rows
    y = rows + offsets[:, 1] + 0 * columns
    return camera.ray_directions(x, y, height, width)


def _floor_with_shadows(stage: _Stage, cast: _Cast, light: Light) -> Tensor:
    floor = torch.where(stage.distance.isfinite()[:, None], stage.floor, _FAR)
    left = torch.ones((), device=floor.device)
    for o in range(cast.size.shape[1]):
        centre, high, wide = cast.centre[:, :, o], cast.half_height[:, o], cast.half_width[:, o]
        lift = (centre[..., 1] - high[:, None]).clamp(min=0)
        left = left * floor_shade(floor, centre, wide, lift, light)
    return stage.colour[:, None] * left[..., None]


def _project(
    scenes: Sequence[Scene], cast: _Cast, height: int, width: int
) -> tuple[Tensor, Tensor]:
    """The objects' boxes in the picture (B, F, O, 4: left, right, top, bottom) and centres."""
    wide, high = cast.half_width, cast.half_height
    signs = torch.tensor([-1.0, 1.0], device=wide.device)
    corners = rearrange(torch.cartesian_prod(signs, signs, signs), "n xyz -> n 1 1 xyz")
    reach = torch.stack((wide, high, wide), dim=-1)
    boxes, centres = [], []
    for b, scene in enumerate(scenes):
        x, y, _ = scene.camera.project(cast.centre[b] + corners * reach[b], height, width)
        sides = (x.amin(dim=0), x.amax(dim=0), y.amin(dim=0), y.amax(dim=0))
        boxes.append(torch.stack(sides, dim=-1))
        x, y, _ = scene.camera.project(cast.centre[b], height, width)
        centres.append(torch.stack((x, y), dim=-1))
    boxes = torch.stack(boxes)
    boxes[(cast.shape == _NO_SHAPE)[:, None].expand(boxes.shape[:3])] = -torch.inf
    return boxes, torch.stack(centres)


def _inside(boxes: Tensor, height: int, width: int) -> Tensor:
    """The pixels (B, F, O, H, W) that a box touches."""
    left, right, top, bottom = boxes[..., None].unbind(dim=-2)
    columns = torch.arange(width, device=boxes.device)
    rows = torch.arange(height, device=boxes.device)
    wide = (columns + 1 > left) & (columns < right)
    high = (rows + 1 > top) & (rows < bottom)
    return high[..., :, None] & wide[..., None, :]


def _samples(near: Tensor, stage: _Stage) -> _Samples:
    scene, frame, row, column = near.any(dim=2).nonzero(as_tuple=True)
    height, width = near.shape[-2:]
    place = (stage.view[scene] * height + row) * width + column
    ray = rearrange(stage.rays, "xyz s v h w -> xyz s (v h w)").index_select(2, place)
    distance = torch.full_like(ray[0], torch.inf)
    owner = torch.full_like(distance, -1, dtype=torch.long)
    return _Samples(scene, frame, row, column, ray, distance, owner, torch.zeros_like(ray))


def _meet(
    samples: _Samples, near: Tensor, index: int, cast: _Cast, around: tuple[_Stage, Light]
) -> _Samples:
    """Trace the object `index` of every scene and keep what is nearer than before."""
    shape = cast.shape[samples.scene, index]
    close = near[samples.scene, samples.frame, samples.row, samples.column]
    for number, name in enumerate(SHAPES):
        chosen = ((shape == number) & close).nonzero(as_tuple=True)[0]
        if len(chosen):
            _meet_shape(samples, chosen, index, name, (cast, *around))
    return samples


def _meet_shape(
    samples: _Samples,
    chosen: Tensor,
    index: int,
    name: str,
    world: tuple[_Cast, _Stage, Light],
) -> None:
    cast, stage, light = world
    scene, frame = samples.scene[chosen], samples.frame[chosen]
    centre, size = cast.centre[scene, frame, index].T, cast.size[scene, index]
    turn = cast.yaw[scene, frame, index]
    cos, sin = torch.cos(turn), torch.sin(turn)
    ray = samples.ray.index_select(2, chosen)  # (3, S, P)
    eye = torch.stack((-centre[0], stage.eye[scene] - centre[1], -centre[2]))
    origin = (_turned(eye, cos, -sin) / size)[:, None]  # (3, 1, P)
    direction = _turned(ray, cos, -sin) / size  # (3, S, P)
    hit = INTERSECTIONS[name](origin, direction)
    nearer = hit.distance < samples.distance.index_select(1, chosen)  # (S, P)
    met = nearer.flatten().nonzero(as_tuple=True)[0]  # (N,) of the rays that meet the object
    pixel = met % len(chosen)
    distance = hit.distance.flatten()[met]
    point = origin[:, 0, pixel] + distance * _picked(direction, met)  # (3, N)
    normal = _turned(_picked(hit.normal, met), cos[pixel], sin[pixel])  # (3, N)
    above = point[1] + centre[1, pixel] / size[pixel]
    looks = _looks(cast, light, index).index_select(2, scene[pixel])  # (5, 3, N)
    albedo = torch.lerp(looks[0], looks[1], sectors(point))
    colour = shade(albedo, normal, _picked(ray, met), above, (looks[2], looks[3], looks[4]))
    place = met // len(chosen) * len(samples.scene) + chosen[pixel]
    samples.distance.view(-1)[place] = distance
    samples.owner.view(-1)[place] = index
    rearrange(samples.colour, "c s p -> c (s p)").index_copy_(1, place, colour)


def _looks(cast: _Cast, light: Light, index: int) -> Tensor:
    """The base and accent colours of object `index` and the three light vectors (5, 3, B)."""
    parts = (cast.base[:, index], cast.accent[:, index])
    parts = (*parts, light.direction, light.colour, light.ambient)
    return rearrange(list(parts), "n b xyz -> n xyz b")


def _picked(values: Tensor, met: Tensor) -> Tensor:
    """The columns `met` of (3, S, P) values, counted over samples and pixels."""
    return rearrange(values, "xyz s p -> xyz (s p)").index_select(1, met)


def _turned(vector: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn (3, ...) about the vertical: from +x towards -z for a positive sine."""
    x, y, z = vector
    return torch.stack((cos * x + sin * z, y, cos * z - sin * x))


def _composite(
    samples: _Samples, video: Tensor, stage: _Stage, count: int
) -> tuple[Tensor, Tensor]:
    """Blend the samples into the video in place; return masks and depth."""
    place = (samples.scene, samples.frame, samples.row, samples.column)
    missed = samples.distance.isinf().float().mean(dim=0)  # (P,)
    video[place] = video[place] * missed[:, None] + samples.colour.mean(dim=1).T
    batch, frames, height, width, _ = video.shape
    depth = stage.distance[:, None].repeat(1, frames, 1, 1)
    depth[place] = torch.minimum(depth[place], samples.distance[0])
    masks = torch.zeros(batch, frames, count, height, width, dtype=torch.bool, device=video.device)
    for index in range(count):
        masks[(*place[:2], torch.full_like(place[0], index), *place[2:])] = (
            samples.owner[0] == index
        )
    return masks, depth
