"""Regenerated parts of the image: a hole in a clip, and the surroundings of a clip.

B batch, C channels, F frames, H rows, W columns; f, h, w the same of the latent.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ...models.shapes import Compression
from ...samplers.ceilings import MASK_KEY
from ...timeline import Timeline
from ...timeline.plans import edited, outpainted
from ...timeline.start import GREY
from ...toyworld.background import render_background
from ..cases import FPS, Case, batches, true_clips
from ..figures import Figure, Largest, Table, ratio
from ..readers import Readers
from ..scores.between import Truth
from ..scores.borders import BORDER_METERS, BorderScore, Box, judge_borders
from ..scores.completion import Whole, area_of, judge_completion
from ..studio import ClipMaker, Maker
from ..tasks import Seen, Task
from .cases import OTHERS, travelling
from .hidden import half_hidden_cases, hidden_half
from .running import finished, laid_out, laid_over, under_noise_mask
from .tables import GROUP
from .versions import BASELINE, GENERATED, TRUTH, share_of, table_of_versions

SHIFT = 3
"""Offset of a spoiled hole to the right and down, in pixels."""

_FRAMES, _AROUND = 17, 16
_OTHER, _OUTPAINT = 33, 34


@dataclass(frozen=True)
class _Job:
    """Clips in which a part of the image is generated.

    Args:
        title: title of the table.
        cases, others: the clips, and the same number of other scenes.
        inside: whether the inside of a case's box is generated, or its surroundings.
        box_of: the box of a case.
        frames_of: frames in which the object is half hidden; empty if that is not judged.
    """

    title: str
    cases: tuple[Case, ...]
    others: tuple[Case, ...]
    inside: bool
    box_of: Callable[[Case], Box]
    frames_of: Callable[[Case], tuple[int, ...]]


class Question(NamedTuple):
    """Reference data to judge a clip by.

    Attributes:
        true: the true clip, (F, H, W, 3).
        given: which pixels are given, (H, W) bool.
        box: box whose sides are the border lines.
        frames: frames in which the object is half hidden.
        colour, shape, track: the object in these frames; the track is (N, 2).
        truth: index of the version assembled from the true clip.
    """

    true: np.ndarray
    given: np.ndarray
    box: Box
    frames: tuple[int, ...]
    colour: str
    shape: str
    track: np.ndarray
    truth: int


class Filling(NamedTuple):
    """Findings on one version of a clip.

    Attributes:
        borders: scores of its border lines that can be judged.
        true_borders: the same for the version assembled from the true clip.
        whole: judgement of the object; None if it is not half hidden.
        change: largest change of given pixels.
    """

    borders: list[BorderScore]
    true_borders: list[BorderScore]
    whole: Whole | None
    change: float


def inpaint_task(count: int, maker: ClipMaker) -> Task:
    """Task with a hole that hides half of the object."""
    job = _Job(
        "inpaint",
        half_hidden_cases(count),
        tuple(travelling(_OTHER, count, _FRAMES)),
        True,
        lambda case: hidden_half(case).box,
        lambda case: hidden_half(case).frames,
    )
    return _task(job, maker)


def outpaint_task(count: int, maker: ClipMaker) -> Task:
    """Task in which the middle of the image is given and its surroundings are generated."""
    own, others = (
        tuple(travelling(group, count, _FRAMES)) for group in (_OUTPAINT, _OUTPAINT + OTHERS)
    )
    return _task(_Job("outpaint", own, others, False, _middle, lambda _: ()), maker)


def look_at_fillings(clips: Tensor, asked: Question) -> list[Filling]:
    """Judge versions (K, F, H, W, 3) of a clip."""
    true, given = torch.from_numpy(asked.true), torch.from_numpy(asked.given)
    truth = Truth(asked.colour, asked.shape, torch.from_numpy(asked.track))
    frames = list(asked.frames)
    area = area_of(true[frames], FPS) if frames else 0.0
    borders = [judge_borders(clip, true, asked.box) for clip in clips]
    return [
        Filling(
            own,
            borders[asked.truth],
            judge_completion(clip[frames], truth, area, FPS) if frames else None,
            float((clip - true)[:, given].abs().max()),
        )
        for clip, own in zip(clips, borders, strict=True)
    ]


def _task(job: _Job, maker: ClipMaker) -> Task:
    return Task(f"{GROUP}: {job.title}", job.cases, partial(_run, job, maker))


def _middle(case: Case) -> Box:
    _, height, width = case.shape
    return Box(_AROUND, _AROUND, height - _AROUND, width - _AROUND)


def _run(job: _Job, maker: ClipMaker, _: Maker, readers: Readers, seen: Seen) -> Table:
    others = iter(batches(job.others))

    def make(batch: Sequence[Case]) -> tuple[dict[str, Tensor], list[Question]]:
        true, other = true_clips(batch), true_clips(next(others)).video
        versions = _versions(job, maker, batch, true.video, other)
        truth = list(versions).index(TRUTH)
        tracks = true.tracks[:, :, 0, :2]
        return versions, [
            _question(job, *each, truth) for each in zip(batch, true.video, tracks, strict=True)
        ]

    return table_of_versions(job.title, job.cases, make, look_at_fillings, _column, readers, seen)


def _versions(
    job: _Job, maker: ClipMaker, batch: Sequence[Case], video: Tensor, other: Tensor
) -> dict[str, Tensor]:
    """Clips filled by the timeline and by a plain mask, the true ones, and spoiled ones."""
    made = torch.stack([_made(job, case) for case in batch])[:, None, :, :, None]
    timelines = [
        _timeline(job, case, clip, maker.model.latent.compression)
        for case, clip in zip(batch, video, strict=True)
    ]
    prompts, latent = [case.prompt for case in batch], laid_out(maker, timelines)
    own = finished(maker, timelines, maker.run(batch, maker.guider(prompts), latent))
    grey = maker.encode(torch.where(made, GREY, video))
    plain = maker.decode(under_noise_mask(maker, batch, grey, latent[MASK_KEY]))
    spoiled = {
        "another clip": other,
        f"shifted by {SHIFT} px": video.roll((SHIFT, SHIFT), (2, 3)),
        "mean colour": video.mean(dim=(1, 2, 3), keepdim=True),
        **({"empty hole": _empty(batch)} if job.inside else {}),
    }
    filled = {TRUTH: video, **{k: torch.where(made, each, video) for k, each in spoiled.items()}}
    return {
        GENERATED: own,
        BASELINE: torch.where(made, plain, video),
        **{
            name: laid_over(timelines, maker.decode(maker.encode(clips)))
            for name, clips in filled.items()
        },
    }


def _made(job: _Job, case: Case) -> Tensor:
    """Which pixels are generated, (H, W) bool."""
    top, left, bottom, right = job.box_of(case)
    within = torch.zeros(case.shape[1:], dtype=torch.bool)
    within[top:bottom, left:right] = True
    return within if job.inside else ~within


def _timeline(job: _Job, case: Case, clip: Tensor, compression: Compression) -> Timeline:
    """The timeline of Inpaint Video or of Outpaint Video."""
    if job.inside:
        change = _made(job, case).float()[None]
        return edited(clip, FPS, change=change, compression=compression)
    _, height, width = case.shape
    top, left, bottom, right = job.box_of(case)
    return outpainted(
        clip[:, top:bottom, left:right],
        FPS,
        left=left,
        top=top,
        right=width - right,
        bottom=height - bottom,
        compression=compression,
    )


def _empty(batch: Sequence[Case]) -> Tensor:
    """Render the scenes without their objects, (B, 1, H, W, 3)."""
    pictures = [
        render_background(
            case.scene.setting,
            height=case.shape.height,
            width=case.shape.width,
            camera=case.scene.camera,
            style=case.scene.style,
        ).colour
        for case in batch
    ]
    return torch.stack(pictures)[:, None]


def _question(job: _Job, case: Case, true: Tensor, track: Tensor, truth: int) -> Question:
    thing, frames = case.scene.objects[0], job.frames_of(case)
    return Question(
        true.numpy(),
        (~_made(job, case)).numpy(),
        job.box_of(case),
        frames,
        thing.colour,
        thing.shape,
        track[list(frames)].numpy(),
        truth,
    )


def _column(fillings: Sequence[Filling]) -> dict[str, Figure]:
    lines = [line for each in fillings for line in each.borders]
    true = [line for each in fillings for line in each.true_borders]
    figures: dict[str, Figure] = {}
    if lines:
        passed = [line.passed for line in lines]
        figures["border lines"] = share_of(passed)
        figures |= {
            f"by {meter}": share_of([meter not in line.failed for line in lines])
            for meter in BORDER_METERS
        }
        if any(line.passed for line in true):
            figures["border lines, by true clips"] = ratio(passed, [line.passed for line in true])
    figures |= _wholes([each.whole for each in fillings if each.whole is not None])
    figures["change of what is given"] = Largest(max(each.change for each in fillings))
    return figures


def _wholes(wholes: Sequence[Whole]) -> dict[str, Figure]:
    if not wholes:
        return {}
    return {
        "half-hidden object: colour and shape": share_of([w.colour and w.shape for w in wholes]),
        "area within 0.8 to 1.25": share_of([each.area for each in wholes]),
        "place within 2 px": share_of([each.place for each in wholes]),
        "area and place": share_of([each.area and each.place for each in wholes]),
        "all of the object": share_of([all(each) for each in wholes]),
    }
