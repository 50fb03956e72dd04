"""Judging clips with generated and given parts.

K versions of one clip, F frames, H rows, W columns.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..cases import FPS
from ..scores.alignment import read_clip
from ..scores.between import Truth, judge_between, judge_object, place_of
from ..scores.joins import JoinScore, judge_joins
from ..scores.signals import Signals, read_signals
from ..scores.stability import Drift, Motion, read_drift, read_motion


class Question(NamedTuple):
    """Reference data to judge a clip by.

    Attributes:
        joins: the first frame after each join.
        given: which frames are given (F,) bool.
        colour, shape: look of the single object.
        track: its true centre in every frame (F, 2); None if the truth between given parts is not
            judged.
        far: start and end of the generated stretch farthest from the given part, in which the
            object has to be unchanged; None if that is not judged.
    """

    joins: tuple[int, ...]
    given: np.ndarray
    colour: str
    shape: str
    track: np.ndarray | None = None
    far: tuple[int, int] | None = None


class Findings(NamedTuple):
    """Findings on one version of a clip.

    Attributes:
        step: mean change of luma into each frame, in 1/255.
        truth: which properties match the true clip, between given parts or far from them; empty
            where that is not judged.
    """

    joins: list[JoinScore]
    truth: dict[str, bool]
    drift: Drift
    motion: Motion
    step: list[float]


def judge_versions(clips: Tensor, question: Question) -> list[Findings]:
    """Judge versions (K, F, H, W, 3) of one clip; the first is the true one, decoded."""
    versions = [read_signals(clip, place=_places(clip)) for clip in clips]
    return [
        _findings(clip, signals, versions[0], question)
        for clip, signals in zip(clips, versions, strict=True)
    ]


def _places(clip: Tensor) -> Tensor:
    return place_of([read_clip(clip, FPS)], [len(clip)])


def _findings(clip: Tensor, signals: Signals, true: Signals, question: Question) -> Findings:
    given = torch.from_numpy(question.given)
    return Findings(
        judge_joins(signals, question.joins, given, true),
        _truth(clip, question),
        read_drift(clip),
        read_motion(clip, signals),
        signals.step.tolist(),
    )


def far_away(clip: Tensor, question: Question) -> dict[str, bool]:
    """Whether the object is unchanged in the frames far from all given ones."""
    if question.far is None:
        return {}
    shown = judge_object(clip[slice(*question.far)], question.colour, question.shape, FPS)
    return {f"{name} at the far end": passed for name, passed in shown.items()}


def _truth(clip: Tensor, question: Question) -> dict[str, bool]:
    if question.track is None:
        return far_away(clip, question)
    made = ~question.given
    truth = Truth(question.colour, question.shape, torch.from_numpy(question.track[made]))
    return judge_between(clip[torch.from_numpy(made)], truth, FPS)
