"""Noise warped along a clip's motion (Burgert et al., "Go-with-the-Flow", 2501.08331, 2025).

Each pixel's noise is carried along the flow. Where the image expands, the noise of a pixel is split
over the area that it covers; where it contracts, the noise of several pixels is summed. Either way,
each frame by itself is plain noise: standard normal and independent between positions.

C channels, F frames, H rows and W columns of the video, h and w of the latent, E edges.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from einops import rearrange, reduce
from torch import Tensor

from ..checks import check_one_stream
from ..clips import COVERAGE_KEY, Coverage
from .frames import DRAWN_TOGETHER, as_clip, frame_noise, frames_of

_SAME_MOTION = 1.0
"""Maximum difference in motion, in pixels, between a position and the one its noise is fetched
from. A larger difference means that the position was uncovered by something else."""


class Carried(NamedTuple):
    """Noise carried through the frames, at pixel resolution.

    Attributes:
        noise: (C, H * W), standard normal.
        weight: (H * W), the area that a pixel's noise represents, 1 on average.
        offset: (2, H * W), how far to the right of and below the pixel its noise belongs, so that
            sub-pixel motion accumulates.
    """

    noise: Tensor
    weight: Tensor
    offset: Tensor


class _Edges(NamedTuple):
    """Noise moves from source to target pixels (E each), with rounding remainders (2, E)."""

    source: Tensor
    target: Tensor
    rest: Tensor
    pushed: int
    """Number of leading edges that follow the flow; the others fill the positions it leaves open.
    """


def started(noise: Tensor) -> Carried:
    """Start carrying the noise (C, H, W) of the first frame."""
    flat = rearrange(noise, "C H W -> C (H W)")
    return Carried(flat, torch.ones(flat.shape[1]), torch.zeros(2, flat.shape[1]))


def carried(before: Carried, flow: Tensor, fresh: Tensor) -> Carried:
    """Carry noise on to the next frame.

    Args:
        before: noise in the current frame.
        flow: (H, W, 2), motion to the next frame in pixels, right and down.
        fresh: (2 C, H, W), standard normal noise for the parts of split pixels and for positions
            that receive nothing.
    """
    splitting, filling = rearrange(fresh, "(two C) H W -> two C (H W)", two=2)
    edges = _edges(flow, before.offset)
    parts = torch.bincount(edges.source, minlength=len(before.weight))
    count = parts[edges.source]
    noise = before.noise.index_select(1, edges.source).div_(count.sqrt())
    split = torch.nonzero(count > 1)[:, 0]
    noise.index_add_(1, split, _apart(edges, split, parts, splitting, filling))
    weight = before.weight[edges.source] / count

    def arriving(values: Tensor) -> Tensor:
        empty = values.new_zeros(*values.shape[:-1], len(before.weight))
        return empty.index_add_(-1, edges.target, values)

    area, squares = arriving(weight), arriving(weight.square())
    there = area > 0
    mixed = arriving(noise.mul_(weight)).div_(squares.clamp(min=1e-12).sqrt())
    new = torch.where(there, area, 1.0)
    empty = torch.nonzero(~there)[:, 0]
    return Carried(
        mixed.index_copy_(1, empty, filling.index_select(1, empty)),
        new / new.mean(),
        arriving(edges.rest * weight) / new,
    )


def _apart(
    edges: _Edges, split: Tensor, parts: Tensor, splitting: Tensor, filling: Tensor
) -> Tensor:
    """Deviation of each part of a split pixel from its even share, (C, number of split edges).

    Args:
        edges: all edges of a frame.
        split: increasing indices of the edges whose source has several edges.
        parts: number of edges of each source (H * W).
        splitting, filling: fresh noise (C, H * W), indexed by source for edges that follow the
            flow and by target for the others.
    """
    source, target = edges.source[split], edges.target[split]
    pushed = int((split < edges.pushed).sum())
    own, fetched = splitting.index_select(1, source[:pushed]), filling[:, target[pushed:]]
    drawn = torch.cat([own, fetched], dim=1)
    mean = torch.zeros_like(filling).index_add_(1, source, drawn).div_(parts.clamp(min=1))
    return drawn - mean.index_select(1, source)


def _edges(flow: Tensor, offset: Tensor) -> _Edges:
    height, width, _ = flow.shape
    step = rearrange(flow, "H W two -> two (H W)")
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    pixel = torch.stack([x.flatten(), y.flatten()])  # (2, H W)
    size = torch.tensor([width, height])[:, None]
    moved = pixel + offset + step
    goal = _nearest(moved)
    stays = ((goal >= 0) & (goal < size)).all(0)
    target = goal[1] * width + goal[0]
    open_ = torch.ones(height * width, dtype=torch.bool)
    open_[target[stays]] = False
    origin = _nearest(pixel - step)
    fetched = origin.clamp(min=0).minimum(size - 1)
    source = fetched[1] * width + fetched[0]
    right, down = step[:, source] - step
    alike = (right.square() + down.square()).sqrt() <= _SAME_MOTION
    open_ &= (origin == fetched).all(0) & alike
    numbers = torch.arange(height * width)
    return _Edges(
        torch.cat([numbers[stays], source[open_]]),
        torch.cat([target[stays], numbers[open_]]),
        torch.cat([(moved - goal)[:, stays], torch.zeros(2, int(open_.sum()))], dim=1),
        int(stays.sum()),
    )


def _nearest(places: Tensor) -> Tensor:
    """Round to the nearest pixels, halves up, so that a half-pixel shift moves all pixels alike."""
    return (places + 0.5).floor().long()


def shrunk(now: Carried, height: int, width: int, side: int) -> Tensor:
    """Reduce noise to a latent frame (C, h, w) of squares ``side`` pixels wide."""
    blocks = {"h": height // side, "w": width // side, "p": side, "q": side}
    total = reduce(now.noise * now.weight, "C (h p w q) -> C h w", "sum", **blocks)
    return total / reduce(now.weight.square(), "(h p w q) -> h w", "sum", **blocks).sqrt()


@dataclass(frozen=True, eq=False)
class WarpedNoise:
    """A NOISE object of one seed that follows a flow, by absolute frames.

    Args:
        seed: seed of all noise.
        flow: (F - 1, H, W, 2), motion from each video frame to the next in pixels, right and down.
            Frames before and after it have plain noise.
        time: video frames per latent frame. A latent frame takes the noise of its last video frame,
            or of its first in a loop.

    Raises:
        ValueError: the flow has another shape.
    """

    seed: int
    flow: Tensor
    time: int
    _made: dict[tuple[int, ...], Tensor] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if self.flow.ndim == 4 and not len(self.flow):
            raise ValueError(
                "the flow of a single frame is empty: estimate it from a video of at least two "
                "frames"
            )
        if self.flow.ndim != 4 or self.flow.shape[3] != 2 or not self.flow.numel():
            raise ValueError(
                f"a flow of shape {tuple(self.flow.shape)}: expected (frames - 1, rows, columns, "
                "2) of at least two frames"
            )

    def generate_noise(self, latent: Mapping[str, Any]) -> Tensor:
        """Generate noise shaped like ``latent["samples"]``, see ``FrameNoise``.

        Raises:
            ValueError: the latent is not a video latent, or its size is not the flow's.
        """
        check_one_stream(latent["samples"], DRAWN_TOGETHER)
        return self.draw(latent, 0)

    def draw(self, latent: Mapping[str, Any], draw: int) -> Tensor:
        """Draw the initial noise of a run (draw 0) or the noise after its k-th step (draw k)."""
        shape = latent["samples"].shape
        if len(shape) == 4:
            return frames_of(self.draw(as_clip(latent), draw))
        clips = latent.get("batch_index") or range(shape[0])
        first = int(latent.get("first_frame", 0))
        covers: Coverage | None = latent.get(COVERAGE_KEY)
        late = 0 if covers is None else covers.start % self.time
        return torch.stack([self._clip(shape[1:], clip, first, draw, late) for clip in clips])

    def _clip(self, shape: torch.Size, clip: int, first: int, draw: int, late: int) -> Tensor:
        """Noise (C, F, h, w): warped in the frames that the flow covers, plain in the others."""
        channels, frames, *sides = shape
        key = (channels, *sides, clip, draw, late)
        if key not in self._made:
            self._made[key] = self._carried_along(channels, sides, clip, draw, late)
        made = self._made[key]
        noise = frame_noise(shape, seed=self.seed, first_frame=first, clip=clip, draw=draw)
        known = range(max(first, 0), min(first + frames, made.shape[1]))
        if known:
            noise[:, known.start - first : known.stop - first] = made[:, known.start : known.stop]
        return noise

    def _carried_along(
        self, channels: int, sides: list[int], clip: int, draw: int, late: int
    ) -> Tensor:
        """Warped noise (C, f, h, w) of all latent frames whose video frame the flow reaches.

        ``late`` is by how many video frames they are later than those of a video from its start,
        as in an extension, which may begin anywhere.
        """
        height, width = self.flow.shape[1:3]
        side = height // sides[0]
        if [height, width] != [side * each for each in sides]:
            raise ValueError(
                f"a flow of {width}x{height} pixels does not fit a latent of "
                f"{sides[1]}x{sides[0]} positions: estimate it from images of the clip's own size"
            )

        def drawn(count: int, frame: int) -> Tensor:
            whole = (count, 1, height, width)
            kind = {"seed": self.seed, "first_frame": frame, "clip": clip, "draw": draw}
            return frame_noise(whole, **kind)[:, 0]

        now = started(drawn(channels, 0))
        frames = [] if late else [shrunk(now, height, width, side)]
        for number, flow in enumerate(self.flow.float().cpu(), 1):
            now = carried(now, flow, drawn(2 * channels, number))
            if number % self.time == late:
                frames.append(shrunk(now, height, width, side))
        return torch.stack(frames, dim=1) if frames else now.noise.new_zeros(channels, 0, *sides)
