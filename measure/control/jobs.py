"""The control tasks: scenes, the hint images that nodes make from them, and the pass criteria.

F frames, H rows, W columns.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ...media.fit import Size
from ...motion import Tracks
from ...motion.camera import CameraMove, filled_up, seen_by
from ...motion.drawing import hint
from ...toyworld import Clip, Scene, draw_scene, lasting_tracks, nearness
from ...toyworld.background import render_background
from ...toyworld.camera import CAMERA_MOTIONS, STILL_CAMERA
from ...toyworld.physics import simulate
from ...training.hints import canny_pictures, grey
from ..cases import FPS, HELD_OUT, SQUARE, Case, cases, fitting_cases
from ..scores.edge_match import near
from ..scores.placing import APART, Placed, distance_apart

CLOSE = 0.04
"""Share of an image's width that an object's centre may be off its track on average."""

BAR = 0.9
"""Share of clips that must follow their hint; or, for means, share of the true clips' score."""

MOST_LOST = 0.05
"""Share of clips that may fail a prompt test beyond those that fail it without control."""

_FIRST = HELD_OUT + 100_000_000
_STEP = 1_000_000

MOVES: Mapping[str, CameraMove] = {
    "pans left": CameraMove(pan=-15),
    "pans right": CameraMove(pan=15),
    "orbits left": CameraMove(orbit=-20),
    "orbits right": CameraMove(orbit=20),
    "dollies in": CameraMove(dolly=0.15),
    "dollies out": CameraMove(dolly=-0.2),
}
"""Name of a camera motion in the toy world -> the settings of Camera Move."""


@dataclass(frozen=True)
class ControlJob:
    """Cases whose clips should follow one kind of hint.

    Args:
        title: title of its table.
        hint: the kind of hint that the control branch was trained with.
        cases: the clips.
        pictures: case and true clip (a batch of one) -> hint images to follow (F, H, W, 3).
        asked: case and true clip -> what `judging.LOOKS` compares with.
        told: prompt tests to report.
        kept: those of them that must hardly get worse with control.
    """

    title: str
    hint: str
    cases: tuple[Case, ...]
    pictures: Callable[[Case, Clip], Tensor]
    asked: Callable[[Case, Clip], Any]
    told: tuple[str, ...]
    kept: tuple[str, ...]


def edges_job(count: int) -> ControlJob:
    """Clips of one object that follow the output of Canny Edges."""
    chosen = cases(_FIRST, count, "single", SQUARE)
    return _single("edges", "edges", chosen, edge_pictures, _edges_asked)


def depth_job(count: int) -> ControlJob:
    """Clips of two objects at different depths that follow the toy world's depth."""
    chosen = fitting_cases(_FIRST + _STEP, count, "pair", SQUARE, stand_apart)
    told = ("binding", "setting", "motion")
    return ControlJob("depth", "depth", chosen, depth_pictures, _places_asked, told, told)


def tracks_job(count: int) -> ControlJob:
    """Clips of one object that follow the track of its centre."""
    chosen = cases(_FIRST + 2 * _STEP, count, "single", SQUARE)
    return _single("tracks", "tracks", chosen, track_pictures, _way_asked)


def camera_job(count: int) -> ControlJob:
    """Clips of one still object that follow Camera Move, which no prompt mentions.

    With a moving camera, pixels do not show whether an object stays still, so motion is not tested.
    """
    job = _single("camera", "tracks", _travelling(count), move_pictures, _move_asked)
    return replace(job, kept=("colour", "setting", "shape"))


JOBS: Mapping[str, Callable[[int], ControlJob]] = {
    "edges": edges_job,
    "depth": depth_job,
    "tracks": tracks_job,
    "camera": camera_job,
}
"""Name -> function that returns the job for a number of cases."""


def _single(
    title: str,
    hint: str,
    chosen: tuple[Case, ...],
    pictures: Callable[[Case, Clip], Tensor],
    asked: Callable[[Case, Clip], Any],
) -> ControlJob:
    told = ("colour", "setting", "shape", "motion")
    return ControlJob(title, hint, chosen, pictures, asked, told, told)


def as_told(case: Case) -> Case:
    """Return the case as its prompt describes it: without the camera motion, given by the hint."""
    return replace(case, scene=replace(case.scene, camera=STILL_CAMERA))


def edge_pictures(case: Case, clip: Clip) -> Tensor:
    """Return white edges on black."""
    return canny_pictures(clip.video[0])


def depth_pictures(case: Case, clip: Clip) -> Tensor:
    """Return the depth that Toy World Hints outputs."""
    return grey(nearness(clip.depth[0]))


def track_pictures(case: Case, clip: Clip) -> Tensor:
    """Return what Show Tracks draws from the tracks that Toy World Hints outputs."""
    x, y, seen = lasting_tracks(clip)[0].permute(2, 1, 0)
    tracks = Tracks(torch.stack([x, y], dim=2), seen > 0)
    return hint(tracks, Size(*clip.video.shape[2:4]))


def move_pictures(case: Case, clip: Clip) -> Tensor:
    """Return what Show Tracks draws from a Camera Move over the first frame and its depth."""
    frames, size = clip.video.shape[1], Size(*clip.video.shape[2:4])
    points = filled_up(None, size, frames)
    x, y = points.starts.long().unbind(1)
    close = nearness(clip.depth[0, 0])[y, x]
    return hint(seen_by(MOVES[case.scene.camera.motion], points, size, close), size)


def _edges_asked(case: Case, clip: Clip) -> Any:
    """The clip's edges, and the places (1, H, W) bool near those of its empty setting."""
    scene, (height, width) = case.scene, clip.video.shape[2:4]
    empty = render_background(
        scene.setting, height=height, width=width, camera=scene.camera, style=scene.style
    )
    edges, scenery = (canny_pictures(each)[..., 0] for each in (clip.video[0], empty.colour[None]))
    return edges.numpy(), near(scenery).numpy()


def _places_asked(case: Case, clip: Clip) -> Any:
    count = len(case.scene.objects)
    return [[part.numpy() for part in _placed(clip, number)] for number in range(count)]


def _way_asked(case: Case, clip: Clip) -> Any:
    return case.scene.objects[0].colour, [part.numpy() for part in _placed(clip, 0)]


def _move_asked(case: Case, clip: Clip) -> Any:
    return case.scene.camera.motion


def _placed(clip: Clip, number: int) -> Placed:
    x, y, seen = clip.tracks[0, :, number].unbind(1)
    return Placed(x, y, clip.states.centre[0, :, number, 2], seen > 0)


def stand_apart(scene: Scene) -> bool:
    """Return whether one of two objects stands clearly behind the other."""
    seconds = torch.arange(SQUARE.frames, dtype=torch.float64) / FPS
    depth = simulate(scene, seconds).centre[..., 2].unbind(1)
    nothing, always = torch.zeros(len(seconds)), torch.ones(len(seconds), dtype=torch.bool)
    one, other = (Placed(nothing, nothing, each, always) for each in depth)
    return abs(distance_apart(one, other)) >= APART


def _travelling(count: int) -> tuple[Case, ...]:
    """One still object and a moving camera; the cases go through all camera motions in turn."""
    moves: Sequence[str] = CAMERA_MOTIONS[1:]
    return tuple(
        Case(_scene(_FIRST + 3 * _STEP + n, moves[n % len(moves)]), SQUARE, n) for n in range(count)
    )


def _scene(seed: int, camera: str) -> Scene:
    duration = SQUARE.frames / FPS
    return draw_scene(seed, kind="single", motion="stays still", camera=camera, duration=duration)
