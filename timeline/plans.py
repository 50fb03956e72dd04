"""Build the timeline of a task: animate, drag, extend, connect, close, edit, outpaint, keyframes.

Frames are (F, H, W, 3) in [0, 1] and of one size, divisible by the VAE's and the patches' sizes.
``context`` is the number of given frames that the model sees next to the generated ones; all given
frames are in the result. ``fps`` is the clips' own frame rate.
"""

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from ..models.patchify import PATCH
from ..models.shapes import WAN_COMPRESSION, Compression, VideoShape
from .record import Piece, Timeline


def fresh(shape: VideoShape, fps: float, compression: Compression = WAN_COMPRESSION) -> Timeline:
    """An empty timeline: every frame is generated."""
    return Timeline(shape, fps, _latent_frames(shape.frames, compression), compression=compression)


def animated(
    image: Tensor,
    frames: int,
    fps: float,
    *,
    end: Tensor | None = None,
    compression: Compression = WAN_COMPRESSION,
) -> Timeline:
    """Animate an image.

    Args:
        image: the first frame (H, W, 3).
        frames: number of frames of the result.
        fps: frame rate.
        end: the last frame (H, W, 3), None to leave it free.
        compression: compression of the VAE.
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
    """Turn a rough animation into a finished clip; its first frame is given.

    A latent position counts as moving if any part of it moves; otherwise an object smaller than a
    patch could drift away.

    Args:
        clip: the rough animation.
        moving: (F, H, W) bool, True in its moving parts.
        fps: frame rate.
        change: how far to change the moving parts, in [0, 1]; lower values keep their motion
            closer to the rough one.
        change_around: how far to change everything else.
        compression: compression of the VAE.
    """
    timeline = fresh(VideoShape(*clip.shape[:3]), fps, compression)
    places = _whole_places(moving, timeline)
    changes = torch.where(places, change, change_around)
    rough = timeline.placed(Piece(clip, change=changes, held=True))
    return rough.placed(Piece(clip[:1]))


def _whole_places(marked: Tensor, timeline: Timeline) -> Tensor:
    """Grow a mask (F, H, W) bool to all pixels of the latent positions that it touches."""
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
    """Extend a clip forward by ``frames`` frames."""
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
    """Extend a clip backward by ``frames`` frames."""
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
    """Connect one clip to another with a transition of ``frames`` frames."""
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
    """Close a clip with a transition of ``frames`` frames from its end back to its start.

    The result is the clip followed by the transition, which together repeat seamlessly.
    """
    return _bridge(clip, clip, frames, fps, context, len(clip) + frames, compression)


def edited(
    clip: Tensor,
    fps: float,
    *,
    change: Tensor,
    compression: Compression = WAN_COMPRESSION,
) -> Timeline:
    """Edit a clip; ``change`` (F or 1, H, W) in [0, 1] is how far each pixel may change."""
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
    """Extend the image of a clip by the given number of pixels on each side."""
    around = (left, right, top, bottom)
    change = F.pad(torch.zeros(1, *clip.shape[1:3]), around, value=1.0)
    larger = F.pad(clip.movedim(-1, 1), around).movedim(1, -1)
    return edited(larger, fps, change=change, compression=compression)


def with_frames(
    timeline: Timeline, frames: Tensor, first: int, change: Tensor | None = None
) -> Timeline:
    """Place given frames, such as a keyframe, on a timeline.

    Frames past the end of the result are dropped. If they cover no latent frame completely, the
    model also sees copies of them, which it may change, in the rest of their latent frames.

    Args:
        timeline: timeline to place them on.
        frames: (F, H, W, 3).
        first: number of the first frame in the result.
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
    """Build the stretch from the end of one clip to the start of another.

    The model sees the second clip from the first latent frame that lies wholly in it; a shorter
    clip is held for one latent frame.
    """
    seen = compression.fitting_frames(min(context, len(first)))
    made = _latent_frames(seen + frames, compression)  # including partly generated ones
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
    """Minimum number of latent frames that decode to at least ``frames`` frames."""
    return 1 + -(-(frames - 1) // compression.time)


def _whole(frames: int, compression: Compression) -> int:
    """Number of latent frames that lie wholly within ``frames`` frames, at least 1."""
    return max(1, frames // compression.time)
