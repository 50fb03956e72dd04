"""Follow each found object through the clip: shape, place in the world, motions."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from ..toyworld.camera import STILL_CAMERA
from .finding import Found, least_area
from .fitting import Fit, Picture, Shown, fit_form, fit_forms, picture_of
from .motion import FEWEST_FRAMES, Motions, Path, read_motions
from .reading import ObjectReading
from .scenery import Scenery
from .sprites import LYING, half_height

_TOUCHING = 0.04
_FORM_FRAMES = 6
_HIDDEN_WEIGHT = 0.1
_MOSTLY = 0.35


def follow(
    video: Tensor, scenery: Scenery, objects: Sequence[Found], fps: float
) -> Iterator[ObjectReading]:
    """Read every found object of a softened clip (F, H, W, 3)."""
    for thing in objects:
        others = [other.mask for other in objects if other is not thing]
        yield _followed(video, scenery, thing, others, fps)


def _followed(
    video: Tensor, scenery: Scenery, thing: Found, others: Sequence[Tensor], fps: float
) -> ObjectReading:
    area = thing.mask.sum(dim=(1, 2))
    seen = area >= least_area(thing.mask)
    view = _view(thing.mask, others)
    frames = _good_frames(area, seen, view.cut)
    shown = Shown(thing.mask, view.cut).at(frames)
    look = (scenery.setting, scenery.style, thing.colour)
    picture = picture_of(video[frames], scenery, view.taken[frames], view.weight[frames])
    form = _form(picture, shown, look)
    fit = fit_form(picture, shown, look, form)
    size, place = _placed(fit, *video.shape[1:3])
    motions = Motions(None)
    if len(frames) >= FEWEST_FRAMES:
        x, y, z = place.unbind(dim=1)
        path = Path(frames / fps, x, y - half_height(form) * size, z, fit.misfit, form, size)
        motions = read_motions(path)
    nearest = (torch.arange(len(video))[:, None] - frames).abs().argmin(dim=1)
    return ObjectReading(
        colour=thing.colour,
        shape="cylinder" if form == LYING else form,
        motion=motions.motion,
        then=motions.then,
        turn=motions.turn,
        x=fit.placing.x[nearest],
        y=fit.placing.y[nearest],
        area=area,
        seen=seen,
        place=place[nearest],
        height=2 * half_height(form) * fit.placing.scale[nearest],
        size=size,
    )


class _View(NamedTuple):
    """How others stand in the way of an object.

    Attributes:
        taken: pixels (F, H, W) that show other objects.
        weight: how much pixels count (F, H, W): less where something nearer may hide the object.
        cut: -1 or 1 where its left or right part is hidden, else 0 (F,).
    """

    taken: Tensor
    weight: Tensor
    cut: Tensor


def _view(mask: Tensor, others: Sequence[Tensor]) -> _View:
    taken, nearer = torch.zeros_like(mask, dtype=torch.bool), torch.zeros_like(mask)
    for other in others:
        there = other > 0.5
        taken |= there
        lower = _lowest_row(other) > _lowest_row(mask)
        nearer = torch.maximum(nearer, (there & lower[:, None, None]).float())
    weight = 1 - (1 - _HIDDEN_WEIGHT) * nearer
    return _View(taken, weight, _cut(mask, nearer))


def _cut(mask: Tensor, nearer: Tensor) -> Tensor:
    """Which side (F,) of an object is hidden by something nearer, or beyond the picture's edge."""
    touching = functional.max_pool2d(nearer[:, None], 3, stride=1, padding=1)[:, 0] * mask
    columns, rows = torch.arange(mask.shape[2]) + 0.5, torch.arange(mask.shape[1]) + 0.5
    centres = []
    for part in (touching, mask):
        area = part.sum(dim=(1, 2)).clamp(min=1e-6)
        x, y = (part * columns).sum(dim=(1, 2)) / area, (part * rows[:, None]).sum(dim=(1, 2)) / area
        centres.append((area, x, y))
    (contact, x, y), (area, own_x, own_y) = centres
    beside = (contact > _TOUCHING * area) & ((x - own_x).abs() > (y - own_y).abs())
    cut = torch.where(beside, (x - own_x).sign(), 0.0)
    ends = (mask[:, :, -1] > 0.5).any(dim=1).float() - (mask[:, :, 0] > 0.5).any(dim=1).float()
    return torch.where(ends != 0, ends, cut)


def _lowest_row(mask: Tensor) -> Tensor:
    rows = (mask > 0.5).any(dim=2) * torch.arange(1, mask.shape[1] + 1)
    return rows.amax(dim=1)


def _good_frames(area: Tensor, seen: Tensor, cut: Tensor) -> Tensor:
    """The numbers of the frames that show an object wholly or, if too few do, most of it."""
    whole = seen & (cut == 0)
    good = whole if whole.sum() >= min(FEWEST_FRAMES, len(area)) else area > _MOSTLY * area.max()
    return good.nonzero()[:, 0]


def _form(picture: Picture, shown: Shown, look: tuple[str, str, str]) -> str:
    """The form that fits best in some of the frames, those that show most of it."""
    area = shown.mask.sum(dim=(1, 2)) * (1 + (shown.cut == 0))
    count = min(_FORM_FRAMES, len(area))
    frames = torch.linspace(0, len(area) - 1, count).long()
    if (shown.cut != 0).any():
        frames = area.topk(count).indices.sort().values
    fits = fit_forms(picture.at(frames), shown.at(frames), look)
    return min(fits, key=lambda fit: float(fit.misfit.amin(dim=1).mean())).form


def _placed(fit: Fit, height: int, width: int) -> tuple[float, Tensor]:
    """The size in units of what stands on the floor when lowest, and its centre (F, 3)."""
    x, y, scale = fit.placing
    focal = STILL_CAMERA.focal_length(height, width)
    cos, sin = math.cos(STILL_CAMERA.pitch), math.sin(STILL_CAMERA.pitch)
    aside, above = (x - width / 2) / focal, (height / 2 - y) / focal
    below = sin - above * cos
    sizes = STILL_CAMERA.height / (focal * below / scale + half_height(fit.form)).clamp(min=0.2)
    size = float(sizes.sort().values[min(1, len(sizes) - 1)])
    depth = focal * size / scale
    place = (aside * depth, STILL_CAMERA.height - below * depth, depth * (cos + above * sin))
    return size, torch.stack(place, dim=1)
