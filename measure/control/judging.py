"""Judging whether a clip follows its hint and its prompt.

F frames, H rows, W columns.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ...toyworld.prompt_spec import PromptSpec
from ...training.hints import canny_pictures
from ..cases import FPS
from ..scores.alignment import judge, read_clip
from ..scores.camera_moves import read_camera
from ..scores.edge_match import edge_match
from ..scores.placing import Placed, centre_error, in_order
from ..scores.reading import ClipReading
from .jobs import CLOSE

EDGES, OBJECT_EDGES = "all edges, F1", "objects' edges, F1"
ORDER, ON_TRACK, MOVE = "order", "centre within 4 %", "the move"
FOLLOWED: Mapping[str, tuple[str, ...]] = {
    "edges": (OBJECT_EDGES, EDGES),
    "depth": (ORDER,),
    "tracks": (ON_TRACK,),
    "camera": (MOVE,),
}
"""Findings that show whether a hint was followed, by the title of the job; the clearest first. Most
edges belong to the setting, so any clip in that setting has them."""

Findings = Mapping[str, float | bool]
"""Findings by name: whether a test is passed, or a share from 0 to 1."""


class Question(NamedTuple):
    """Reference data to judge a clip by.

    Attributes:
        title: title of the job.
        asked: contents of its hint, from the job.
        wanted: spec of its prompt.
    """

    title: str
    asked: Any
    wanted: PromptSpec


def findings_of(clip: Tensor, question: Question) -> Findings:
    """Judge a clip (F, H, W, 3) by its hint and its prompt."""
    reading = read_clip(clip, FPS)
    followed = LOOKS[question.title](clip, reading, question.asked)
    return {**followed, **judge(reading, question.wanted)}


def _edges(clip: Tensor, reading: ClipReading, asked: Any) -> Findings:
    made = canny_pictures(clip)[..., 0]
    wanted, scenery = map(torch.from_numpy, asked)
    own, theirs = (edges * ~scenery for edges in (made, wanted))
    return {OBJECT_EDGES: edge_match(own, theirs), EDGES: edge_match(made, wanted)}


def _depth(clip: Tensor, reading: ClipReading, asked: Any) -> Findings:
    there, order = in_order(reading, [_placed(each) for each in asked], clip.shape[2])
    return {"in place": there, ORDER: order}


def _tracks(clip: Tensor, reading: ClipReading, asked: Any) -> Findings:
    colour, way = asked
    error = centre_error(reading, colour, _placed(way), clip.shape[2])
    return {ON_TRACK: error <= CLOSE, "centre's error, of the width": error}


def _camera(clip: Tensor, reading: ClipReading, asked: Any) -> Findings:
    return {MOVE: read_camera(clip, FPS) == asked}


def _placed(parts: Any) -> Placed:
    return Placed(*(torch.from_numpy(part) for part in parts))


LOOKS: Mapping[str, Callable[[Tensor, ClipReading, Any], Findings]] = {
    "edges": _edges,
    "depth": _depth,
    "tracks": _tracks,
    "camera": _camera,
}
"""Functions that judge whether a clip follows its hint, by the title of the job."""
