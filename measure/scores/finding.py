"""Find a clip's objects by colour, among the pixels that background and shadow do not explain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

import torch
from einops import rearrange
from torch import Tensor
from torch.nn import functional

from ...toyworld.scene import COLOURS, MOST_OBJECTS
from .palette import shades
from .scenery import Scenery, smooth

_SMALLEST_SHARE = 0.006
_LEAST_DIFFERENCE = 0.05
_PLAIN_DIFFERENCE = 0.10
_FAINTEST, _GRAINS = 0.02, 2.5
_MOST_PIXELS = 3000
_COLOUR_REACH = 0.30
_WHOLE_WEIGHT = 0.2
_PER_COLOUR = 0.0015
_WEAKEST = 1.2
_SEEN = 0.3


class Found(NamedTuple):
    """One object: its colour and its soft mask (F, H, W) in [0, 1]."""

    colour: str
    mask: Tensor


def find_objects(video: Tensor, scenery: Scenery) -> list[Found]:
    """Find up to three objects in a softened clip (F, H, W, 3), the largest first."""
    rest = unexplained(video, scenery.background, 1 - scenery.shadow)
    least = max(_LEAST_DIFFERENCE, _GRAINS * float(rest.median()))
    mask = _differing(rest, scenery.background, least)
    if not _is_seen(mask):
        plain = unexplained(video, scenery.background, 1.0)
        mask = _differing(plain, scenery.background, _PLAIN_DIFFERENCE)
    inner = _core(mask)
    chosen = inner if inner.sum() >= 0.2 * (mask > 0.5).sum() else mask > 0.5
    if not chosen.any():
        return []
    names = _colours(video[chosen], scenery)
    while True:
        parts = list(_parts(video, rest, scenery, names))
        strengths = [
            _strength(video, rest, scenery, names, i, part) for i, part in enumerate(parts)
        ]
        weakest = min(range(len(names)), key=strengths.__getitem__)
        if len(names) == 1 or strengths[weakest] >= _WEAKEST:
            break
        names = (*names[:weakest], *names[weakest + 1 :])
    names = _renamed(video, scenery, names, parts)
    objects = (Found(tuple(COLOURS)[name], part) for name, part in zip(names, parts, strict=True))
    objects = [each for each in objects if _areas(each.mask).max() >= least_area(each.mask)]
    return sorted(objects, key=lambda each: -float(each.mask.sum()))


def least_area(mask: Tensor) -> float:
    """Return the least area of an object in images (F, H, W), in pixels."""
    return _SMALLEST_SHARE * min(mask.shape[1:]) ** 2


def unexplained(video: Tensor, background: Tensor, darkest: float) -> Tensor:
    """Return a clip's distance (F, H, W) from its background, dimmed to no less than `darkest`."""
    video, background = (
        rearrange(video, "f h w c -> c f h w"),
        rearrange(background, "h w c -> c h w"),
    )
    squares = (background * background).sum(dim=0).clamp(min=1e-4)
    left = sum(part * behind for part, behind in zip(video, background, strict=True)) / squares
    left = left.clamp(darkest, 1.0)
    rest = (part - behind * left for part, behind in zip(video, background, strict=True))
    return torch.stack([part * part for part in rest]).sum(dim=0).sqrt()


def _is_seen(mask: Tensor) -> bool:
    return bool((_areas(mask) >= least_area(mask)).float().mean() >= _SEEN)


def _areas(mask: Tensor) -> Tensor:
    return mask.sum(dim=(1, 2))


def _differing(rest: Tensor, background: Tensor, least: float) -> Tensor:
    """The soft mask (F, H, W) of unexplained pixels."""
    threshold = least + 0.5 * _contrast(background)
    score = (rest / threshold - 0.5).clamp(0, 1)
    return score * (smooth(score) > 0.5)


def _contrast(picture: Tensor) -> Tensor:
    """How much an image (H, W, 3) varies around each pixel (H, W): blur can change it that much."""
    planes = rearrange(picture, "h w c -> 1 c h w")
    highest = functional.max_pool2d(planes, 3, stride=1, padding=1)
    lowest = -functional.max_pool2d(-planes, 3, stride=1, padding=1)
    return (highest - lowest).norm(dim=1)[0]


def _colour(pixels: Tensor, scenery: Scenery) -> int:
    """The colour that explains pixels (P, 3) best, both one by one and on average."""
    pixels, apart = _apart(pixels, scenery)
    return _best(pixels, apart, scenery)


