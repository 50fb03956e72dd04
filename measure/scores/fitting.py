"""Fit images of the solids to an object, to find its shape and its place in every frame."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

import torch
from einops import rearrange, repeat
from torch import Tensor
from torch.nn import functional

from ...toyworld.camera import STILL_CAMERA
from .scenery import Scenery
from .sprites import FORMS, GRID, SPAN, TURNS, half_height, pose_count, sprites

_ROUNDS = 3
_REACH = 0.35
_SIDE_STEP, _DOWN_STEP = 0.16, 0.10
_MOST_STEP = 0.10
_RIDGE = 1e-3
_SMALLEST = 1.0
_BLUR = 0.9
_WINDOW = 3
_FASTEST = 4


class Placing(NamedTuple):
    """Centre of an object in pixels, and pixels per unit at the object, each (..., F)."""

    x: Tensor
    y: Tensor
    scale: Tensor

    def of(self, number: int) -> Placing:
        """Select one of several placings."""
        return Placing(*(part[number] for part in self))


class Fit(NamedTuple):
    """How well one form explains an object.

    Attributes:
        form: one of `FORMS`.
        placing: its fitted place, each (F,).
        misfit: remaining difference of each pose in each frame (F, N), in squared pixels.
    """

    form: str
    placing: Placing
    misfit: Tensor


class Picture(NamedTuple):
    """Image planes to compare with sprites.

    Attributes:
        planes: (F, 10, H, W): a softened clip, the background without and with shadows
            (three channels each), and the weight of each pixel.
    """

    planes: Tensor

    def at(self, frames: Tensor) -> Picture:
        """Select some of the frames."""
        return Picture(self.planes[frames])


def picture_of(video: Tensor, scenery: Scenery, others: Tensor, weight: Tensor) -> Picture:
    """Prepare a softened clip (F, H, W, 3).

    Args:
        others: pixels (F, H, W) bool that show other objects.
        weight: weight of each pixel (F, H, W).
    """
    background = scenery.background
    squares = (background * background).sum(dim=-1).clamp(min=1e-4)
    left = ((video * background).sum(dim=-1) / squares).clamp(1 - scenery.shadow, 1.0)
    behind = (background.expand_as(video), background * left[..., None])
    behind = (torch.where(others[..., None], video, part) for part in behind)
    planes = torch.cat((video, *behind, weight[..., None]), dim=-1)
    return Picture(rearrange(planes, "f h w c -> f c h w").contiguous())


class _Crop(NamedTuple):
    """The image sampled at the cells of sprites in every frame (K, F, C, G, G)."""

    video: Tensor
    behind: Tensor
    weight: Tensor


def fit_forms(picture: Picture, mask: Tensor, look: tuple[str, str, str]) -> list[Fit]:
    """Fit every form to the object with a soft mask (F, H, W) that is not empty in any frame.

    Args:
        look: setting, style and colour.
    """
    groups = groupby(sorted(FORMS, key=pose_count), pose_count)
    return [fit for _, forms in groups for fit in _fits(picture, mask, look, tuple(forms))]


def fit_form(picture: Picture, mask: Tensor, look: tuple[str, str, str], form: str) -> Fit:
    """Fit one form to the object."""
    return _fits(picture, mask, look, (form,))[0]


def _fits(
    picture: Picture, mask: Tensor, look: tuple[str, str, str], forms: Sequence[str]
) -> list[Fit]:
    """Fit K forms with the same number of poses."""
    height, width = mask.shape[1:]
    colour, cover = _seen_sprites(forms, look, mask)  # (K, F, N, 3, G, G), (K, F, N, G, G)
    floor = _Floor(height, width, torch.tensor([half_height(form) for form in forms])[:, None])
    placing = floor.plausible(_start(mask, cover[:, :, 0]))
    each, frames = torch.arange(len(forms))[:, None], torch.arange(len(mask))
    for _ in range(_ROUNDS - 1):
        crop = _crop(picture, placing)
        best = _steady(_misfit(crop, colour, cover))  # (K, F)
        shown = colour[each, frames, best], cover[each, frames, best]
        placing = floor.plausible(_refined(crop, *shown, placing))
    misfit = _misfit(_crop(picture, placing), colour, cover)
    misfit = misfit * (SPAN / GRID * placing.scale[..., None]) ** 2
    return [Fit(form, placing.of(k), misfit[k]) for k, form in enumerate(forms)]


def _start(mask: Tensor, cover: Tensor) -> Placing:
    """Place sprites (K, F, G, G) with the size and position of a mask."""
    area, x, y = _moments(mask)
    step = SPAN / GRID
    size, right, below = _moments(cover)
    scale = (area / (size * step**2)).sqrt()
    return Placing(
        x - (right - GRID / 2) * step * scale, y - (below - GRID / 2) * step * scale, scale
    )


class _Floor(NamedTuple):
    """The image size, and the half heights (K, 1) of forms that stand on the floor."""

    height: int
    width: int
    half: Tensor

    def plausible(self, placing: Placing) -> Placing:
        """Enlarge objects that would be too small even if they stood on the floor."""
        focal = STILL_CAMERA.focal_length(self.height, self.width)
        below = STILL_CAMERA.pitch + (placing.y - self.height / 2) / focal
        least = focal * below / (STILL_CAMERA.height / _SMALLEST - self.half)
        return placing._replace(scale=torch.maximum(placing.scale, least))


def _steady(misfit: Tensor) -> Tensor:
    """The pose (K, F) of each frame that also explains its neighbours, at the best rate of turn."""
    _, frames, count = misfit.shape
    if count > TURNS:
        return misfit.argmin(dim=-1)
    away = torch.arange(-_WINDOW, _WINDOW + 1)
    other = (torch.arange(frames)[:, None] + away).clamp(0, frames - 1)  # (F, A)
    turned = (torch.arange(-_FASTEST, _FASTEST + 1)[:, None] * away / 2).round().long()  # (R, A)
    pose = (torch.arange(count)[:, None, None] + turned) % count  # (N, R, A)
    along = misfit[:, other[:, None, None], pose]  # (K, F, N, R, A)
    return along.sum(dim=-1).amin(dim=-1).argmin(dim=-1)


def _moments(mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Area and centre x, y (...) of masks (..., H, W)."""
    columns = torch.arange(mask.shape[-1]) + 0.5
    rows = torch.arange(mask.shape[-2]) + 0.5
    area = mask.sum(dim=(-2, -1)).clamp(min=1e-6)
    x = (mask * columns).sum(dim=(-2, -1)) / area
    return area, x, (mask * rows[:, None]).sum(dim=(-2, -1)) / area


