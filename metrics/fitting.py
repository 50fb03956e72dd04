"""Fit pictures of the solids to an object: its shape, and where it is in every frame."""

from __future__ import annotations

from typing import NamedTuple

import torch
from einops import rearrange, repeat
from torch import Tensor
from torch.nn import functional

from ..toyworld.camera import STILL_CAMERA
from .scenery import Scenery
from .sprites import FORMS, GRID, SPAN, TURNS, half_height, sprites

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
    """Where an object's centre is in pixels, and how many pixels a unit of it is, each (F,)."""

    x: Tensor
    y: Tensor
    scale: Tensor


class Fit(NamedTuple):
    """How well one form explains an object.

    Attributes:
        form: one of `FORMS`.
        placing: where it was put.
        misfit: what is left of each pose's difference in each frame (F, N), in squared pixels.
    """

    form: str
    placing: Placing
    misfit: Tensor


class Picture(NamedTuple):
    """What is compared with sprites.

    Attributes:
        video: a softened clip (F, 3, H, W).
        bare, shaded: what is behind the object, without and with shadows on it (F, 3, H, W).
        weight: how much each pixel counts (F, 1, H, W).
    """

    video: Tensor
    bare: Tensor
    shaded: Tensor
    weight: Tensor

    def at(self, frames: Tensor) -> Picture:
        """Return some of the frames."""
        return Picture(*(part[frames] for part in self))


def picture_of(video: Tensor, scenery: Scenery, others: Tensor, weight: Tensor) -> Picture:
    """Prepare a softened clip (F, H, W, 3).

    Args:
        others: pixels (F, H, W) bool that show other objects.
        weight: how much each pixel counts (F, H, W).
    """
    background = scenery.background
    squares = (background * background).sum(dim=-1).clamp(min=1e-4)
    left = ((video * background).sum(dim=-1) / squares).clamp(1 - scenery.shadow, 1.0)
    behind = (background.expand_as(video), background * left[..., None])
    behind = (torch.where(others[..., None], video, part) for part in behind)
    seen, bare, dark = (rearrange(part, "f h w rgb -> f rgb h w") for part in (video, *behind))
    return Picture(seen, bare, dark, weight[:, None])


class _Crop(NamedTuple):
    """The cells of sprites in every frame (F, C, G, G)."""

    video: Tensor
    behind: Tensor
    weight: Tensor


def fit_forms(picture: Picture, mask: Tensor, look: tuple[str, str, str]) -> list[Fit]:
    """Fit every form to the object with a soft mask (F, H, W), not empty in any frame.

    Args:
        look: setting, style and colour.
    """
    return [fit_form(picture, mask, look, form) for form in FORMS]


def fit_form(picture: Picture, mask: Tensor, look: tuple[str, str, str], form: str) -> Fit:
    """Fit one form to the object."""
    area, x, y = _moments(mask)
    height, width = mask.shape[1:]
    rough = Placing(x, y, area.sqrt())
    colour, cover = _seen_sprites(form, look, rough, height, width)  # (F, N, 3, G, G)
    size, right, below = _moments(cover[:, 0] * (SPAN / GRID) ** 2)
    scale = (area / size).sqrt()
    step = SPAN / GRID
    placing = Placing(
        x - (right - GRID / 2) * step * scale, y - (below - GRID / 2) * step * scale, scale
    )
    placing = _plausible(placing, form, height, width)
    for _ in range(_ROUNDS - 1):
        crop = _crop(picture, placing)
        best = _steady(_misfit(crop, colour, cover))
        each = torch.arange(len(best))
        placing = _refined(crop, colour[each, best], cover[each, best], placing)
        placing = _plausible(placing, form, height, width)
    misfit = _misfit(_crop(picture, placing), colour, cover)
    return Fit(form, placing, misfit * (step * placing.scale[:, None]) ** 2)


def _plausible(placing: Placing, form: str, height: int, width: int) -> Placing:
    """Make what would be too small, even if it stood on the floor, as large as need be."""
    focal = STILL_CAMERA.focal_length(height, width)
    below = STILL_CAMERA.pitch + (placing.y - height / 2) / focal
    least = focal * below / (STILL_CAMERA.height / _SMALLEST - half_height(form))
    return placing._replace(scale=torch.maximum(placing.scale, least))


def _steady(misfit: Tensor) -> Tensor:
    """The pose (F,) of each frame that, turning evenly or not, explains its neighbours too."""
    frames, count = misfit.shape
    if count > TURNS:
        return misfit.argmin(dim=1)
    away = torch.arange(-_WINDOW, _WINDOW + 1)
    other = (torch.arange(frames)[:, None] + away).clamp(0, frames - 1)  # (F, A)
    turned = (torch.arange(-_FASTEST, _FASTEST + 1)[:, None] * away / 2).round().long()  # (R, A)
    pose = (torch.arange(count)[:, None, None] + turned) % count  # (N, R, A)
    along = misfit[other[:, None, None], pose]  # (F, N, R, A)
    return along.sum(dim=-1).amin(dim=-1).argmin(dim=1)


