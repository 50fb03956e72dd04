"""Whether a border line between given and generated pixels shows in a clip.

Changes across the line are compared with those of the true clip in the same place, since the
pixel beside a given one is almost determined. Changes across parallel lines vary too much for a
comparison.

F frames, H rows, W columns, L pixels along a line.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

from .joins import LIMIT
from .signals import LEVELS

BORDER_METERS = ("step", "strongest steps")

_SPREAD = {"step": 0.2, "strongest steps": 0.25}
"""Standard deviations of the logarithms; 91 % of the lines of true clips pass after the VAE."""

_UNSEEN = {"step": 2.0, "strongest steps": 6.0}
"""Changes that hardly show, in 1/255: as large as the VAE's grain."""

_STRONGEST = 0.05
_EDGE = 20.0


class Box(NamedTuple):
    """Rows from `top` to before `bottom` and columns from `left` to before `right`."""

    top: int
    left: int
    bottom: int
    right: int

    def sides(self, height: int, width: int) -> dict[str, int]:
        """The first row or column after each side, except for sides at the edge of the image."""
        ends = {"top": height, "left": width, "bottom": height, "right": width}
        return {name: at for name, at in self._asdict().items() if 0 < at < ends[name]}


@dataclass(frozen=True)
class BorderScore:
    """How the changes across one line differ from those of the true clip.

    Args:
        side: side of the box, a field of `Box`.
        deviations: deviations in standard deviations, by meter of `BORDER_METERS`.
    """

    side: str
    deviations: Mapping[str, float]

    @property
    def failed(self) -> tuple[str, ...]:
        """The meters that do not pass."""
        return tuple(name for name, value in self.deviations.items() if abs(value) > LIMIT)

    @property
    def passed(self) -> bool:
        """Whether every meter passes."""
        return not self.failed


def judge_borders(video: Tensor, true: Tensor, box: Box) -> list[BorderScore]:
    """Judge the sides of a box inside or outside which a clip was generated.

    Lines along which the true clip itself has an edge are left out.

    Args:
        video: (F, H, W, 3) of display colours in [0, 1].
        true: the true clip, likewise.
        box: box whose sides lie between given and generated pixels.

    Raises:
        ValueError: the clips differ in shape, or the box is empty or extends beyond the image.
    """
    _check(video, true, box)
    scores: list[BorderScore] = []
    for side, at in box.sides(*video.shape[1:3]).items():
        made, usual = (_steps(clip, box, side, at) for clip in (video, true))
        if usual["step"] <= _EDGE:
            deviations = {name: _deviation(name, made[name], usual[name]) for name in made}
            scores.append(BorderScore(side, deviations))
    return scores


def _steps(video: Tensor, box: Box, side: str, at: int) -> dict[str, float]:
    """Colour changes across a line, in 1/255: of all pixels and of those that change most."""
    if side in ("top", "bottom"):
        before, after = (video[:, row, box.left : box.right] for row in (at - 1, at))
    else:
        before, after = (video[:, box.top : box.bottom, column] for column in (at - 1, at))
    change = (after.float() - before.float()).square().mean(dim=-1).sqrt()  # (F, L)
    most = change.flatten().topk(max(1, round(_STRONGEST * change.numel()))).values
    return {
        "step": LEVELS * float(change.mean()),
        "strongest steps": LEVELS * float(most.mean()),
    }


def _deviation(meter: str, made: float, usual: float) -> float:
    unseen = _UNSEEN[meter]
    return math.log((made + unseen) / (usual + unseen)) / _SPREAD[meter]


def _check(video: Tensor, true: Tensor, box: Box) -> None:
    if video.ndim != 4 or video.shape != true.shape:
        raise ValueError(
            f"clips of shapes {tuple(video.shape)} and {tuple(true.shape)}: give two (F, H, W, 3)"
        )
    height, width = video.shape[1:3]
    if not (0 <= box.top < box.bottom <= height and 0 <= box.left < box.right <= width):
        raise ValueError(f"{box} in an image of {width}x{height}: give a box that lies inside")
