"""What is measured of the timeline: which latents are given, how the others are made, and controls.

B batch, C channels, F latent frames, H rows, W columns.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from ...models.shapes import Compression, LatentShape
from ..cases import Case
from ..studio import ClipMaker
from .cases import OTHERS, travelling
from .controls import BACKWARD, BETWEEN, FORWARD, Control
from .making import PLAN, fill, fill_in_chunks

Make = Callable[[ClipMaker, Sequence[Case], Tensor, Tensor], Tensor]
"""Fills in latents (B, C, F, H, W) where none is given (F,) bool."""


@dataclass(frozen=True, eq=False)
class TimelineJob:
    """Cases of which one part is given and the other made.

    Args:
        title: of its table.
        others: as many of other clips, to cut to.
        given: which latent frames are (F,) bool.
        controls: what else is put in the place of what is made.
        knows_truth: whether what is made has to be what truly lies there.
        borders: latent frames that a chunk begins with, beside those at given parts.
        within: latent frames inside of chunks, where nothing joins: how these fare tells what of a
            failure at a border is the seam's.
    """

    title: str
    cases: tuple[Case, ...]
    others: tuple[Case, ...]
    given: Tensor
    make: Make
    controls: Mapping[str, Control]
    knows_truth: bool = False
    borders: tuple[int, ...] = ()
    within: tuple[int, ...] = ()

    def given_frames(self, compression: Compression) -> Tensor:
        """Which frames of the video are given, (F,) bool."""
        return torch.cat([self.given[:1], self.given[1:].repeat_interleave(compression.time)])

    def joins(self, compression: Compression) -> dict[int, str]:
        """The first frame after each join, with what it leads into."""
        kinds = dict.fromkeys(self.borders, BETWEEN_CHUNKS)
        kinds.update(dict.fromkeys(self.within, WITHIN))
        for latent, (before, after) in enumerate(pairwise(self.given.tolist()), 1):
            if before != after:
                kinds[latent] = INTO_GIVEN if after else INTO_MADE
        return {_first_of(latent, compression): kinds[latent] for latent in sorted(kinds)}


INTO_MADE, INTO_GIVEN = "joins into the made part", "joins into the given part"
BETWEEN_CHUNKS, WITHIN = "joins between chunks", "no joins, within chunks"


def animate(count: int) -> TimelineJob:
    """The first frame is given, 16 are made."""
    cases = _cases(0, count, 17)
    controls = {name: FORWARD[name] for name in ("hard cut", "freeze")}
    return TimelineJob("animate", *cases, _given(5, range(1)), fill, controls)


def extend_forward(count: int) -> TimelineJob:
    """Extend 17 frames to 65, in chunks."""
    return _in_chunks("extend forward", _cases(1, count, _frames(LONG)), range(5), FORWARD)


def extend_backward(count: int) -> TimelineJob:
    """Put 49 frames before 16, in chunks."""
    cases = _cases(2, count, _frames(LONG))
    return _in_chunks("extend backward", cases, range(LONG - 4, LONG), BACKWARD)


def _in_chunks(
    title: str,
    cases: tuple[tuple[Case, ...], tuple[Case, ...]],
    known: range,
    controls: Mapping[str, Control],
) -> TimelineJob:
    given = _given(LONG, known)
    starts = sorted(chunk.made.start for chunk in PLAN.chunks((~given).tolist()))
    return TimelineJob(
        title,
        *cases,
        given,
        fill_in_chunks,
        controls,
        borders=tuple(starts[1:]),
        within=tuple(start + 1 for start in starts if start),
    )


def connect(count: int) -> TimelineJob:
    """Put back 20 frames that are removed from the middle of 33."""
    return TimelineJob(
        "connect",
        *_cases(3, count, 33),
        _given(9, (0, 1, 7, 8)),
        fill,
        BETWEEN,
        knows_truth=True,
    )


LONG = 17
"""Latent frames of clips that are extended to about four times the length."""

JOBS: Mapping[str, Callable[[int], TimelineJob]] = {
    "animate": animate,
    "forward": extend_forward,
    "backward": extend_backward,
    "connect": connect,
}
"""By name, made for a number of cases each."""


def _cases(group: int, count: int, frames: int) -> tuple[tuple[Case, ...], tuple[Case, ...]]:
    """Cases, and others to cut to."""
    own, others = (travelling(each, count, frames) for each in (group, group + OTHERS))
    return tuple(own), tuple(others)


def _given(count: int, frames: Iterable[int]) -> Tensor:
    given = torch.zeros(count, dtype=torch.bool)
    given[list(frames)] = True
    return given


def _first_of(latent: int, compression: Compression) -> int:
    """The first frame of the video that a latent frame shows."""
    return compression.video_shape(LatentShape(latent, 1, 1)).frames


def _frames(latents: int) -> int:
    return 1 + 4 * (latents - 1)
