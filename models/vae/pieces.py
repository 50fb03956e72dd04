"""Stages of a network that pass a clip on piece by piece, to save memory on a CPU."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from .stream import Tape, spares_memory

LARGEST = 2**23
"""Most values in a piece, unless one frame has more: larger memory is mapped afresh each time."""

ALONE = 2**18
"""Values per frame from which a clip's first frame is worth a piece of its own."""


@dataclass(frozen=True)
class Stage:
    """One stage of a network.

    Args:
        run: function of frames (B, C, F, H, W) and a tape.
        growth: output values per input value.
        time: number of frames that it combines into one, after the first frame.
    """

    run: Callable[[Tensor, Tape | None], Tensor]
    growth: float = 1.0
    time: int = 1


def in_pieces(stages: Iterable[Stage], x: Tensor, tape: Tape | None) -> Tensor:
    """Run x (B, C, F, H, W) through stages; on a CPU, a few frames at a time where that is exact.

    Each piece goes through all stages before the next one begins. A large first frame of a clip is
    a piece by itself, so its convolutions can skip the zeros before it.
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
        del piece  # or it would stay in memory while the next one is computed
        first = tape.section(number).first
        if (sum(each.shape[2] for each in waiting) - first) % stage.time:
            continue
        joined = waiting[0] if len(waiting) == 1 else torch.cat(waiting, dim=2)
        waiting.clear()
        for frames in _cut(stage, joined, first=first):
            yield stage.run(frames, tape.section(number))
        del joined


def _cut(stage: Stage, x: Tensor, *, first: bool) -> tuple[Tensor, ...]:
    """Cut x into pieces small enough for a stage's input and output."""
    frame = int(x[:, :, 0].numel() * max(1.0, stage.growth))
    size = max(1, LARGEST // frame // stage.time) * stage.time
    if not first:
        return x.split(size, dim=2)
    begin = 1 if frame >= ALONE else 1 + size  # the first frame is never combined with others
    later = x[:, :, begin:].split(size, dim=2) if x.shape[2] > begin else ()
    return x[:, :, :begin], *later
