"""Points that move over an image, and the text format in which nodes pass them on.

The format is that of other trajectory nodes: a list of tracks, each a list of
{"x": ..., "y": ...} in pixels, one for every frame.

N tracks, F frames.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

import torch
from torch import Tensor

from ..media import check_pixels
from ..media.fit import Size
from .easing import Easing, progress

EXAMPLE = '[[{"x": 10, "y": 20}, {"x": 14, "y": 20}]]'

_DECIMALS = 2


@dataclass(frozen=True, eq=False)
class Tracks:
    """Points that move.

    Args:
        places: (N, F, 2) float32, x to the right and y down in pixels from the image's upper
            left corner; a pixel's centre is offset by half a pixel.
        visible: (N, F) bool, whether a point is visible; hidden points also have positions.

    Raises:
        ValueError: there is no track or no frame, or the shapes do not match.
    """

    places: Tensor
    visible: Tensor

    def __post_init__(self) -> None:
        fits = self.places.ndim == 3 and self.places.shape[2] == 2 and self.places.numel()
        if not fits or self.visible.shape != self.places.shape[:2]:
            raise ValueError(
                f"places of shape {tuple(self.places.shape)} with visibility of shape "
                f"{tuple(self.visible.shape)}: expected (tracks, frames, 2) and (tracks, frames), "
                "with at least one of each"
            )

    @classmethod
    def seen(cls, places: Tensor) -> "Tracks":
        """Tracks (N, F, 2) that are visible in every frame."""
        return cls(places, torch.ones(places.shape[:2], dtype=torch.bool))

    def __len__(self) -> int:
        return len(self.places)

    @property
    def frames(self) -> int:
        """Number of frames."""
        return self.places.shape[1]

    @property
    def starts(self) -> Tensor:
        """Starting positions (N, 2)."""
        return self.places[:, 0]

    def only(self, chosen: Tensor) -> "Tracks":
        """Select tracks by a mask (N,) bool."""
        return Tracks(self.places[chosen], self.visible[chosen])

    def with_more(self, others: "Tracks") -> "Tracks":
        """Append other tracks of the same length."""
        return Tracks(
            torch.cat([self.places, others.places]), torch.cat([self.visible, others.visible])
        )

    def resampled(self, frames: int, easing: Easing = "linear") -> "Tracks":
        """Resample the tracks to another number of frames.

        A point is visible where both neighbouring frames show it.
        """
        if frames == self.frames and easing == "linear":
            return self
        where = progress(frames, easing) * (self.frames - 1)
        before = where.floor().long()
        after = where.ceil().long()
        places = torch.lerp(
            self.places[:, before], self.places[:, after], (where - before)[None, :, None]
        )
        return Tracks(places, self.visible[:, before] & self.visible[:, after])

    def fitted(self, old: Size, new: Size) -> "Tracks":
        """Map the tracks to an image scaled to fill another size and cropped about its middle."""
        scale = max(new.width / old.width, new.height / old.height)
        middles = [torch.tensor([size.width, size.height]) / 2 for size in (old, new)]
        return Tracks((self.places - middles[0]) * scale + middles[1], self.visible)

    def at(self, frames: Sequence[int], *, loop: bool = False) -> "Tracks":
        """Select frames of the clip by their absolute numbers.

        Before the beginning and after the end, points stand still; in a loop they wrap around.
        """
        numbers = torch.tensor(frames)
        last = self.frames - 1
        numbers = numbers.remainder(self.frames) if loop else numbers.clamp(0, last)
        return Tracks(self.places[:, numbers], self.visible[:, numbers])


def read_tracks(text: str, size: Size) -> Tracks:
    """Read tracks over an image of this size.

    Points are in pixels. If all coordinates are between 0 and 1, they are shares of the image's
    width and height. "visible": false hides a point. A single track may omit the outer list.

    Raises:
        ValueError: the text cannot be read, is empty, its tracks differ in length, or have more
            frames than a workflow may use.
    """
    rows = _rows(text)
    for number, row in enumerate(rows):
        if not isinstance(row, list) or not row:
            raise ValueError(f"track {number} is not a list of points: write {EXAMPLE}")
        if len(row) != len(rows[0]):
            raise ValueError(
                f"track {number} has {len(row)} points and track 0 has {len(rows[0])}: give every "
                "track one point for each frame"
            )
    check_pixels(len(rows[0]), *size)
    points = [[_point(each, n, f) for f, each in enumerate(row)] for n, row in enumerate(rows)]
    places = torch.tensor([[point[:2] for point in row] for row in points], dtype=torch.float64)
    visible = torch.tensor([[point[2] for point in row] for row in points])
    if float(places.min()) >= 0 and float(places.max()) <= 1:
        places = places * torch.tensor([size.width, size.height])
    return Tracks(places.float(), visible)


def _rows(text: str) -> list[Any]:
    """Parse the lists of points. Single quotes are accepted, since several packs write them."""
    if not text.strip():
        raise ValueError(f"no tracks: connect Draw Motion or Camera Move, or write {EXAMPLE}")
    try:
        rows = json.loads(text.replace("'", '"'))
    except json.JSONDecodeError as problem:
        raise ValueError(
            f"the tracks are not JSON ({problem.msg} in line {problem.lineno}, column "
            f"{problem.colno}): write {EXAMPLE}"
        ) from None
    except RecursionError:
        raise ValueError(f"the tracks are nested too deeply: write {EXAMPLE}") from None
    if not isinstance(rows, list) or not rows:
        raise ValueError(f"the tracks are not a list of tracks: write {EXAMPLE}")
    return [rows] if isinstance(rows[0], Mapping) else rows


def _point(point: Any, track: int, frame: int) -> tuple[float, float, bool]:
    if isinstance(point, Mapping):
        x, y = point.get("x"), point.get("y")
        if _is_number(x) and _is_number(y):
            return x, y, bool(point.get("visible", True))
    if point is None:
        raise ValueError(
            f"point {frame} of track {track} is missing: write its place, and "
            '"visible": false where it cannot be seen, as in {"x": 10, "y": 20, "visible": false}'
        )
    raise ValueError(
        f"point {frame} of track {track} is {json.dumps(point)[:60]}: write "
        '{"x": 10, "y": 20}, in pixels'
    )


def _is_number(value: Any) -> TypeGuard[float]:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value)


def write_tracks(tracks: Tracks) -> str:
    """Write tracks as text, in pixels; hidden points are marked."""
    rows = zip(tracks.places.tolist(), tracks.visible.tolist(), strict=True)
    return json.dumps([[_written(*each) for each in zip(*row, strict=True)] for row in rows])


def _written(place: Sequence[float], visible: bool) -> dict[str, float | bool]:
    x, y = (round(value, _DECIMALS) for value in place)
    return {"x": x, "y": y} if visible else {"x": x, "y": y, "visible": False}