def _moments(mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Area and centre x, y (F,) of masks (F, H, W)."""
    columns = torch.arange(mask.shape[2]) + 0.5
    rows = torch.arange(mask.shape[1]) + 0.5
    area = mask.sum(dim=(1, 2)).clamp(min=1e-6)
    x = (mask * columns).sum(dim=(1, 2)) / area
    return area, x, (mask * rows[:, None]).sum(dim=(1, 2)) / area


def _seen_sprites(
    form: str, look: tuple[str, str, str], placing: Placing, height: int, width: int
) -> tuple[Tensor, Tensor]:
    """The sprites of a form as each frame sees them: (F, N, 3, G, G) and (F, N, G, G)."""
    focal = STILL_CAMERA.focal_length(height, width)
    side = (placing.x - width / 2) / focal
    down = STILL_CAMERA.pitch + (placing.y - height / 2) / focal
    bins = torch.stack((side / _SIDE_STEP, down / _DOWN_STEP), dim=-1).round()
    kinds, which = bins.unique(dim=0, return_inverse=True)
    drawn = [sprites(form, *look, i * _SIDE_STEP, j * _DOWN_STEP) for i, j in kinds.tolist()]
    both = torch.stack([torch.cat((each.colour, each.cover[:, None]), dim=1) for each in drawn])
    soft = _blurred(both, SPAN / GRID * float(placing.scale.median()))[which]
    return soft[:, :, :3], soft[:, :, 3]


def _blurred(cells: Tensor, width: float) -> Tensor:
    """Blur cells (..., G, G) of a width in pixels as much as the softened clip is blurred."""
    share = min(max((_BLUR / width**2 - 1 / 12) / 2, 0.0), 1 / 3)
    for dim in (-2, -1):
        beside = cells.roll(1, dim) + cells.roll(-1, dim)
        cells = (1 - 2 * share) * cells + share * beside
    return cells


def _crop(picture: Picture, placing: Placing) -> _Crop:
    """Sample the picture at the cells of sprites; shadows are only below an object's centre."""
    height, width = picture.video.shape[2:]
    steps = ((torch.arange(GRID) + 0.5) / GRID - 0.5) * SPAN
    x = (placing.x[:, None] + steps * placing.scale[:, None]) / width * 2 - 1
    y = (placing.y[:, None] + steps * placing.scale[:, None]) / height * 2 - 1
    grid = torch.stack((repeat(x, "f w -> f h w", h=GRID), repeat(y, "f h -> f h w", w=GRID)), -1)
    sampled = functional.grid_sample(
        torch.cat(picture, dim=1), grid, align_corners=False, padding_mode="border"
    )
    video, bare, shaded, weight = sampled.split((3, 3, 3, 1), dim=1)
    within = (grid.abs() <= 1).all(dim=-1)[:, None]
    return _Crop(video, torch.where(steps[:, None] < 0, bare, shaded), weight * within)


def _misfit(crop: _Crop, colour: Tensor, cover: Tensor) -> Tensor:
    """The difference (F, N) that each pose's sprite leaves, summed over cells."""
    rest = (crop.video - crop.behind)[:, None] - colour + cover[:, :, None] * crop.behind[:, None]
    squared = (rest * rest).sum(dim=2).clamp(max=_REACH**2)
    return (squared * crop.weight).sum(dim=(2, 3)) / crop.weight.mean(dim=(1, 2, 3))[:, None].clamp(
        min=0.2
    )


def _refined(crop: _Crop, colour: Tensor, cover: Tensor, placing: Placing) -> Placing:
    """Move and scale sprites (F, 3, G, G) one Gauss-Newton step towards what is seen."""
    predicted = colour + (1 - cover[:, None]) * crop.behind
    rest = crop.video - predicted
    weight = crop.weight * (rest.norm(dim=1, keepdim=True) < 2 * _REACH)
    edge = colour - cover[:, None] * crop.behind
    step = SPAN / GRID
    down, right = torch.gradient(edge, spacing=step, dim=(2, 3))
    place = ((torch.arange(GRID) + 0.5) / GRID - 0.5) * SPAN
    grow = right * place + down * place[:, None]
    slopes = torch.stack((-right, -down, -grow), dim=-1)  # (F, 3, G, G, 3)
    slopes = rearrange(slopes, "f c h w k -> f (c h w) k")
    weight = rearrange(weight.expand_as(rest), "f c h w -> f (c h w) 1")
    rest = rearrange(rest, "f c h w -> f (c h w) 1")
    normal = slopes.mT @ (weight * slopes) + _RIDGE * torch.eye(3)
    change = torch.linalg.solve(normal, slopes.mT @ (weight * rest))[..., 0]
    change = change.clamp(-_MOST_STEP, _MOST_STEP) * placing.scale[:, None]
    return Placing(placing.x + change[:, 0], placing.y + change[:, 1], placing.scale + change[:, 2])
