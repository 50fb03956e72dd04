"""Whether the meters pass true clips and detect the faults of spoiled ones.

B batch, F frames, H rows, W columns.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ...toyworld import Clip
from ..cases import FPS, Case, batches, true_clips
from ..figures import Figure, Share, Table
from ..readers import Readers
from ..scores.alignment import read_clip
from ..scores.between import Truth, judge_between, place_of
from ..scores.joins import METERS, Join, JoinScore, given_frames, judge_joins
from ..scores.signals import read_signals
from ..scores.stability import read_drift
from ..stopping import keeping
from ..studio import ClipMaker, Maker
from ..tasks import Seen, Task
from .cases import travelling
from .controls import JUMP, Control, duplicate, freeze, hard_cut, jump, ping_pong, reversed_in_time
from .spoiling import IN_BLOCKS, RISING, in_blocks, with_rising_gain
from .tables import GROUP

JOINS, DRIFT_AND_TRUTH = "calibration of joins", "calibration of drift and truth"
FRAMES = 33
TRUE = "true clips"

_OWN, _OTHER, _SAME_SETTING = 20, 21, 22
_JOIN = 17
_AFTER, _BEFORE = (Join(_JOIN),), (Join(_JOIN, given_before=False),)
_GAP = (Join(5), Join(25, given_before=False))
_MADE = slice(5, 25)

_SPOILED: Mapping[str, tuple[Control, int]] = {
    "hard cuts": (hard_cut, _OTHER),
    "hard cuts within a setting": (hard_cut, _SAME_SETTING),
    "jumps of 8 frames": (jump, _OTHER),
    "ping-pongs": (ping_pong, _OTHER),
    "freezes": (freeze, _OTHER),
    "duplicated frames": (duplicate, _OTHER),
}
"""Ways to spoil a part, each with the group of the clips to cut to."""


class _Spoiled(NamedTuple):
    """A version of a clip, (B, F, H, W, 3), and the layouts of joins to judge it by, one by one.

    Attributes:
        true: index of the version in which its given parts are measured.
    """

    kind: str
    video: Tensor
    layouts: tuple[tuple[Join, ...], ...]
    true: int = 0


def calibration_tasks(count: int, maker: ClipMaker) -> list[Task]:
    """Tasks for the joins of travelling clips, and for drift and the truth between given parts."""
    own, other, alike = (
        tuple(travelling(group, count, FRAMES + JUMP, setting_of=settings))
        for group, settings in ((_OWN, None), (_OTHER, None), (_SAME_SETTING, _OWN))
    )
    joins = partial(_run_joins, own, {_OTHER: other, _SAME_SETTING: alike}, maker)
    return [
        Task(f"{GROUP}: {JOINS}", own, joins),
        Task(f"{GROUP}: {DRIFT_AND_TRUTH}", own, partial(_run_drift_and_truth, own, maker)),
    ]


def judge_layouts(
    clips: Tensor, asked: Sequence[tuple[tuple[tuple[Join, ...], ...], int]]
) -> list[list[JoinScore]]:
    """Judge the joins of versions (K, F, H, W, 3) of a clip.

    Args:
        asked: for each version, its layouts of joins and the index of the true version.
    """
    places = [place_of([read_clip(clip, FPS)], [len(clip)]) for clip in clips]
    signals = [read_signals(clip, place=place) for clip, place in zip(clips, places, strict=True)]
    return [
        [
            score
            for joins in layouts
            for score in judge_joins(
                own, [join.frame for join in joins], given_frames(joins, FRAMES), signals[true]
            )
        ]
        for own, (layouts, true) in zip(signals, asked, strict=True)
    ]


def judge_truths(clips: Tensor, truth: tuple[str, str, np.ndarray]) -> list[bool]:
    """Judge whether versions (K, F, H, W, 3) of generated parts show all of the truth."""
    colour, shape, track = truth
    asked = Truth(colour, shape, torch.from_numpy(track))
    return [all(judge_between(clip, asked, FPS).values()) for clip in clips]


def _run_joins(
    own: Sequence[Case],
    others: Mapping[int, Sequence[Case]],
    maker: ClipMaker,
    _: Maker,
    readers: Readers,
    seen: Seen,
) -> Table:
    found: dict[str, list[JoinScore]] = {}
    cuts = {group: batches(cases) for group, cases in others.items()}

    def table() -> Table:
        return Table(GROUP, JOINS, {kind: _passed(scores) for kind, scores in found.items()})

    with keeping(found, table):
        for batch in batches(own):
            other = {group: true_clips(next(each)).video for group, each in cuts.items()}
            versions = [
                version._replace(video=_coded(maker, version.video))
                for version in _versions(true_clips(batch).video, other)
            ]
            asked = [(version.layouts, version.true) for version in versions]
            clips = list(torch.stack([version.video for version in versions], dim=1))
            for scores in readers.map(judge_layouts, clips, [asked] * len(batch)):
                for version, each in zip(versions, scores, strict=True):
                    found.setdefault(version.kind, []).extend(each)
            seen(batch, versions[0].video)
    return table()


def _versions(video: Tensor, other: Mapping[int, Tensor]) -> Iterator[_Spoiled]:
    """Yield true clips, early and late, then each spoiled kind after and before a given part."""
    yield _Spoiled("true joins", video[:, :FRAMES], (_AFTER, _BEFORE, _GAP))
    late = slice(JUMP, JUMP + FRAMES)
    yield _Spoiled("true joins", video[:, late], (_AFTER, _BEFORE, _GAP), 1)
    for kind, (control, group) in _SPOILED.items():
        after = control(video, other[group], _JOIN, FRAMES)[:, :FRAMES]
        yield _Spoiled(kind, after, (_AFTER,))
        backward = reversed_in_time(control)
        yield _Spoiled(kind, backward(video, other[group], JUMP, JUMP + _JOIN)[:, late], (_BEFORE,))


def _passed(scores: Sequence[JoinScore]) -> dict[str, Figure]:
    figures: dict[str, Figure] = {"all": Share(sum(each.passed for each in scores), len(scores))}
    for meter in METERS:
        told = [meter not in each.failed for each in scores if meter in each.deviations]
        figures[meter] = Share(sum(told), len(told))
    return figures


def _run_drift_and_truth(
    own: Sequence[Case], maker: ClipMaker, _: Maker, readers: Readers, seen: Seen
) -> Table:
    drifts: dict[str, list[bool]] = {}
    truths: dict[str, list[bool]] = {}

    def table() -> Table:
        rows: dict[str, dict[str, Figure]] = {}
        for column, found in (("no drift", drifts), ("all of the truth", truths)):
            for name, passed in found.items():
                rows.setdefault(name, {})[column] = Share(sum(passed), len(passed))
        return Table(GROUP, DRIFT_AND_TRUTH, rows)

    with keeping(truths, table):
        for batch in batches(own):
            true = true_clips(batch)
            video = true.video[:, :FRAMES]
            for name, clips in {TRUE: video, RISING: with_rising_gain(video)}.items():
                passed = [read_drift(clip).passed for clip in _coded(maker, clips)]
                drifts.setdefault(name, []).extend(passed)
            blocks = in_blocks(video[:, _MADE], true.masks[:, :FRAMES, 0][:, _MADE])
            pictures = {TRUE: video, IN_BLOCKS: _with_made(video, blocks)}
            made = [_coded(maker, clips)[:, _MADE] for clips in pictures.values()]
            asked = _truths(batch, true)
            for each in readers.map(judge_truths, list(torch.stack(made, dim=1)), asked):
                for name, passed in zip(pictures, each, strict=True):
                    truths.setdefault(name, []).append(passed)
            seen(batch, video)
    return table()


def _truths(batch: Sequence[Case], true: Clip) -> list[tuple[str, str, np.ndarray]]:
    things = [case.scene.objects[0] for case in batch]
    tracks = true.tracks[:, :FRAMES, 0, :2][:, _MADE].numpy()
    return [(thing.colour, thing.shape, track) for thing, track in zip(things, tracks, strict=True)]


def _with_made(video: Tensor, made: Tensor) -> Tensor:
    return torch.cat([video[:, : _MADE.start], made, video[:, _MADE.stop :]], dim=1)


def _coded(maker: ClipMaker, video: Tensor) -> Tensor:
    """Clips after a round trip through the VAE."""
    return maker.decode(maker.encode(video))