def _apart(pixels: Tensor, scenery: Scenery) -> tuple[Tensor, Tensor]:
    """A subset of pixels (P, 3), and their distances from each colour (P, 8), up to a limit."""
    pixels = pixels[:: 1 + len(pixels) // _MOST_PIXELS]
    distances = _distances(pixels, shades(scenery.setting, scenery.style))
    return pixels, distances.clamp(max=_COLOUR_REACH)


def _best(pixels: Tensor, apart: Tensor, scenery: Scenery) -> int:
    means = shades(scenery.setting, scenery.style).mean(dim=1)
    whole = (pixels.mean(dim=0) - means).norm(dim=-1)
    return int((apart.mean(dim=0) + _WHOLE_WEIGHT * whole).argmin())


def _colours(pixels: Tensor, scenery: Scenery) -> tuple[int, ...]:
    """The colours, at most three, that explain pixels (P, 3) best; each further one has a cost."""
    pixels, apart = _apart(pixels, scenery)
    choice = (_best(pixels, apart, scenery),)
    cheapest = float(apart.mean(dim=0).min())
    for count in range(2, MOST_OBJECTS + 1):
        sets = torch.tensor(list(combinations(range(len(COLOURS)), count)))
        costs = apart[:, sets].amin(dim=-1).mean(dim=0) + (count - 1) * _PER_COLOUR
        if costs.min() < cheapest:
            cheapest, choice = float(costs.min()), tuple(sets[int(costs.argmin())].tolist())
    return choice


def _distances(pixels: Tensor, table: Tensor) -> Tensor:
    """Distances (P, N) of pixels (P, 3) from the nearest shade of each colour."""
    distance = torch.cdist(pixels, rearrange(table, "n k rgb -> (n k) rgb"))
    return rearrange(distance, "p (n k) -> p n k", n=len(table)).amin(dim=-1)


def _parts(
    video: Tensor, rest: Tensor, scenery: Scenery, names: tuple[int, ...]
) -> Iterator[Tensor]:
    """Yield each colour's soft mask (F, H, W): where it explains more than the background does.

    Each pixel is assigned the colour of its surroundings, and each colour keeps its largest
    connected part.
    """
    open_ = rest > max(_FAINTEST, _GRAINS * float(rest.median()))
    table = shades(scenery.setting, scenery.style)[list(names)]
    distance = torch.full((len(names), *rest.shape), _COLOUR_REACH)
    distance[:, open_] = _distances(video[open_], table).clamp(max=_COLOUR_REACH).T
    labels = _nearest(distance * open_)
    nearest = distance.amin(dim=0)
    if scenery.style == "cartoon":
        ink = video.norm(dim=-1)
        nearest = torch.minimum(nearest, ink)
    mask = (1.5 * (rest - nearest) / (rest + nearest + 1e-4) + 0.5).clamp(0, 1) * open_
    mask = mask * (smooth(mask) > 0.3)
    for number in range(len(names)):
        yield largest_part(mask * (labels == number))


def _strength(
    video: Tensor,
    rest: Tensor,
    scenery: Scenery,
    names: tuple[int, ...],
    number: int,
    part: Tensor,
) -> float:
    """How much better the colour explains the inside of its part than anything else does, in the
    frames that show it best; in pixels times colour difference."""
    core = _core(part)
    distance = _distances(video[core], shades(scenery.setting, scenery.style)[list(names)])
    others = torch.cat((distance, rest[core][:, None]), dim=1)
    others[:, number] = torch.inf
    gain = torch.zeros_like(part)
    gain[core] = (others.amin(dim=1) - distance[:, number]).clamp(-_COLOUR_REACH, _COLOUR_REACH)
    best = min(max(2, len(part) // 4), len(part))
    return float(_areas(gain).topk(best).values.mean())


def _renamed(
    video: Tensor, scenery: Scenery, names: tuple[int, ...], parts: Sequence[Tensor]
) -> list[int]:
    """The colour of each part judged by all of its inside, unless another part has that colour."""
    found = list(names)
    for number, part in enumerate(parts):
        core = _core(part)
        if core.any():
            better = _colour(video[core], scenery)
            found[number] = found[number] if better in found else better
    return found


def _nearest(distance: Tensor) -> Tensor:
    """The index (F, H, W) of the plane (N, F, H, W) that is lowest around each pixel."""
    if len(distance) == 1:
        return torch.zeros(distance.shape[1:], dtype=torch.long)
    return torch.stack([_around(each) for each in distance]).argmin(dim=0)


def _around(planes: Tensor) -> Tensor:
    """Sum planes (F, H, W) over the surroundings of each pixel."""
    kernel = torch.tensor([1.0, 2.0, 3.0, 2.0, 1.0])
    kernel = (kernel[:, None] * kernel)[None, None]
    return functional.conv2d(planes[:, None], kernel, padding=2)[:, 0]


def largest_part(mask: Tensor) -> Tensor:
    """Keep only the connected part of each mask (F, H, W) around its densest spot."""
    kept = torch.zeros_like(mask)
    rows, columns = (_span((mask > 0).any(dim=0).any(dim=dim)) for dim in (1, 0))
    mask = mask[:, rows, columns]
    if mask.numel():
        ground = mask > 0
        dense = _dense(mask, 1 + 2 * (min(kept.shape[1:]) // 16)) * ground
        part = (dense == dense.amax(dim=(1, 2), keepdim=True)) & ground
        kept[:, rows, columns] = mask * _flooded(part, ground)
    return kept


def _dense(mask: Tensor, width: int) -> Tensor:
    """Average masks (F, H, W) over squares of an odd width."""
    half = width // 2
    dense = functional.avg_pool2d(mask[:, None], (1, width), stride=1, padding=(0, half))
    return functional.avg_pool2d(dense, (width, 1), stride=1, padding=(half, 0))[:, 0]


def _flooded(part: Tensor, ground: Tensor) -> Tensor:
    """Grow parts (F, H, W) bool over the connected ground."""
    for _ in range(sum(part.shape[1:])):
        grown = _grown(part) & ground
        if torch.equal(grown, part):
            break
        part = grown
    return part


def _core(mask: Tensor) -> Tensor:
    """The pixels (F, H, W) bool of masks whose neighbours all belong to the mask."""
    return ~_grown(mask <= 0.5)


def _grown(there: Tensor) -> Tensor:
    """Dilate (F, H, W) bool to the eight neighbours of each pixel."""
    for dim in (1, 2):
        before, after = (there.narrow(dim, k, there.shape[dim] - 1) for k in (0, 1))
        there = there.clone()
        there.narrow(dim, 1, there.shape[dim] - 1).logical_or_(before)
        there.narrow(dim, 0, there.shape[dim] - 1).logical_or_(after)
    return there


def _span(there: Tensor) -> slice:
    """The slice from the first to the last true place (N,)."""
    places = there.nonzero()[:, 0].tolist()
    return slice(places[0], places[-1] + 1) if places else slice(0)
