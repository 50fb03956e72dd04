"""Optical flow: how far each pixel of an image moves until the next one."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from ..stream import FrameStream
from .clips import Tick, pictures_of
from .filters import blurred, gradient
from .pictures import check_shape
from .sampling import at_places, places

_SMALLEST = 10
"""Smallest shorter side of the coarsest images, in pixels."""

_HALVED = 0.8
"""Sigma, in pixels, of the blur before an image is halved."""

_FINE = 0.6
"""Sigma, in pixels, at which gradients and edges of an image are computed."""

_SLOPES = 2.0
"""Weight of gradients relative to colours: gradients stay constant where the light changes."""

_WARPS, _STEPS = 4, 25
"""Number of warps at each scale, and of solver steps after each."""

_DATA = 40.0
"""Weight of the data term against the flow's variation."""

_ROBUST = 0.005
"""Differences above this count linearly, not by their square."""

_EDGE = 12.0
"""How much more easily the flow may break at an image edge."""

_STRIDE = 8**-0.5
"""Step size of both parts of the method; the product of the two may be at most 1/8."""


@dataclass(frozen=True, eq=False)
class Flow:
    """Motion of a clip from each frame to the next.

    Attributes:
        vectors: `(F - 1, H, W, 2)`, to the right and downwards, in pixels per frame, for the
            content of each pixel of the earlier frame; a `FrameStream` is computed as it is read.
        frames: of the clip, F.
    """

    vectors: Tensor | FrameStream
    frames: int


def optical_flow(frames: Tensor | FrameStream, tick: Tick) -> Flow:
    """Estimate the flow of a clip, from each pair of frames alone.

    Coarse to fine: at each scale the second frame is warped by the current estimate, and the sum of
    robust differences and of the flow's total variation is reduced by a primal-dual method
    (A. Chambolle and T. Pock, 2011; for grey images C. Zach, T. Pock and H. Bischof, 2007), then
    a median filter removes outliers (D. Sun, S. Roth and M. Black, 2010).

    Args:
        frames: `(F, H, W, C)` in [0, 1], with 1, 3 or 4 channels.
        tick: receives the number of finished pairs; may raise to stop.

    Returns:
        For a stream, a flow that is computed as it is read; for a tensor, one in memory. Both are
        bit-identical. A clip of one frame has no vectors.

    Raises:
        ValueError: the shape is another one, or a value is not finite; for a stream, the latter is
            raised when the frame is read.
    """
    check_shape(frames.shape)
    count, height, width, _ = frames.shape
    stream = FrameStream((count - 1, height, width, 2), lambda: _vectors(frames, tick))
    if count == 1:
        return Flow(torch.zeros(stream.shape), 1)
    return Flow(stream if isinstance(frames, FrameStream) else stream.whole(), count)


def _vectors(frames: Tensor | FrameStream, tick: Tick) -> Iterator[Tensor]:
    before: list[Tensor] = []
    for number, planes in enumerate(pictures_of(frames)):
        now = _pyramid(planes.expand(3, -1, -1))
        if before:
            yield _flow_between(before, now).movedim(0, -1)[None].contiguous()
            tick(number)
        before = now


