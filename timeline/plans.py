"""Timelines of the usual tasks: animate, drag, extend, connect, close, edit, outpaint, keyframes.

Frames are (F, H, W, 3) in [0, 1] and of one size, whose sides the VAE and the patches divide.
``context`` is how many given frames the model is shown beside what it makes; all of them are in
the result. Where a function takes ``fps``, that is the clips' own rate.
"""

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from ..models.patchify import PATCH
from ..models.shapes import WAN_COMPRESSION, Compression, VideoShape
from .record import Piece, Timeline


def fresh(shape: VideoShape, fps: float, compression: Compression = WAN_COMPRESSION) -> Timeline:
    """Nothing is given."""
    return Timeline(shape, fps, _latent_frames(shape.frames, compression), compression=compression)


def animated(
    image: Tensor,
    frames: int,
    fps: float,
    *,
    end: Tensor | None = None,
    compression: Compression = WAN_COMPRESSION,
) -> Timeline:
    """A picture comes to life.

    Args:
        image: (H, W, 3), the first frame.
        frames: of the result.
        fps: frames per second.
        end: (H, W, 3), the last frame.
        compression: of the VAE.
    """
    timeline = fresh(VideoShape(frames, *image.shape[:2]), fps, compression)
    if end is not None:
        timeline = timeline.placed(Piece(end[None], frames - 1, held=True))
    return timeline.placed(Piece(image[None]))


def dragged(
    clip: Tensor,
    moving: Tensor,
    fps: float,
    *,
    change: float,
    change_around: float,
    compression: Compression = WAN_COMPRESSION,
) -> Timeline:
    """A rough animation is made real; its first frame is given.

    A place of the latent belongs to what moves if anything of it does: otherwise a thing smaller
    than a patch would be free to go elsewhere.

    Args:
        clip: the rough animation.
        moving: (F, H, W) bool, where its moving parts are.
        fps: frames per second.
        change: in [0, 1], how far moving parts are changed; the less, the closer their motion
            stays to the rough one.
        change_around: how far all else is changed.
        compression: of the VAE.
    """
    timeline = fresh(VideoShape(*clip.shape[:3]), fps, compression)
    places = _whole_places(moving, timeline)
    changes = torch.where(places, change, change_around)
    rough = timeline.placed(Piece(clip, change=changes, held=True))
    return rough.placed(Piece(clip[:1]))


def _whole_places(marked: Tensor, timeline: Timeline) -> Tensor:
    """Marks (F, H, W) bool grown to all pixels of the places of the latent that they touch."""
    side, grown = timeline.compression.space * PATCH[1], torch.empty_like(marked)
    for latent_frame in range(timeline.latent_frames):
        frames = [each for each in timeline.behind(latent_frame) if each < len(marked)]
        touched = F.max_pool2d(marked[frames].any(0).float()[None], side)[0] > 0
        grown[frames] = touched.repeat_interleave(side, 0).repeat_interleave(side, 1)
    return grown


def extended_forward(
    clip: Tensor,
    frames: int,
    fps: float,
    *,
    context: int,
    compression: Compression = WAN_COMPRESSION,
) -> Timeline:
    """A clip goes on for so many frames."""
    seen = compression.fitting_frames(min(context, len(clip)))
    return Timeline(
        VideoShape(len(clip) + frames, *clip.shape[1:3]),
        fps,
        _latent_frames(seen + frames, compression),
        start=len(clip) - seen,
        pieces=(Piece(clip),),
        compression=compression,
    )


def extended_backward(
    clip: Tensor,
    frames: int,
    fps: float,
    *,
    context: int,
    compression: Compression = WAN_COMPRESSION,
) -> Timeline:
    """A clip gets so many frames before it."""
    lead = _latent_frames(frames, compression)
    start = frames - (1 + (lead - 1) * compression.time)
    seen = _whole(min(context, len(clip)), compression)
    return Timeline(
        VideoShape(frames + len(clip), *clip.shape[1:3]),
        fps,
        lead + seen,
        start=start,
        pieces=(Piece(clip, frames, held=len(clip) < compression.time),),
        compression=compression,
    )


