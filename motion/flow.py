"""Dense flow from the parts of an image and their tracks, and tracks from a flow.

F frames, H rows, W columns, N points.
"""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from ..media.fit import Size
from ..media.hints import Flow
from .field import moved_picture, pixel_middles
from .layers import Layer, sampled, shape_in
from .tracks import Tracks


def flow_of(layers: Sequence[Layer], size: Size) -> Flow:
    """Compute how far the content of every pixel moves until the next frame.

    Raises:
        ValueError: the tracks have only one frame.
    """
    frames = max(layer.tracks.frames for layer in layers if layer.tracks is not None)
    if frames < 2:
        raise ValueError("tracks of one frame move nothing: make them for two frames or more")
    steps = [_step(layers, frame, size) for frame in range(frames - 1)]
    return Flow(torch.stack(steps), frames)


def _step(layers: Sequence[Layer], frame: int, size: Size) -> Tensor:
    flow = torch.zeros(*size, 2)
    for layer in layers:
        if layer.tracks is None:
            continue
        tracks = _seen_in_both(layer.tracks, frame)
        here, following = tracks.places[:, frame], tracks.places[:, frame + 1]
        step = moved_picture(size, here, following) - pixel_middles(size)
        there = shape_in(layer, frame, size) > 0.5 if layer is not layers[0] else torch.ones(1)
        flow = torch.where(there.bool(), step, flow)
    return flow


def _seen_in_both(tracks: Tracks, frame: int) -> Tracks:
    """The tracks that are visible in a frame and in the next; all of them if none is."""
    seen = tracks.visible[:, frame] & tracks.visible[:, frame + 1]
    return tracks.only(seen) if bool(seen.any()) else tracks


def followed(points: Tensor, steps: Iterable[Tensor]) -> Tracks:
    """Follow points of the first frame along a flow.

    Args:
        points: (N, 2), in pixels.
        steps: motion from each frame to the next, (H, W, 2) each.

    Returns:
        Tracks, which become invisible once they leave the image.
    """
    places, seen = [points], [torch.ones(len(points), dtype=torch.bool)]
    for step in steps:
        height, width, _ = step.shape
        new = places[-1] + sampled(step, places[-1][None], padding="border")[0]
        inside = ((new >= 0) & (new <= torch.tensor([width, height]))).all(1)
        places.append(new)
        seen.append(seen[-1] & inside)
    return Tracks(torch.stack(places, dim=1), torch.stack(seen, dim=1))