def _pyramid(planes: Tensor) -> list[Tensor]:
    """Features of an image (3, H, W) at decreasing sizes: its colours and their gradients."""
    levels = []
    while True:
        found = gradient(planes.mean(dim=0, keepdim=True), _FINE)
        levels.append(torch.cat((planes, _SLOPES * found.x, _SLOPES * found.y)))
        height, width = planes.shape[1:]
        if min(height, width) < 2 * _SMALLEST:
            return levels
        size = ((height + 1) // 2, (width + 1) // 2)
        smooth = blurred(planes, _HALVED)[None]
        planes = F.interpolate(smooth, size, mode="bilinear", align_corners=False)[0]


def _flow_between(first: list[Tensor], second: list[Tensor]) -> Tensor:
    """Flow (2, H, W) from one image to the next, both given as pyramids."""
    flow = torch.zeros(2, *first[-1].shape[1:])
    for here, there in zip(reversed(first), reversed(second), strict=True):
        flow = _enlarged(flow, *here.shape[1:])
        flow = _refined(flow, here, there)
    return flow


def _enlarged(flow: Tensor, height: int, width: int) -> Tensor:
    if flow.shape[1:] == (height, width):
        return flow
    growth = torch.tensor([width / flow.shape[2], height / flow.shape[1]])[:, None, None]
    larger = F.interpolate(flow[None], (height, width), mode="bilinear", align_corners=False)[0]
    return larger * growth


def _refined(flow: Tensor, here: Tensor, there: Tensor) -> Tensor:
    """Refine a flow (2, H, W) between images (C, H, W) of one size."""
    grid = places(*here.shape[1:])
    tightness = torch.exp(-_EDGE * gradient(here[:-2], _FINE).strength.amax(dim=0))
    dual = torch.zeros(2, *flow.shape)
    for _ in range(_WARPS):
        data = _differences(flow, here, there, grid)
        flow, dual = _relaxed(flow, dual, data, tightness)
        flow = _median(flow)
    return flow


def _differences(flow: Tensor, here: Tensor, there: Tensor, grid: Tensor) -> tuple[Tensor, Tensor]:
    """Approximate the robust differences by a quadratic in the flow around the current one.

    Returns:
        Its matrix (3, H, W: xx, xy, yy) and its right-hand side (2, H, W).
    """
    where = grid + flow
    warped = at_places(there, where)
    change = warped - here
    right, down = _central((here + warped) / 2)
    height, width = here.shape[1:]
    inside = (where[0] > -0.5) & (where[0] < width - 0.5) & (where[1] > -0.5)
    inside &= where[1] < height - 0.5
    weight = inside * _DATA / (change * change + _ROBUST**2).sqrt()
    still = right * flow[0] + down * flow[1] - change
    rows = (right * right, right * down, down * down, right * still, down * still)
    xx, xy, yy, x, y = ((weight * row).sum(dim=0) for row in rows)
    return torch.stack((xx, xy, yy)), torch.stack((x, y))


def _central(planes: Tensor) -> tuple[Tensor, Tensor]:
    """Central differences of planes (C, H, W), to the right and down."""
    around = F.pad(planes[None], (1, 1, 1, 1), mode="replicate")[0]
    right = (around[:, 1:-1, 2:] - around[:, 1:-1, :-2]) / 2
    return right, (around[:, 2:, 1:-1] - around[:, :-2, 1:-1]) / 2


def _relaxed(
    flow: Tensor, dual: Tensor, data: tuple[Tensor, Tensor], tightness: Tensor
) -> tuple[Tensor, Tensor]:
    """Run some steps of the primal-dual method from a flow (2, H, W) and its dual (2, 2, H, W)."""
    (xx, xy, yy), aim = _STRIDE * data[0], _STRIDE * data[1]
    size = (1 + xx) * (1 + yy) - xy * xy
    own, mixed = torch.stack((1 + yy, 1 + xx)) / size, -xy / size
    leading = flow
    for _ in range(_STEPS):
        dual = dual + _STRIDE * _slopes(leading)
        length = (dual * dual).sum(dim=(0, 1)).sqrt()
        dual = dual / (length / tightness).clamp(min=1)
        wanted = flow + _STRIDE * _divergence(dual) + aim
        moved = own * wanted + mixed * wanted.flip(0)
        leading, flow = 2 * moved - flow, moved
    return flow, dual


def _slopes(flow: Tensor) -> Tensor:
    """Differences (2, N, H, W) to the next column and the next row, 0 at the border."""
    right = F.pad(flow[:, :, 1:] - flow[:, :, :-1], (0, 1))
    return torch.stack((right, F.pad(flow[:, 1:] - flow[:, :-1], (0, 0, 0, 1))))


def _divergence(dual: Tensor) -> Tensor:
    """The negative transpose of `_slopes`."""
    right, down = dual
    right, down = right[..., :-1], down[..., :-1, :]
    across = F.pad(right, (0, 1)) - F.pad(right, (1, 0))
    return across + F.pad(down, (0, 0, 0, 1)) - F.pad(down, (0, 0, 1, 0))


def _median(flow: Tensor) -> Tensor:
    """Median over 3 x 3 neighbourhoods."""
    around = F.pad(flow[None], (1, 1, 1, 1), mode="replicate")
    patches = F.unfold(around.movedim(0, 1), 3)  # (2, 9, H W)
    return patches.median(dim=1).values.view(flow.shape)
