"""Noise that moves with what a clip shows (Burgert et al., "Go-with-the-Flow", 2501.08331, 2025).

Each pixel's noise is carried along the flow. Where the picture grows, the noise of a pixel is split
over the area that it gets; where it shrinks, the noise of several is added up. Either way each
frame by itself is plain noise: standard normal, no two places alike.

C channels, F frames, H rows and W columns of the video, h and w of the latent, E edges.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from einops import rearrange, reduce
from torch import Tensor

from ..checks import check_one_stream
from .frames import DRAWN_TOGETHER, as_clip, frame_noise, frames_of

_SAME_MOTION = 1.0
"""Pixels by which a place and the one that its noise is fetched from may move apart: further, and
something else has uncovered the place."""


class Carried(NamedTuple):
    """Noise on its way through the frames, in pixels of the video.

    Attributes:
        noise: (C, H * W), standard normal.
        weight: (H * W), the area that a pixel's noise stands for, 1 on average.
        offset: (2, H * W), how far right and down of the pixel its noise belongs, so that motions
            of less than a pixel add up.
    """

    noise: Tensor
    weight: Tensor
    offset: Tensor


class _Edges(NamedTuple):
    """Where noise goes: from pixels (E) to pixels (E), with what rounding leaves over (2, E)."""

    source: Tensor
    target: Tensor
    rest: Tensor
    pushed: int
    """How many of them follow the flow from their source; the others fill what it leaves open."""


def started(noise: Tensor) -> Carried:
    """Noise (C, H, W) of the first frame."""
    flat = rearrange(noise, "C H W -> C (H W)")
    return Carried(flat, torch.ones(flat.shape[1]), torch.zeros(2, flat.shape[1]))


def carried(before: Carried, flow: Tensor, fresh: Tensor) -> Carried:
    """Carry noise on to the next frame.

    Args:
        before: in this frame.
        flow: (H, W, 2), how many pixels right and down everything moves until the next frame.
        fresh: (2 C, H, W), standard normal, for parts of what is split and for places that nothing
            comes to.
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
    """By how much the parts of what is split differ from its share, (C, number of these edges).

    Args:
        edges: of a frame.
        split: numbers of those whose source has several, rising.
        parts: how many edges each source has (H * W).
        splitting, filling: fresh noise (C, H * W), of edges that follow the flow by their source,
            of others by their target.
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
    """The nearest pixels; all halves go one way, so that a shift by half a pixel is one."""
    return (places + 0.5).floor().long()


def shrunk(now: Carried, height: int, width: int, side: int) -> Tensor:
    """The noise of a latent frame (C, h, w) whose places are squares of a side in pixels."""
    blocks = {"h": height // side, "w": width // side, "p": side, "q": side}
    total = reduce(now.noise * now.weight, "C (h p w q) -> C h w", "sum", **blocks)
    return total / reduce(now.weight.square(), "(h p w q) -> h w", "sum", **blocks).sqrt()


@dataclass(frozen=True, eq=False)
class WarpedNoise:
    """NOISE of one seed that follows a flow, by absolute frames.

    Args:
        seed: of all noise.
        flow: (F - 1, H, W, 2), how many pixels right and down everything moves from each frame of
            the video to the next. Frames before and after have plain noise.
        time: frames of the video behind a latent frame; the noise is that of the frame with which
            a latent frame of a loop begins, and any other ends.

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
                "the flow of one frame moves nothing: make it of a video of two frames or more"
            )
        if self.flow.ndim != 4 or self.flow.shape[3] != 2 or not self.flow.numel():
            raise ValueError(
                f"a flow of shape {tuple(self.flow.shape)}: (frames - 1, rows, columns, 2) with at "
                "least two frames is needed"
            )

    def generate_noise(self, latent: Mapping[str, Any]) -> Tensor:
        """Noise shaped like ``latent["samples"]``, see ``FrameNoise``.

        Raises:
            ValueError: the latent is not a video latent, or its size is not the flow's.
        """
        check_one_stream(latent["samples"], DRAWN_TOGETHER)
        return self.draw(latent, 0)

    def draw(self, latent: Mapping[str, Any], draw: int) -> Tensor:
        """The noise that a run starts from (draw 0), or that is added after its k-th step."""
        shape = latent["samples"].shape
        if len(shape) == 4:
            return frames_of(self.draw(as_clip(latent), draw))
        clips = latent.get("batch_index") or range(shape[0])
        first = int(latent.get("first_frame", 0))
        return torch.stack([self._clip(shape[1:], clip, first, draw) for clip in clips])

    def _clip(self, shape: torch.Size, clip: int, first: int, draw: int) -> Tensor:
        """(C, F, h, w): the frames that the flow knows, and plain noise around them."""
        channels, frames, *sides = shape
        key = (channels, *sides, clip, draw)
        if key not in self._made:
            self._made[key] = self._carried_along(channels, sides, clip, draw)
        made = self._made[key]
        noise = frame_noise(shape, seed=self.seed, first_frame=first, clip=clip, draw=draw)
        known = range(max(first, 0), min(first + frames, made.shape[1]))
        if known:
            noise[:, known.start - first : known.stop - first] = made[:, known.start : known.stop]
        return noise

    def _carried_along(self, channels: int, sides: list[int], clip: int, draw: int) -> Tensor:
        """(C, f, h, w) of all latent frames that begin within the flow."""
        height, width = self.flow.shape[1:3]
        side = height // sides[0]
        if [height, width] != [side * each for each in sides]:
            raise ValueError(
                f"a flow of {width}x{height} pixels for a latent of {sides[1]}x{sides[0]} places: "
                "make it of pictures in the clip's own size"
            )

        def drawn(count: int, frame: int) -> Tensor:
            whole = (count, 1, height, width)
            kind = {"seed": self.seed, "first_frame": frame, "clip": clip, "draw": draw}
            return frame_noise(whole, **kind)[:, 0]

        now = started(drawn(channels, 0))
        frames = [shrunk(now, height, width, side)]
        for number, flow in enumerate(self.flow.float().cpu(), 1):
            now = carried(now, flow, drawn(2 * channels, number))
            if number % self.time == 0:
                frames.append(shrunk(now, height, width, side))
        return torch.stack(frames, dim=1)
