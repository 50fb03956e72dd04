"""The latent of a timeline: its given parts, encoded, and a noise ceiling for each position.

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
"""Key of a LATENT for its ``Timeline``."""

START_KEY = "spacetime_start"
"""Key of a LATENT for a function that returns its ``StartClip``, or that of some of its latent
frames."""

PART_KEY = "spacetime_part"
"""Key of a run's LATENT for the ``ClipPart`` of the longer clip that it covers."""

WARM_UP = 2
"""Latent frames that are encoded before a stretch and discarded, because a causal encoder treats
the first frame specially."""


def latent_of(timeline: Timeline, encode: Encode, channels: int) -> dict[str, Any]:
    """Build the LATENT to sample.

    Each stretch of at least partly given latent frames is encoded separately, so its latent does
    not depend on what precedes it.

    Args:
        timeline: the timeline with its given frames.
        encode: the VAE's encoder.
        channels: number of latent channels.

    Returns:
        A LATENT with ``samples``, zero where nothing is given, ``fps``, ``first_frame``, the
        timeline and the coverage of its video. If anything is given, it also has a function that
        makes the start clip on demand, a ``noise_mask`` (1, 1, f, h, w) that is 1 where a position
        may change, and, unless that is all or nothing, a ``noise_ceiling``.
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
    """Noise ceilings (h, w) of a latent frame: the highest change of any pixel it covers.

    All positions of a patch form one token, which has a single noise level.
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
    """Start and end (exclusive) of each run of True."""
    edges = [i for i in range(len(given) + 1) if _at(given, i) != _at(given, i - 1)]
    return zip(edges[::2], edges[1::2], strict=True)


def _at(given: list[bool], place: int) -> bool:
    return 0 <= place < len(given) and given[place]


def _encoded(timeline: Timeline, run: range, encode: Encode) -> Tensor:
    """Encode a run of latent frames to (1, C, f, h, w)."""
    frames = [_picture(each) for number in run for each in timeline.shown(number)]
    known = next(frame for frame in frames if frame is not None)
    shown: list[Tensor] = []
    for frame in frames:  # the last image stands in for missing ones
        known = known if frame is None else frame
        shown.append(known)
    begins = run.start == 0 and not timeline.loop
    lead = [] if begins else _before(timeline, run.start, shown[0])
    latent = encode(torch.stack([*lead, *shown]))
    return latent[:, :, latent.shape[2] - len(run) :].float().cpu()


def _before(timeline: Timeline, latent_frame: int, still: Tensor) -> list[Tensor]:
    """Frames to warm up the encoder: the existing ones, otherwise the nearest image repeated."""
    first = timeline.behind(latent_frame).start
    count = 1 + (WARM_UP - 1) * timeline.compression.time
    before: list[Tensor] = []
    for frame in range(first - 1, first - 1 - count, -1):
        picture = _picture(timeline.shown_at(frame))
        still = still if picture is None else picture
        before.append(still)
    return before[::-1]


def _picture(shown: Shown | None) -> Tensor | None:
    """A frame (H, W, 3) as the encoder sees it, without the parts to regenerate.

    None if there are no other parts.
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
