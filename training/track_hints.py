"""Draw tracks of the toy world as images: of moving objects, and of what a moving camera sees.

F frames, H rows, W columns, O objects, N tracks.
"""

from collections.abc import Sequence
from random import Random
from typing import NamedTuple

import torch
from torch import Tensor

from ..media.fit import Size
from ..motion import Tracks
from ..motion.camera import filled_up
from ..motion.drawing import hint
from ..motion.path import points_under
from ..toyworld import Scene, lasting_tracks
from ..toyworld.camera import NEAREST_DEPTH, View
from ..toyworld.views import moves, views
from .latents import RenderedPart

ALL_OBJECTS, SOME_OBJECTS = 0.7, 0.2
"""Shares of clips with tracks of all objects, and of some; the others have no object tracks."""

CENTRE = 0.5
"""Share of objects with a single track at their centre instead of several all over them."""

GRID_MOVING, GRID_STILL = 0.85, 0.35
"""Shares of clips with tracks all over the image, for moving and for still cameras."""

_FAR = 1e6
"""Distance assumed for the sky, in units."""


class SeenClip(NamedTuple):
    """The data of a clip that its tracks need.

    Attributes:
        depth: (F, H, W).
        masks: (F, O, H, W).
        tracks: (F, O, 3).
        away: distance of each object along the camera's axis, (F, O).
        view: the camera's view in each frame (F).
    """

    depth: Tensor
    masks: Tensor
    tracks: Tensor
    away: Tensor
    view: View

    @property
    def size(self) -> Size:
        """Size of its frames."""
        return Size(*self.depth.shape[1:])

    @property
    def frames(self) -> int:
        """Number of frames."""
        return len(self.depth)


def track_pictures(part: RenderedPart, fps: float) -> Tensor:
    """Draw tracks of clips the way Show Tracks does (B, F, H, W, 3)."""
    return torch.stack(
        [
            _drawn(scene, seen_clip(part, number, fps), Random(scene.seed))
            for number, scene in enumerate(part.scenes)
        ]
    )


def seen_clip(part: RenderedPart, number: int, fps: float) -> SeenClip:
    """Collect the data that the tracks of one clip need, on the CPU."""
    clip = part.clip
    depth, masks, tracks, centres = (
        each[number].cpu()
        for each in (clip.depth, clip.masks, lasting_tracks(clip), clip.states.centre)
    )
    seconds = torch.arange(len(depth), dtype=torch.float64) / fps
    view = views(part.scenes[number], seconds).to("cpu")
    _, _, away = view.at(slice(None), None).project(centres, *depth.shape[1:])
    return SeenClip(depth, masks, tracks, away, view)


def _drawn(scene: Scene, clip: SeenClip, draws: Random) -> Tensor:
    told = _chosen(len(scene.objects), draws)
    own = [object_tracks(clip, o, centre=draws.random() < CENTRE) for o in told]
    everywhere = draws.random() < (GRID_MOVING if moves(scene) else GRID_STILL)
    tracks = joined(own)
    if everywhere or tracks is None:
        tracks = with_camera(clip, tracks)
    return hint(tracks, clip.size)


def _chosen(count: int, draws: Random) -> list[int]:
    """Choose the objects to track."""
    chance = draws.random()
    if chance < ALL_OBJECTS:
        return list(range(count))
    if chance < ALL_OBJECTS + SOME_OBJECTS:
        return sorted(draws.sample(range(count), draws.randint(1, count)))
    return []


def joined(parts: Sequence[Tracks]) -> Tracks | None:
    """Join tracks; None if there are none."""
    tracks = None
    for part in parts:
        tracks = part if tracks is None else tracks.with_more(part)
    return tracks


def object_tracks(clip: SeenClip, number: int, *, centre: bool) -> Tracks:
    """Tracks of an object: of its centre, or of points all over it that move and scale with it.

    An object that is not visible in the first frame always gets a track of its centre.
    """
    place, seen = clip.tracks[:, number, :2], clip.tracks[:, number, 2] > 0  # (F, 2), (F,)
    shown = clip.masks[0, number]
    if centre or not shown.any():
        return Tracks(place[None], seen[None])
    offsets = points_under(shown.float()) - place[0]  # (N, 2)
    growth = clip.away[0, number] / clip.away[:, number].clamp(min=NEAREST_DEPTH)  # (F,)
    places = place + offsets[:, None] * growth[None, :, None]  # (N, F, 2)
    return Tracks(places, seen.expand(len(places), -1))


def with_camera(clip: SeenClip, tracks: Tracks | None) -> Tracks:
    """Add tracks of the static scene wherever no track begins yet.

    They follow the clip's camera, like those of Camera Move.
    """
    known = 0 if tracks is None else len(tracks)
    starts = filled_up(tracks, clip.size, clip.frames).starts[known:]  # (N, 2)
    if tracks is not None and not len(starts):
        return tracks
    x, y = starts.unbind(1)
    first = clip.view.at(0)
    rays = first.ray_directions(x, y, *clip.size)  # (3, N)
    far = clip.depth[0, y.long(), x.long()].clamp(max=_FAR)
    points = (rays * far).T + first.eye  # (N, 3)
    right, down, ahead = clip.view.at(slice(None), None).project(points, *clip.size)  # (F, N)
    still = Tracks(torch.stack([right, down], dim=2).transpose(0, 1), (ahead > NEAREST_DEPTH).T)
    return still if tracks is None else tracks.with_more(still)
