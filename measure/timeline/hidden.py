"""Scenes whose object is half inside a hole for a while, and half outside."""

from typing import NamedTuple

import torch

from ...models.shapes import VideoShape
from ...toyworld import Scene, simulate
from ...toyworld.views import views
from ..cases import FPS, HELD_OUT, SQUARE, Case, fitting_cases
from ..scores.borders import Box

SIDE = 32
"""Side of a hole in pixels."""

_FIRST = HELD_OUT + 150_000_000
_GRID = 16
_NEAR = 3.0
_FEWEST_FRAMES = 6


class Hidden(NamedTuple):
    """A hole, and the frames in which it hides about half of the object."""

    box: Box
    frames: tuple[int, ...]


def half_hidden_cases(count: int) -> tuple[Case, ...]:
    """Draw cases of one object for which `hidden_half` finds a hole."""
    return fitting_cases(
        _FIRST, count, "single", SQUARE, lambda scene: len(_nearest(scene, SQUARE).frames) > 0
    )


def hidden_half(case: Case) -> Hidden:
    """Find the hole of a case, left or right of a line through the object in alternate cases.

    Lines lie between tokens of 16 x 16 pixels, so that the model sees everything outside the hole.
    The line that is within `_NEAR` pixels of the object's centre for the longest time is used.
    """
    line, frames, y = _nearest(case.scene, case.shape)
    left = line if case.seed % 2 else line - SIDE
    rows = range(0, case.shape.height - SIDE + 1, _GRID)
    top = min(rows, key=lambda row: abs(row + SIDE / 2 - y))
    box = Box(top, max(left, 0), top + SIDE, min(left + SIDE, case.shape.width))
    return Hidden(box, frames)


class _Nearest(NamedTuple):
    """A line, the frames in which the object's centre is near it, and its mean row in these."""

    line: int
    frames: tuple[int, ...]
    y: float


def _nearest(scene: Scene, shape: VideoShape) -> _Nearest:
    """Find the line that is near for the longest time; no frames if that is too short."""
    seconds = torch.arange(shape.frames, dtype=torch.float64) / FPS
    centre = simulate(scene, seconds).centre
    seen = views(scene, seconds).at(..., None)
    x, y, _ = (each[:, 0] for each in seen.project(centre, shape.height, shape.width))
    lines = range(_GRID, shape.width, _GRID)
    near = {line: ((x - line).abs() <= _NEAR).nonzero()[:, 0] for line in lines}
    line = max(lines, key=lambda each: len(near[each]))
    frames = near[line]
    if len(frames) < _FEWEST_FRAMES:
        return _Nearest(line, (), 0.0)
    return _Nearest(line, tuple(frames.tolist()), float(y[frames].mean()))