def connected(
    first: Tensor,
    second: Tensor,
    frames: int,
    fps: float,
    *,
    context: int,
    compression: Compression = WAN_COMPRESSION,
) -> Timeline:
    """A passage of so many frames leads from one clip to another."""
    whole = len(first) + frames + len(second)
    return _bridge(first, second, frames, fps, context, whole, compression)


def closed(
    clip: Tensor,
    frames: int,
    fps: float,
    *,
    context: int,
    compression: Compression = WAN_COMPRESSION,
) -> Timeline:
    """A passage of so many frames leads from a clip's end back to its beginning.

    The result is the clip and the passage, which repeat seamlessly.
    """
    return _bridge(clip, clip, frames, fps, context, len(clip) + frames, compression)


def edited(
    clip: Tensor,
    fps: float,
    *,
    change: Tensor,
    compression: Compression = WAN_COMPRESSION,
) -> Timeline:
    """A clip is changed as much as ``change`` (F or 1, H, W) in [0, 1] says of each pixel."""
    shape = VideoShape(*clip.shape[:3])
    return fresh(shape, fps, compression).placed(Piece(clip, change=change, held=True))


def outpainted(
    clip: Tensor,
    fps: float,
    *,
    left: int = 0,
    top: int = 0,
    right: int = 0,
    bottom: int = 0,
    compression: Compression = WAN_COMPRESSION,
) -> Timeline:
    """A clip gets so many pixels of new picture on each side."""
    around = (left, right, top, bottom)
    change = F.pad(torch.zeros(1, *clip.shape[1:3]), around, value=1.0)
    larger = F.pad(clip.movedim(-1, 1), around).movedim(1, -1)
    return edited(larger, fps, change=change, compression=compression)


def with_frames(
    timeline: Timeline, frames: Tensor, first: int, change: Tensor | None = None
) -> Timeline:
    """Frames of the result from ``first`` on are given, such as a keyframe.

    Those behind the result's end are left out. Where no latent frame lies wholly in them, the model
    is shown them for as long as theirs lasts.

    Args:
        timeline: to place them on.
        frames: (F, H, W, 3).
        first: number of the first one in the result.
        change: (F or 1, H, W) in [0, 1], see ``Piece``.
    """
    room = timeline.shape.frames - first
    frames = frames[:room]
    if change is not None and len(change) > 1:
        change = change[:room]
    held = not timeline.holds_whole(range(first, first + len(frames)))
    return timeline.placed(Piece(frames, first, change, held=held))


def _bridge(
    first: Tensor,
    second: Tensor,
    frames: int,
    fps: float,
    context: int,
    length: int,
    compression: Compression,
) -> Timeline:
    """The stretch from the end of one clip to the beginning of another.

    The second clip is seen from the first latent frame on that lies wholly in it; a shorter one is
    held for a latent frame.
    """
    seen = compression.fitting_frames(min(context, len(first)))
    made = _latent_frames(seen + frames, compression)  # with those that are made in part
    beside = 1 + (made - 1) * compression.time - seen - frames
    after = len(first) + frames
    return Timeline(
        VideoShape(length, *first.shape[1:3]),
        fps,
        made + _whole(min(context, len(second)) - beside, compression),
        start=len(first) - seen,
        pieces=(
            Piece(first),
            Piece(second, after, held=len(second) < beside + compression.time),
        ),
        compression=compression,
    )


def _latent_frames(frames: int, compression: Compression) -> int:
    """The fewest that decode to so many frames."""
    return 1 + -(-(frames - 1) // compression.time)


def _whole(frames: int, compression: Compression) -> int:
    """Latent frames that lie wholly in so many frames, at least one."""
    return max(1, frames // compression.time)
