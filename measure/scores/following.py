"""Follow each found object through the clip, to read its shape, place in the world and motions."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from ...toyworld.camera import STILL_CAMERA
from .finding import Found, least_area
from .fitting import Fit, Picture, fit_form, fit_forms, picture_of
from .motion import FEWEST_FRAMES, Motions, Path, read_motions
from .reading import ObjectReading
from .scenery import Scenery
from .sprites import LYING, half_height

_TOUCHING = 0.04
_FORM_FRAMES = 6
_HIDDEN_WEIGHT = 0.1


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
    taken, weight = _taken(thing.mask, others)
    frames = _clear_frames(thing.mask, taken, seen)
    mask, look = thing.mask[frames], (scenery.setting, scenery.style, thing.colour)
    picture = picture_of(video[frames], scenery, taken[frames], weight[frames])
    form = _form(picture, mask, look)
    fit = fit_form(picture, mask, look, form)
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
        misfit=float((fit.misfit.amin(dim=1) / fit.placing.scale.square()).mean()),
    )


def _taken(mask: Tensor, others: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """The pixels (F, H, W) of other objects, and weights of all pixels: lower where another object
    stands lower in the image and may hide this one."""
    taken, weight = torch.zeros_like(mask, dtype=torch.bool), torch.ones_like(mask)
    for other in others:
        nearer = _lowest_row(other) > _lowest_row(mask)
        there = other > 0.5
        taken |= there
        weight = torch.where(there & nearer[:, None, None], _HIDDEN_WEIGHT, weight)
    return taken, weight


def _lowest_row(mask: Tensor) -> Tensor:
    rows = (mask > 0.5).any(dim=2) * torch.arange(1, mask.shape[1] + 1)
    return rows.amax(dim=1)


def _clear_frames(mask: Tensor, taken: Tensor, seen: Tensor) -> Tensor:
    """The numbers of the frames that show an object whole, touching neither another object nor the
    edge of the image. If there are too few, all frames that show it."""
    near = functional.max_pool2d(taken[:, None].float(), 3, stride=1, padding=1)[:, 0]
    touching = (mask * near).sum(dim=(1, 2)) / mask.sum(dim=(1, 2)).clamp(min=1)
    edge = mask[:, 0].sum(1) + mask[:, -1].sum(1) + mask[:, :, 0].sum(1) + mask[:, :, -1].sum(1)
    whole = seen & (touching < _TOUCHING) & (edge < 1)
    return (whole if whole.sum() >= min(FEWEST_FRAMES, len(mask)) else seen).nonzero()[:, 0]


def _form(picture: Picture, mask: Tensor, look: tuple[str, str, str]) -> str:
    """The form that fits best, in a sample of the frames."""
    frames = torch.linspace(0, len(mask) - 1, min(_FORM_FRAMES, len(mask))).long()
    fits = fit_forms(picture.at(frames), mask[frames], look)
    return min(fits, key=lambda fit: float(fit.misfit.amin(dim=1).mean())).form


def _placed(fit: Fit, height: int, width: int) -> tuple[float, Tensor]:
    """Size of an object in units, if it stands on the floor when lowest, and its centre (F, 3)."""
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
