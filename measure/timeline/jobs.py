"""The timeline's tasks: which latents are given, how the others are generated, and controls.

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
"""(maker, cases, latents (B, C, F, H, W), which are given (F,) bool) -> latents, filled in."""


@dataclass(frozen=True, eq=False)
class TimelineJob:
    """Cases in which one part of the clip is given and the other generated.

    Args:
        title: title of its table.
        cases: the clips.
        others: as many other clips, to cut to.
        given: which latent frames are given, (F,) bool.
        make: generates the other latent frames.
        controls: replacements for the generated part.
        knows_truth: whether the generated part must match the true clip.
        borders: latent frames at which a chunk begins, except those at given parts.
        within: latent frames inside chunks, where nothing joins; their scores show how much of a
            failure at a border is due to the seam.
        baselines: the same task done without the timeline, with the same weights.
        far: the generated frames farthest from the given ones, in which the object must be
            unchanged.
        notes: notes on the cases below the table.
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
        """Return which frames of the video are given, (F,) bool."""
        return torch.cat([self.given[:1], self.given[1:].repeat_interleave(compression.time)])

    def joins(self, compression: Compression) -> dict[int, str]:
        """Return first frame after each join -> kind of the join, in order."""
        kinds = dict.fromkeys(self.borders, BETWEEN_CHUNKS)
        kinds.update(dict.fromkeys(self.within, WITHIN))
        for latent, (before, after) in enumerate(pairwise(self.given.tolist()), 1):
            if before != after:
                kinds[latent] = INTO_GIVEN if after else INTO_MADE
        return {_first_of(latent, compression): kinds[latent] for latent in sorted(kinds)}


INTO_MADE, INTO_GIVEN = "joins into the generated part", "joins into the given part"
BETWEEN_CHUNKS, WITHIN = "joins between chunks", "no joins, within chunks"


def animate(count: int) -> TimelineJob:
    """Animate a given first frame: 16 frames are generated."""
    cases = _cases(0, count, 17)
    controls = {name: FORWARD[name] for name in ("hard cut", "freeze")}
    return TimelineJob("animate", *cases, _given(5, range(1)), fill, controls, baselines=MASKED)


def extend_forward(count: int) -> TimelineJob:
    """Extend 17 frames to 65, in chunks."""
    cases, far = _cases(6, count, _frames(LONG), draw=lasting), range(_frames(LONG))[-FAR:]
    return _in_chunks("extend forward", cases, range(5), FORWARD, far, {PIXEL_TAIL: by_pixel_tail})


def extend_backward(count: int) -> TimelineJob:
    """Generate 49 frames before 16 given ones, in chunks."""
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
    """Regenerate 20 frames removed from the middle of 33."""
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
"""Latent frames of clips that are extended to about four times their length."""

FAR = 16
"""Number of frames, one second, to judge at the end farthest from the given part."""

MASKED: Mapping[str, Baseline] = {"plain noise mask": by_noise_mask}
PIXEL_TAIL = "pixels of the tail encoded again"
OF_LASTING = (
    "one object that circles or spins, in the given part as in the clips that the model was "
    "trained on; the generated part is judged by its joins, its drift, its motion and what the "
    "object looks like at the far end, not by its place"
)

JOBS: Mapping[str, Callable[[int], TimelineJob]] = {
    "animate": animate,
    "forward": extend_forward,
    "backward": extend_backward,
    "connect": connect,
}
"""Name -> function that returns the job for a number of cases."""


def _cases(
    group: int,
    count: int,
    frames: int,
    *,
    draw: Callable[[int, int, int], list[Case]] = travelling,
) -> tuple[tuple[Case, ...], tuple[Case, ...]]:
    """Cases, and as many others to cut to."""
    own, others = (draw(each, count, frames) for each in (group, group + OTHERS))
    return tuple(own), tuple(others)


def _given(count: int, frames: Iterable[int]) -> Tensor:
    given = torch.zeros(count, dtype=torch.bool)
    given[list(frames)] = True
    return given


def _first_of(latent: int, compression: Compression) -> int:
    """The number of the first video frame that a latent frame covers."""
    return compression.video_shape(LatentShape(latent, 1, 1)).frames


def _frames(latents: int) -> int:
    return 1 + 4 * (latents - 1)
