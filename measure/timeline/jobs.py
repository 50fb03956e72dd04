"""What is measured of the timeline: which latents are given, how the others are made, and controls.

B batch, C channels, F latent frames, H rows, W columns.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import torch
from torch import Tensor

from ...models.shapes import Compression, LatentShape
from ..cases import Case
from ..studio import ClipMaker
from .baselines import Baseline, by_noise_mask, by_pixel_tail
from .cases import OTHERS, lasting, travelling
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
        baselines: how the same is done without the timeline, with the same weights.
        far: frames of the made part, those that are the farthest from what is given, in which the
            object has to be what it was.
        notes: what the table says of the cases.
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
    baselines: Mapping[str, Baseline] = field(default_factory=dict)
    far: range | None = None
    notes: tuple[str, ...] = ()

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
    return TimelineJob("animate", *cases, _given(5, range(1)), fill, controls, baselines=MASKED)


def extend_forward(count: int) -> TimelineJob:
    """Extend 17 frames to 65, in chunks."""
    cases, far = _cases(6, count, _frames(LONG), draw=lasting), range(_frames(LONG))[-FAR:]
    return _in_chunks("extend forward", cases, range(5), FORWARD, far, {PIXEL_TAIL: by_pixel_tail})


def extend_backward(count: int) -> TimelineJob:
    """Put 49 frames before 16, in chunks."""
    cases, far = _cases(7, count, _frames(LONG), draw=lasting), range(FAR)
    return _in_chunks("extend backward", cases, range(LONG - 4, LONG), BACKWARD, far, {})


def _in_chunks(
    title: str,
    cases: tuple[tuple[Case, ...], tuple[Case, ...]],
    known: range,
    controls: Mapping[str, Control],
    far: range,
    baselines: Mapping[str, Baseline],
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
        baselines=baselines,
        far=far,
        notes=(f"{title}: {OF_LASTING}",),
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
        baselines=MASKED,
    )


LONG = 17
"""Latent frames of clips that are extended to about four times the length."""

FAR = 16
"""Frames, a second, that are looked at as far from what is given as a clip goes."""

MASKED: Mapping[str, Baseline] = {"plain noise mask": by_noise_mask}
PIXEL_TAIL = "pixels of the tail encoded again"
OF_LASTING = (
    "one object that circles or spins, which it does in the given part as in the clips "
    "that the model was trained on; what is made is judged by joins, drift, motion and what the "
    "object is at the far end, not by where it is"
)

JOBS: Mapping[str, Callable[[int], TimelineJob]] = {
    "animate": animate,
    "forward": extend_forward,
    "backward": extend_backward,
    "connect": connect,
}
"""By name, made for a number of cases each."""


def _cases(
    group: int,
    count: int,
    frames: int,
    *,
    draw: Callable[[int, int, int], list[Case]] = travelling,
) -> tuple[tuple[Case, ...], tuple[Case, ...]]:
    """Cases, and others to cut to."""
    own, others = (draw(each, count, frames) for each in (group, group + OTHERS))
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
