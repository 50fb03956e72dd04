"""The latent of a timeline: its given parts, encoded, and a noise ceiling for each position.

F frames, H rows, W columns; C channels, f latent frames, h and w latent rows and columns.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from ..models.patchify import PATCH
from ..samplers.ceilings import CEILING_KEY, MASK_KEY
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

STAND_IN_CHANGE = 0.8
"""Lowest noise ceiling of a latent frame in which a held image stands in for generated frames.

Kept as given, the copies of the image would stop all motion for the duration of the latent frame.
"""

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
        may change, and, unless that is all or nothing, a ``noise_ceiling``. The mask keeps images
        that stand in for generated frames, for samplers that know no ceilings; see ``softened``.
    """
    shown = [timeline.shown(each) for each in range(timeline.latent_frames)]
    change = torch.stack([_change(timeline, each) for each in shown])
    ceiling = torch.stack([_ceiling(*each) for each in zip(change, shown, strict=True)])
    samples = torch.zeros(1, channels, *timeline.latent_shape)
    for first, last in _runs((ceiling < MADE).flatten(1).any(1).tolist()):
        samples[:, :, first:last] = _encoded(timeline, range(first, last), encode)
    samples[(ceiling == MADE).expand_as(samples)] = 0
    latent: dict[str, Any] = {"samples": samples, "fps": timeline.fps, TIMELINE_KEY: timeline}
    if timeline.first_frame:
        latent["first_frame"] = timeline.first_frame
    numbers = tuple(range(samples.shape[2]))
    latent[COVERAGE_KEY] = Coverage(
        timeline.start, timeline.shape.frames, len(numbers), numbers, timeline.closes
    )
    if timeline.loop:
        latent["loop"] = True
    if bool((ceiling < MADE).any()):
        latent[START_KEY] = StartOnDemand(partial(start_clip, timeline, encode))
        latent[MASK_KEY] = (change > 0).float()[None, None]
    if bool(((ceiling > 0) & (ceiling < MADE)).any()):
        latent[CEILING_KEY] = ceiling[None, None]
    return latent


def softened(latent: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a timeline's LATENT as a sampler that respects noise ceilings takes it.

    Its mask is 1 wherever its ceiling is above 0, also where an image stands in for generated
    frames. A mask of another shape, which another node has put in place of the timeline's, stays.
    """
    mask, ceiling = latent.get(MASK_KEY), latent.get(CEILING_KEY)
    if TIMELINE_KEY not in latent or mask is None or ceiling is None or mask.shape != ceiling.shape:
        return latent
    return {**latent, MASK_KEY: (ceiling > 0).to(mask)}


def _ceiling(change: Tensor, shown: Sequence[Shown | None]) -> Tensor:
    """Noise ceilings (h, w) of a latent frame with these changes that shows these frames."""
    stands_in = any(each is not None and each.stands_in for each in shown)
    return change.clamp(min=STAND_IN_CHANGE) if stands_in else change


def _change(timeline: Timeline, shown: Sequence[Shown | None]) -> Tensor:
    """Changes (h, w) of a latent frame that shows these frames: the highest of any pixel.

    All positions of a patch form one token, which has a single noise level.
    """
    height, width = timeline.latent_shape[1:]
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
    """Frames to warm up the encoder: existing ones up to a gap, whose last image is repeated.

    Nothing from beyond the gap is used, so that an ending is the same whatever comes before it.
    """
    first = timeline.behind(latent_frame).start
    count = 1 + (WARM_UP - 1) * timeline.compression.time
    before: list[Tensor] = []
    for frame in range(first - 1, first - 1 - count, -1):
        picture = _picture(timeline.shown_at(frame))
        if picture is None:
            break
        before.append(picture)
    before += [before[-1] if before else still] * (count - len(before))
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
