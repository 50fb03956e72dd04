"""An image at a time within a clip, with frames generated before and after it.

B batch, C channels, F frames, H rows, W columns; f, h, w the same of the latent.
"""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ...timeline.plans import fresh, with_frames
from ..cases import FPS, Case, batches, true_clips
from ..figures import Figure, Largest, Table
from ..readers import Readers
from ..scores.alignment import read_clip
from ..scores.between import place_of
from ..scores.joins import METERS, JoinScore, judge_joins
from ..scores.signals import read_signals
from ..studio import ClipMaker, Maker
from ..tasks import Seen, Task
from .cases import OTHERS, travelling
from .running import laid_out, laid_over, under_noise_mask
from .tables import GROUP
from .versions import GENERATED, TRUTH, share_of, table_of_versions

TITLE = "keyframes"
FRAMES, KEY = 33, 16
"""Length of the clips, and the number of the given frame."""

BASELINE = "one-frame latent in the stream"

_GROUP, _HELD = 35, 2
_JOINS = (KEY, KEY + 1)
_SIDES = ("into the picture", "out of the picture")


class Passing(NamedTuple):
    """Findings on the frames beside a given image.

    Attributes:
        sides: the join before the image, and the one after it.
        change: largest change of the image.
    """

    sides: tuple[JoinScore, JoinScore]
    change: float

    @property
    def passed(self) -> bool:
        """Whether neither join shows."""
        return all(side.passed for side in self.sides)


def keyframes_task(count: int, maker: ClipMaker) -> Task:
    """Task with one image in the middle of each clip."""
    own = tuple(travelling(_GROUP, count, FRAMES))
    others = tuple(travelling(_GROUP + OTHERS, count, FRAMES, setting_of=_GROUP))
    return Task(f"{GROUP}: {TITLE}", own, partial(_run, own, others, maker))


def look_at_keys(clips: Tensor, picture: np.ndarray) -> list[Passing]:
    """Judge versions (K, F, H, W, 3) of a clip with an image (H, W, 3) in its place."""
    given = torch.arange(clips.shape[1]) == KEY
    found: list[Passing] = []
    for clip in clips:
        signals = read_signals(clip, place=place_of([read_clip(clip, FPS)], [len(clip)]))
        before, after = judge_joins(signals, _JOINS, given)
        change = float((clip[KEY] - torch.from_numpy(picture)).abs().max())
        found.append(Passing((before, after), change))
    return found


def _run(
    cases: Sequence[Case],
    others: Sequence[Case],
    maker: ClipMaker,
    _: Maker,
    readers: Readers,
    seen: Seen,
) -> Table:
    cuts = iter(batches(others))

    def make(batch: Sequence[Case]) -> tuple[dict[str, Tensor], list[np.ndarray]]:
        video = true_clips(batch).video
        versions = _versions(maker, batch, video, true_clips(next(cuts)).video)
        return versions, [clip[KEY].numpy() for clip in video]

    return table_of_versions(TITLE, cases, make, look_at_keys, _column, readers, seen)


def _versions(
    maker: ClipMaker, batch: Sequence[Case], video: Tensor, other: Tensor
) -> dict[str, Tensor]:
    """Clips around a given image, the true ones, and versions that must not pass."""
    compression = maker.model.latent.compression
    timelines = [
        with_frames(fresh(case.shape, FPS, compression), clip[KEY : KEY + 1], KEY)
        for case, clip in zip(batch, video, strict=True)
    ]
    guider = maker.guider([case.prompt for case in batch])
    made = maker.decode(maker.run(batch, guider, laid_out(maker, timelines)))
    true = maker.decode(maker.encode(video))
    frozen = video.clone()
    frozen[:, KEY - _HELD : KEY + _HELD + 1] = video[:, [KEY]]
    cut_in = maker.decode(maker.encode(other))
    return {
        GENERATED: laid_over(timelines, made),
        "pasted unfaded": laid_over(timelines, made, fade=0),
        BASELINE: maker.decode(_in_stream(maker, batch, video[:, KEY : KEY + 1])),
        TRUTH: laid_over(timelines, true),
        "cut-in": laid_over(timelines, cut_in, fade=0),
        "frozen": laid_over(timelines, maker.decode(maker.encode(frozen))),
    }


def _in_stream(maker: ClipMaker, batch: Sequence[Case], pictures: Tensor) -> Tensor:
    """Sample latents of clips with images (B, 1, H, W, 3), encoded alone, under a plain mask."""
    shape = maker.latent_shape(batch[0].shape)
    samples = torch.zeros(len(batch), maker.model.latent.channels, *shape)
    mask = torch.ones(1, 1, *shape)
    place = -(-KEY // maker.vae.time_factor)
    samples[:, :, [place]] = maker.encode(pictures)
    mask[:, :, place] = 0
    return under_noise_mask(maker, batch, samples, mask)


def _column(found: Sequence[Passing]) -> dict[str, Figure]:
    figures: dict[str, Figure] = {"both sides": share_of([each.passed for each in found])}
    for number, name in enumerate(_SIDES):
        figures[name] = share_of([each.sides[number].passed for each in found])
    sides = [side for each in found for side in each.sides]
    for meter in METERS:
        passed = [meter not in side.failed for side in sides if meter in side.deviations]
        if passed:
            figures[f"by {meter}"] = share_of(passed)
    figures["change of the picture"] = Largest(max(each.change for each in found))
    return figures
