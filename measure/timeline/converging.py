"""Several clips that arrive at one ending.

B batch, K clips of one ending, C channels, F frames, H rows, W columns; f, h, w of the latent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import combinations
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ...samplers.ceilings import MASK_KEY
from ...timeline.plans import extended_backward
from ..cases import FPS, Case, true_clips
from ..figures import Figure, Largest, Mean, Table
from ..readers import Readers
from ..scores.alignment import read_clip
from ..scores.between import place_of
from ..scores.joins import METERS, JoinScore, judge_joins
from ..scores.signals import LEVELS, Signals, read_signals
from ..studio import ClipMaker, Maker
from ..tasks import Seen, Task
from .cases import travelling
from .running import finished, laid_out, laid_over, under_noise_mask
from .tables import GROUP
from .versions import BASELINE, GENERATED, TRUTH, share_of, table_of_versions

TITLE = "converge"
CLIPS = 3
MADE, FRAMES = 17, 33
"""Generated frames of each clip, and all of its frames."""

BEGINNING = 8
"""Generated frames in which beginnings are compared; later frames have to converge."""

INDEPENDENT = "independent clips, cut to it"

_GROUP, _CONTEXT = 36, 9


class Question(NamedTuple):
    """Reference data to judge the clips of one ending by.

    Attributes:
        true: the true clip after a round trip through the VAE, (F, H, W, 3).
        ending: the given ending, (F', H, W, 3).
        latents: largest change of the ending's given latents, by version; None
            where there are none.
        independent: index of the version whose beginnings are independent.
    """

    true: np.ndarray
    ending: np.ndarray
    latents: tuple[float | None, ...]
    independent: int


class Arrival(NamedTuple):
    """Findings on the clips of one ending in one version.

    Attributes:
        joins: scores of each distinct clip, where the generated part meets the ending.
        apart: difference between beginnings, divided by that of independent ones; None where these
            are equal.
        change: largest change of the ending's pixels.
        latents: as in `Question`.
    """

    joins: list[JoinScore]
    apart: float | None
    change: float
    latents: float | None


def converge_task(count: int, maker: ClipMaker) -> Task:
    """Task that gives each ending `CLIPS` beginnings of one prompt."""
    cases = tuple(travelling(_GROUP, count, FRAMES))
    return Task(f"{GROUP}: {TITLE}", cases, partial(_run, cases, maker))


def look_at_arrivals(versions: Tensor, asked: Question) -> list[Arrival]:
    """Judge versions (V, K, F, H, W, 3) of the clips of one ending."""
    true, ending = _signals(torch.from_numpy(asked.true)), torch.from_numpy(asked.ending)
    given = torch.arange(versions.shape[2]) >= MADE
    apart = [_apart(clips[:, :BEGINNING]) for clips in versions]
    most = apart[asked.independent]
    return [
        Arrival(
            [judge_joins(_signals(clip), (MADE,), given, true)[0] for clip in _distinct(clips)],
            own / most if most else None,
            float((clips[:, MADE:] - ending).abs().max()),
            latents,
        )
        for clips, own, latents in zip(versions, apart, asked.latents, strict=True)
    ]


def _distinct(clips: Tensor) -> list[Tensor]:
    """The clips of (K, F, H, W, 3) that differ from all before them."""
    pairs = ((clip, clips[:number]) for number, clip in enumerate(clips))
    return [clip for clip, before in pairs if not any(torch.equal(clip, one) for one in before)]


def _signals(clip: Tensor) -> Signals:
    return read_signals(clip, place=place_of([read_clip(clip, FPS)], [len(clip)]))


def _apart(clips: Tensor) -> float:
    """Mean difference between any two clips (K, F, H, W, 3), in 1/255."""
    pairs = list(combinations(clips, 2))
    return LEVELS * sum(float((a - b).abs().mean()) for a, b in pairs) / len(pairs)


def _run(cases: Sequence[Case], maker: ClipMaker, _: Maker, readers: Readers, seen: Seen) -> Table:
    def make(batch: Sequence[Case]) -> tuple[dict[str, Tensor], list[Question]]:
        video = true_clips(batch).video
        true = maker.decode(maker.encode(video))
        versions, latents = _versions(maker, batch, video, true)
        independent = list(versions).index(INDEPENDENT)
        changes = zip(*(latents.get(name, [None] * len(batch)) for name in versions), strict=True)
        return versions, [
            Question(own.numpy(), clip[MADE:].numpy(), each, independent)
            for own, clip, each in zip(true, video, changes, strict=True)
        ]

    def follow(batch: Sequence[Case], clips: Tensor) -> None:
        seen(batch, clips[:, 0])

    return table_of_versions(TITLE, cases, make, look_at_arrivals, _column, readers, follow)


def _versions(
    maker: ClipMaker, batch: Sequence[Case], video: Tensor, true: Tensor
) -> tuple[dict[str, Tensor], Mapping[str, Sequence[float]]]:
    """Clips (B, K, F, H, W, 3) by version, and the largest changes of their given latents."""
    ending, form = video[:, MADE:], maker.model.latent.compression
    timelines, whole = (
        [extended_backward(clip, MADE, FPS, context=seen, compression=form) for clip in ending]
        for seen in (_CONTEXT, FRAMES - MADE)
    )
    latent, rest = laid_out(maker, timelines), laid_out(maker, whole)["samples"]
    guider = maker.guider([case.prompt for case in batch])
    held = torch.cat([ending[:, :1].expand(-1, MADE, -1, -1, -1), ending], dim=1)
    start = maker.encode(held)
    seen = latent["samples"].shape[2]
    seeds = [[replace(case, seed=CLIPS * case.seed + k) for case in batch] for k in range(CLIPS)]
    own = [maker.run(each, guider, latent) for each in seeds]
    plain = [under_noise_mask(maker, each, start[:, :, :seen], latent[MASK_KEY]) for each in seeds]
    cut = [torch.cat([_alone(maker, each), ending], dim=1) for each in seeds]
    shown = len(timelines[0].stretch)
    versions = {
        GENERATED: [_with_rest(maker, each, rest) for each in own],
        BASELINE: [_with_rest(maker, each, start) for each in plain],
        TRUTH: [true] * CLIPS,
        f"{GENERATED}, pasted": [finished(maker, timelines, each) for each in own],
        f"{TRUTH}, pasted": [laid_over(timelines, true[:, :shown])] * CLIPS,
        INDEPENDENT: [maker.decode(maker.encode(each)) for each in cut],
        "held": [maker.decode(start)] * CLIPS,
    }
    given = latent[MASK_KEY] == 0  # (B, 1, f, h, w)
    changed = {
        GENERATED: _changes(own, latent["samples"], given),
        BASELINE: _changes(plain, start[:, :, :seen], given),
    }
    return {name: torch.stack(clips, dim=1) for name, clips in versions.items()}, changed


def _with_rest(maker: ClipMaker, made: Tensor, whole: Tensor) -> Tensor:
    """Decode latents (B, C, f, h, w) followed by the remaining latents of the whole clip."""
    return maker.decode(torch.cat([made, whole[:, :, made.shape[2] :]], dim=2))


def _alone(maker: ClipMaker, batch: Sequence[Case]) -> Tensor:
    """Generate beginnings (B, F, H, W, 3) without knowledge of the ending."""
    return maker.make([replace(case, shape=case.shape._replace(frames=MADE)) for case in batch])


def _changes(made: Sequence[Tensor], samples: Tensor, given: Tensor) -> list[float]:
    """Largest change of given latents (B, C, f, h, w) in any clip, for each ending."""
    changes = [((each - samples) * given).abs().flatten(1).amax(dim=1) for each in made]
    return torch.stack(changes).amax(dim=0).tolist()


def _column(found: Sequence[Arrival]) -> dict[str, Figure]:
    joins = [join for each in found for join in each.joins]
    figures: dict[str, Figure] = {"approaches": share_of([join.passed for join in joins])}
    for meter in METERS:
        passed = [meter not in join.failed for join in joins if meter in join.deviations]
        if passed:
            figures[f"by {meter}"] = share_of(passed)
    apart = [100 * each.apart for each in found if each.apart is not None]
    if apart:
        figures["beginnings differ, by independent ones"] = Mean.of(apart, "%")
    figures["change of the ending's pixels"] = Largest(max(each.change for each in found))
    latents = [each.latents for each in found if each.latents is not None]
    if latents:
        figures["change of the ending's latents"] = Largest(max(latents))
    return figures