def _seen_sprites(
    forms: Sequence[str], look: tuple[str, str, str], mask: Tensor
) -> tuple[Tensor, Tensor]:
    """The sprites of forms as seen in each frame: (K, F, N, 3, G, G) and (K, F, N, G, G)."""
    height, width = mask.shape[1:]
    area, x, y = _moments(mask)
    focal = STILL_CAMERA.focal_length(height, width)
    side = (x - width / 2) / focal
    down = STILL_CAMERA.pitch + (y - height / 2) / focal
    bins = torch.stack((side / _SIDE_STEP, down / _DOWN_STEP), dim=-1).round()
    kinds, which = bins.unique(dim=0, return_inverse=True)
    places = [(i * _SIDE_STEP, j * _DOWN_STEP) for i, j in kinds.tolist()]
    drawn = [torch.stack([sprites(form, *look, *place) for place in places]) for form in forms]
    soft = _blurred(torch.stack(drawn), SPAN / GRID * float(area.sqrt().median()))
    return soft[:, :, :, :3][:, which], soft[:, :, :, 3][:, which]


def _blurred(cells: Tensor, width: float) -> Tensor:
    """Blur cells (..., G, G), ``width`` pixels wide, as much as the softened clip is blurred."""
    share = min(max((_BLUR / width**2 - 1 / 12) / 2, 0.0), 1 / 3)
    for dim in (-2, -1):
        beside = cells.roll(1, dim) + cells.roll(-1, dim)
        cells = (1 - 2 * share) * cells + share * beside
    return cells


def _crop(picture: Picture, placing: Placing) -> _Crop:
    """Sample the image at the cells of sprites; shadows are only below an object's centre."""
    height, width = picture.planes.shape[2:]
    steps = ((torch.arange(GRID) + 0.5) / GRID - 0.5) * SPAN
    x = (placing.x[..., None] + steps * placing.scale[..., None]) / width * 2 - 1  # (K, F, G)
    y = (placing.y[..., None] + steps * placing.scale[..., None]) / height * 2 - 1
    grid = torch.stack(
        (repeat(x, "k f w -> f (k h) w", h=GRID), repeat(y, "k f h -> f (k h) w", w=GRID)), -1
    )
    sampled = functional.grid_sample(
        picture.planes, grid, align_corners=False, padding_mode="border"
    )
    sampled = rearrange(sampled, "f c (k h) w -> k f c h w", h=GRID)
    video, bare, shaded, weight = sampled.split((3, 3, 3, 1), dim=2)
    within = (y.abs() <= 1)[..., None] & (x.abs() <= 1)[..., None, :]  # (K, F, G, G)
    behind = torch.where(steps[:, None] < 0, bare, shaded)
    return _Crop(video, behind, weight * within[:, :, None])


def _misfit(crop: _Crop, colour: Tensor, cover: Tensor) -> Tensor:
    """Remaining difference (K, F, N) of each pose's sprite, summed over cells."""
    squared = torch.zeros_like(cover)
    planes = (part.unbind(dim=2) for part in (crop.video, crop.behind))
    for own, seen, behind in zip(colour.unbind(dim=3), *planes, strict=True):
        rest = torch.addcmul((seen - behind)[:, :, None] - own, cover, behind[:, :, None])
        squared.addcmul_(rest, rest)
    squared = squared.clamp_(max=_REACH**2).flatten(3)  # (K, F, N, G G)
    weight = crop.weight.flatten(2)  # (K, F, G G)
    summed = (squared @ weight[..., None])[..., 0]
    return summed / weight.mean(dim=-1, keepdim=True).clamp(min=0.2)


def _refined(crop: _Crop, colour: Tensor, cover: Tensor, placing: Placing) -> Placing:
    """Move and scale sprites (K, F, 3, G, G) one Gauss-Newton step towards the image."""
    edge = colour - cover[:, :, None] * crop.behind
    rest = crop.video - crop.behind - edge
    near = (rest * rest).sum(dim=2, keepdim=True) < (2 * _REACH) ** 2
    down, right = torch.gradient(edge, spacing=SPAN / GRID, dim=(3, 4))
    place = ((torch.arange(GRID) + 0.5) / GRID - 0.5) * SPAN
    grow = right * place + down * place[:, None]
    slopes = -torch.stack((right, down, grow), dim=2).flatten(3)  # (K, F, 3, 3 G G)
    weighed = (slopes.unflatten(3, rest.shape[2:]) * (crop.weight * near)[:, :, None]).flatten(3)
    normal = weighed @ slopes.mT + _RIDGE * torch.eye(3)
    change = torch.linalg.solve(normal, weighed @ rest.flatten(2)[..., None])[..., 0]
    change = change.clamp(-_MOST_STEP, _MOST_STEP) * placing.scale[..., None]
    return Placing(*(part + more for part, more in zip(placing, change.unbind(-1), strict=True)))
