"""Stages of a network that hand on a clip piece by piece, so that a CPU's memory stays small."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from .stream import Tape, spares_memory

LARGEST = 2**23
"""Numbers of a piece, if one frame has no more: what is larger is mapped anew each time."""

ALONE = 2**18
"""Numbers of a frame from which on a clip's first one is worth being a piece of its own."""


@dataclass(frozen=True)
class Stage:
    """One stage of a network.

    Args:
        run: takes frames (B, C, F, H, W) and a tape.
        growth: numbers that it gives for each that it takes.
        time: frames that it makes one of, after the first.
    """

    run: Callable[[Tensor, Tape | None], Tensor]
    growth: float = 1.0
    time: int = 1


def in_pieces(stages: Iterable[Stage], x: Tensor, tape: Tape | None) -> Tensor:
    """Run x (B, C, F, H, W) through stages; on a CPU a few frames at a time where that is exact.

    Each piece goes through all stages before the next one begins. The first frame of a clip is a
    piece alone, whose convolutions need not be told of the zeros before it.
    """
    if tape is None or not spares_memory(x, tape):
        for number, stage in enumerate(stages):
            x = stage.run(x, tape and tape.section(number))
        return x
    pieces = iter([x])
    for number, stage in enumerate(stages):
        pieces = _through(stage, pieces, tape, number)
    return torch.cat([tape.room.kept(piece) for piece in pieces], dim=2)


def _through(stage: Stage, pieces: Iterator[Tensor], tape: Tape, number: int) -> Iterator[Tensor]:
    waiting: list[Tensor] = []
    for piece in pieces:
        waiting.append(piece)
        del piece  # or it would stay while the next one is made
        first = tape.section(number).first
        if (sum(each.shape[2] for each in waiting) - first) % stage.time:
            continue
        joined = waiting[0] if len(waiting) == 1 else torch.cat(waiting, dim=2)
        waiting.clear()
        for frames in _cut(stage, joined, first=first):
            yield stage.run(frames, tape.section(number))
        del joined


def _cut(stage: Stage, x: Tensor, *, first: bool) -> tuple[Tensor, ...]:
    """Pieces of x of which a stage takes and makes no more than fits."""
    frame = int(x[:, :, 0].numel() * max(1.0, stage.growth))
    size = max(1, LARGEST // frame // stage.time) * stage.time
    if not first:
        return x.split(size, dim=2)
    begin = 1 if frame >= ALONE else 1 + size  # the first frame is none of those that make one
    later = x[:, :, begin:].split(size, dim=2) if x.shape[2] > begin else ()
    return x[:, :, :begin], *later
