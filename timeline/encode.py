"""The latent of a timeline: what is given, encoded, and how far each place may be noised.

F frames, H rows, W columns; C channels, f latent frames, h and w latent rows and columns.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from ..models.patchify import PATCH
from ..samplers.clips import COVERAGE_KEY, Coverage
from .record import MADE, Shown, Timeline
from .spread import spread
from .start import Encode, StartOnDemand, start_clip

TIMELINE_KEY = "spacetime_timeline"
"""Under which a LATENT carries its ``Timeline``."""

START_KEY = "spacetime_start"
"""Under which a LATENT carries a function that gives its ``StartClip``, or that of some of its
latent frames."""

PART_KEY = "spacetime_part"
"""Under which the LATENT of a run carries the ``ClipPart`` that it is of a longer clip."""

WARM_UP = 2
"""Latent frames before a stretch that are encoded with it and thrown away: a causal encoder that
starts there sees a first frame like no other."""


def latent_of(timeline: Timeline, encode: Encode, channels: int) -> dict[str, Any]:
    """The LATENT to sample.

    Each stretch of latent frames of which something is given is encoded by itself, so that it is
    the same whatever comes before it.

    Args:
        timeline: what is given.
        encode: the VAE's encoder.
        channels: of the latent.

    Returns:
        ``samples`` with zeros where nothing is given, ``fps``, ``first_frame``, the timeline, where
        in its video the latent begins, and what makes its start clip when it is needed.
        Where something is given also ``noise_mask`` (1, 1, f, h, w), 1 where a place may change,
        and ``noise_ceiling``, how far, if that is not all or nothing.
    """
    ceiling = torch.stack([_ceiling(timeline, each) for each in range(timeline.latent_frames)])
    samples = torch.zeros(1, channels, *timeline.latent_shape)
    for first, last in _runs((ceiling < MADE).flatten(1).any(1).tolist()):
        samples[:, :, first:last] = _encoded(timeline, range(first, last), encode)
    samples[(ceiling == MADE).expand_as(samples)] = 0
    latent: dict[str, Any] = {"samples": samples, "fps": timeline.fps, TIMELINE_KEY: timeline}
    if timeline.first_frame:
        latent["first_frame"] = timeline.first_frame
    shown = tuple(range(samples.shape[2]))
    latent[COVERAGE_KEY] = Coverage(timeline.start, timeline.shape.frames, len(shown), shown)
    if timeline.loop:
        latent["loop"] = True
    if bool((ceiling < MADE).any()):
        latent[START_KEY] = StartOnDemand(partial(start_clip, timeline, encode))
        latent["noise_mask"] = (ceiling > 0).float()[None, None]
    if bool(((ceiling > 0) & (ceiling < MADE)).any()):
        latent["noise_ceiling"] = ceiling[None, None]
    return latent


def _ceiling(timeline: Timeline, latent_frame: int) -> Tensor:
    """How far the places (h, w) of a latent frame may be noised: as any pixel behind them.

    All places of a patch are one token, which has one noise level.
    """
    shown, (height, width) = timeline.shown(latent_frame), timeline.latent_shape[1:]
    changes = [MADE if each is None else each.change for each in shown]
    numbers = [each for each in changes if not isinstance(each, Tensor)]
    maps = [each for each in changes if isinstance(each, Tensor)]
    most = torch.full((height, width), max(numbers, default=0.0))
    if not maps or max(numbers, default=0.0) == MADE:
        return most
    side = timeline.compression.space * PATCH[1]
    pooled = F.max_pool2d(torch.stack(maps).amax(0)[None], side)[0]
    whole = pooled.repeat_interleave(PATCH[1], 0).repeat_interleave(PATCH[2], 1)
    return torch.maximum(most, whole)


def _runs(given: list[bool]) -> Iterator[tuple[int, int]]:
    """First and one after the last of each row of True."""
    edges = [i for i in range(len(given) + 1) if _at(given, i) != _at(given, i - 1)]
    return zip(edges[::2], edges[1::2], strict=True)


def _at(given: list[bool], place: int) -> bool:
    return 0 <= place < len(given) and given[place]


def _encoded(timeline: Timeline, run: range, encode: Encode) -> Tensor:
    """(1, C, f, h, w) of a run of latent frames."""
    frames = [_picture(each) for number in run for each in timeline.shown(number)]
    known = next(frame for frame in frames if frame is not None)
    shown: list[Tensor] = []
    for frame in frames:  # where nothing is, the last picture stays
        known = known if frame is None else frame
        shown.append(known)
    begins = run.start == 0 and not timeline.loop
    lead = [] if begins else _before(timeline, run.start, shown[0])
    latent = encode(torch.stack([*lead, *shown]))
    return latent[:, :, latent.shape[2] - len(run) :].float().cpu()


def _before(timeline: Timeline, latent_frame: int, still: Tensor) -> list[Tensor]:
    """Frames to warm the encoder up with: those that are there, else the first one held."""
    first = timeline.behind(latent_frame).start
    count = 1 + (WARM_UP - 1) * timeline.compression.time
    before: list[Tensor] = []
    for frame in range(first - 1, first - 1 - count, -1):
        picture = _picture(timeline.shown_at(frame))
        still = still if picture is None else picture
        before.append(still)
    return before[::-1]


def _picture(shown: Shown | None) -> Tensor | None:
    """A frame (H, W, 3) as the encoder sees it: what is made anew must not shine through.

    None where nothing else is there.
    """
    if shown is None:
        return None
    change = shown.change
    if not isinstance(change, Tensor):
        return shown.pixels
    kept = change.lt(MADE)
    if not kept.any():
        return None
    return shown.pixels if kept.all() else spread(shown.pixels, kept)
