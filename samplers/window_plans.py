"""Plan the context windows of a long clip: their frames and each frame's weight.

F frames of a clip, W frames of a window.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from typing import NamedTuple


class Window(NamedTuple):
    """Frames that a network sees together, in order, and the weight of the result for each."""

    frames: tuple[int, ...]
    weights: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class WindowPlan:
    """How to cut a clip into windows.

    Args:
        length: W, in latent frames; a clip of at most this length stays whole.
        overlap: minimum number of frames that a window shares with the next.
        schedule: a name in ``SCHEDULES``.
        blend: a name in ``BLENDS``.
        stride: number of frame spacings: 1 for windows of neighbouring frames only, 2 adds windows
            of every second frame, 3 of every fourth, until one window holds the whole clip.
        closed: whether windows wrap around the end of the clip to its start.

    Raises:
        ValueError: a number is out of range, or a name is unknown.
    """

    length: int = 16
    overlap: int = 4
    schedule: str = "uniform"
    blend: str = "pyramid"
    stride: int = 1
    closed: bool = False

    def __post_init__(self) -> None:
        if self.length < 2 or not 0 <= self.overlap < self.length or self.stride < 1:
            raise ValueError(
                f"windows of {self.length} frames with an overlap of {self.overlap} and stride "
                f"{self.stride}: use a length of at least 2, an overlap from 0 to "
                f"{max(0, self.length - 1)} and a stride of at least 1"
            )
        for name, known in ((self.schedule, SCHEDULES), (self.blend, BLENDS)):
            if name not in known:
                raise ValueError(f"{name!r} is unknown: choose one of {sorted(known)}")


def plan_windows(frames: int, plan: WindowPlan, *, step: int, closed: bool) -> list[Window]:
    """Plan the windows of a clip of more than W frames, counted from 0.

    Every frame is in at least one window, with a weight above 0. With the uniform schedule, borders
    move in each step by bit-reversed numbers, which spread evenly over any number of steps.

    Args:
        frames: number of frames F of the clip.
        plan: how to cut the clip.
        step: step number of the run.
        closed: whether windows wrap around the end to the start.
    """
    windows = []
    for level in range(plan.stride):
        spacing = 2**level
        for first in range(spacing):
            part = range(first, frames, spacing)
            circle = closed and frames % spacing == 0
            windows += [_on(part, each) for each in _windows(len(part), plan, step, circle)]
        if ceil(frames / spacing) <= plan.length:
            break
    return windows


def _windows(frames: int, plan: WindowPlan, step: int, closed: bool) -> list[Window]:
    """Windows of neighbouring frames, or a single one if all frames fit."""
    if frames <= plan.length:
        return [Window(tuple(range(frames)), (1.0,) * frames)]
    starts = SCHEDULES[plan.schedule](frames, plan, step, closed)
    return [_window(start, length, frames, plan, closed) for start, length in starts]


def _window(start: int, length: int, frames: int, plan: WindowPlan, closed: bool) -> Window:
    ends = (closed or start > 0, closed or start + length < frames)
    weights = BLENDS[plan.blend](length, plan.overlap, ends)
    return Window(tuple(place % frames for place in range(start, start + length)), tuple(weights))


def _on(part: Sequence[int], window: Window) -> Window:
    return Window(tuple(part[place] for place in window.frames), window.weights)


def bit_reversed(step: int) -> float:
    """Element of van der Corput's sequence in [0, 1): 0, 1/2, 1/4, 3/4, 1/8 and so on."""
    return int(f"{step:064b}"[::-1], 2) / 2**64


Spans = list[tuple[int, int]]
"""First frame and length of each window; past the end of a circle, frames wrap to its start."""


def _uniform(frames: int, plan: WindowPlan, step: int, closed: bool) -> Spans:
    hop, length = plan.length - plan.overlap, plan.length
    if closed:
        return _around(frames, ceil(frames / hop), bit_reversed(step), length)
    shift = int(bit_reversed(step) * hop)
    count = ceil((frames + shift - length) / hop) + 1
    starts = (min(max(0, number * hop - shift), frames - length) for number in range(count))
    return [(start, length) for start in dict.fromkeys(starts)]


def _static(frames: int, plan: WindowPlan, step: int, closed: bool) -> Spans:
    hop, length = plan.length - plan.overlap, plan.length
    if closed:
        return _around(frames, ceil(frames / hop), 0.0, length)
    last = ceil((frames - length) / hop)
    return [(number * (frames - length) // last, length) for number in range(last + 1)]


def _batched(frames: int, plan: WindowPlan, step: int, closed: bool) -> Spans:
    count = ceil(frames / plan.length)
    shift = int(bit_reversed(step) * frames) if closed else 0
    bounds = [shift + number * frames // count for number in range(count + 1)]
    return [(start, end - start) for start, end in pairwise(bounds)]


def _around(frames: int, count: int, turn: float, length: int) -> Spans:
    """Evenly spaced windows on a circle."""
    shift = int(turn * frames)
    return [(shift + number * frames // count, length) for number in range(count)]


SCHEDULES: Mapping[str, Callable[[int, WindowPlan, int, bool], Spans]] = {
    "uniform": _uniform,
    "static": _static,
    "batched": _batched,
}
"""Window positions: moving in each step, fixed, or side by side."""

Ends = tuple[bool, bool]
"""Whether a window's first and last frames lie inside the clip rather than at its ends."""


def _pyramid(length: int, overlap: int, ends: Ends) -> list[float]:
    return [1.0 + min(place, length - 1 - place) for place in range(length)]


def _overlap_linear(length: int, overlap: int, ends: Ends) -> list[float]:
    left, right = (overlap * inside + 1 for inside in ends)
    return [min(1.0, (i + 1) / left, (length - i) / right) for i in range(length)]


def _relative(length: int, overlap: int, ends: Ends) -> list[float]:
    return [1.0 - abs(2 * place - length + 1) / length for place in range(length)]


def _flat(length: int, overlap: int, ends: Ends) -> list[float]:
    return [1.0] * length


BLENDS: Mapping[str, Callable[[int, int, Ends], list[float]]] = {
    "pyramid": _pyramid,
    "overlap-linear": _overlap_linear,
    "relative": _relative,
    "flat": _flat,
}
"""Frame weights: rising to the middle in whole numbers, lower only in overlaps, rising to the
middle in proportion to the distance from the ends, or uniform.
"""
