"""Line plots with Pillow: named series, axes with round ticks, log scale, smoothing."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

COLOURS = (
    (31, 119, 180), (214, 39, 40), (44, 160, 44), (148, 103, 189), (255, 127, 14), (23, 158, 172)
)  # fmt: skip
"""Colours of the series in order, repeating after the last."""

_INK, _GRID, _PAPER = (60, 60, 60), (226, 226, 226), (255, 255, 255)
_FAINT = 0.75
_OVERSAMPLING = 2
_LETTER = 12
_DOT = 2
_DASH = 4
_MARGINS = (64, 28, 16, 40)  # left, top, right, bottom
_FEWEST_DECADES = 2.0
_HALO = 2.0
"""Width of the paper-coloured outline that separates names from lines behind them."""


class Series(NamedTuple):
    """Points of one line, with x increasing.

    ``smoothing`` is the share of the past in each point of the line, from 0 up to below 1; the
    raw points then stay in the background as a faint line.
    """

    x: Sequence[float]
    y: Sequence[float]
    smoothing: float = 0.0


@dataclass(frozen=True, kw_only=True)
class PlotStyle:
    """Appearance of a plot.

    Args:
        title: above the plot.
        x_label: below the plot.
        y_label: above the y axis.
        floor: value that the y axis must reach down to; None for the lowest point.
        log_x, log_y: whether an axis is logarithmic; points at or below 0 are then omitted.
        dots: whether to mark every point.
        low_legend: put names at the bottom right, for rising lines, instead of the top right.
        rules: positions on the x axis marked by a dashed line from top to bottom.
        width, height: of the image in pixels.
        zoom: enlarges the whole image, including text and lines.
    """

    title: str = ""
    x_label: str = ""
    y_label: str = ""
    floor: float | None = None
    log_x: bool = False
    log_y: bool = False
    dots: bool = False
    low_legend: bool = False
    rules: tuple[float, ...] = ()
    width: int = 720
    height: int = 440
    zoom: int = 1

    def __post_init__(self) -> None:
        if min(self.width, self.height) < 160:
            raise ValueError(f"a plot of {self.width}x{self.height} pixels: use 160 or more a side")


class _Axis(NamedTuple):
    """Maps values from ``low`` to ``high`` to pixels from ``start`` to ``end``."""

    low: float
    high: float
    start: float
    end: float

    def place(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)


def line_plot(series: Mapping[str, Series], style: PlotStyle = PlotStyle()) -> torch.Tensor:
    """Draw series as lines.

    Args:
        series: by name; points that are not finite are omitted, a series may be empty.
        style: title, scales and size.

    Returns:
        `(height, width, 3)` in [0, 1], times the zoom.

    Raises:
        ValueError: x and y of a series differ in length, or its smoothing is out of range.
    """
    points = {name: _points(name, each, style) for name, each in series.items()}
    page = _Page(style, [point for line in points.values() for point in line])
    for number, (name, line) in enumerate(points.items()):
        colour, smoothing = COLOURS[number % len(COLOURS)], series[name].smoothing
        if smoothing:
            page.line(line, tuple(round(c + (255 - c) * _FAINT) for c in colour), 1.0)
        page.line(smooth(line, smoothing), colour, 1.6)
    page.legend(list(series))
    return page.finish()


def heat_map(
    values: torch.Tensor, edges: Sequence[float], most: float, style: PlotStyle = PlotStyle()
) -> torch.Tensor:
    """Draw numbers as shades, from white for 0 to blue for the maximum.

    Args:
        values: (rows, columns), the first row at the bottom, at heights 0 to 1.
        edges: positions on the x axis between which the columns lie, one more than columns.
        most: value with the full colour.
        style: title and size.

    Returns:
        `(height, width, 3)` in [0, 1], times the zoom.

    Raises:
        ValueError: the number of edges is not the number of columns plus one.
    """
    rows, columns = values.shape
    if len(edges) != columns + 1:
        raise ValueError(
            f"{len(edges)} edges for {columns} columns: give {columns + 1}, from the left edge of "
            "the first to the right edge of the last"
        )
    page = _Page(style, [(edges[0], 0.0), (edges[-1], float(rows))], room=0.0)
    for row, line in enumerate((values / most).clamp(0, 1).tolist()):
        for column, share in enumerate(line):
            shade = tuple(round(255 + (part - 255) * share) for part in COLOURS[0])
            page.cell((edges[column], row), (edges[column + 1], row + 1), shade)
    return page.finish()


def smooth(points: Sequence[tuple[float, float]], smoothing: float) -> list[tuple[float, float]]:
    """Exponential moving average of the heights, bias-corrected at the start."""
    total, weight, result = 0.0, 0.0, []
    for x, y in points:
        total = smoothing * total + (1 - smoothing) * y
        weight = smoothing * weight + (1 - smoothing)
        result.append((x, total / weight))
    return result


def round_ticks(low: float, high: float, count: int = 5) -> list[float]:
    """About ``count`` multiples of 1, 2 or 5 times a power of ten from ``low`` to ``high``."""
    raw = (high - low) / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next((power * m for m in (1, 2, 5) if power * m >= raw), power * 10)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Exponents of 1, 2 and 5 times powers of ten, or of the powers alone over many decades."""
    factors = (1, 2, 5) if high - low < _FEWEST_DECADES else (1,)
    exponents = range(math.floor(low), math.ceil(high) + 1)
    ticks = [exponent + math.log10(factor) for exponent in exponents for factor in factors]
    return [tick for tick in ticks if low - 1e-9 <= tick <= high + 1e-9]


def _points(name: str, series: Series, style: PlotStyle) -> list[tuple[float, float]]:
    if len(series.x) != len(series.y):
        raise ValueError(
            f"series {name!r} has {len(series.x)} x for {len(series.y)} y: give one for each"
        )
    if not 0 <= series.smoothing < 1:
        raise ValueError(
            f"smoothing {series.smoothing} of {name!r} is not in [0, 1): use 0 for none"
        )
    pairs = zip(series.x, series.y, strict=True)
    places = [(_on_axis(x, log=style.log_x), _on_axis(y, log=style.log_y)) for x, y in pairs]
    return [(x, y) for x, y in places if math.isfinite(x) and math.isfinite(y)]


def _on_axis(value: float, *, log: bool) -> float:
    """The value or its logarithm; NaN where there is none."""
    if not log:
        return float(value)
    return math.log10(value) if value > 0 else math.nan


class _Page:
    """An image with axes on which lines are drawn."""

    def __init__(
        self, style: PlotStyle, points: Sequence[tuple[float, float]], room: float = 0.05
    ) -> None:
        self.style = style
        heights = [*(y for _, y in points), *(() if style.floor is None else (style.floor,))]
        left, top, right, bottom = _MARGINS
        self.x = _Axis(*_span([x for x, _ in points]), left, style.width - right)
        self.y = _Axis(*_span(heights, room), style.height - bottom, top)
        self.scale = _OVERSAMPLING * style.zoom
        size = (style.width * self.scale, style.height * self.scale)
        from PIL import Image, ImageDraw, ImageFont

        self.image = Image.new("RGB", size, _PAPER)
        self.pen = ImageDraw.Draw(self.image)
        self.font = ImageFont.load_default(size=_LETTER * self.scale)
        self._axes()

    def line(
        self, points: Sequence[tuple[float, float]], colour: tuple[int, ...], width: float
    ) -> None:
        pixels = [self._scaled(self.x.place(x), self.y.place(y)) for x, y in points]
        if len(pixels) > 1:
            thickness = round(width * self.scale)
            self.pen.line(pixels, fill=colour, width=thickness, joint="curve")
        marked = self.style.dots or len(pixels) == 1
        for pixel in pixels if marked else ():
            self.pen.circle(pixel, _DOT * self.scale, fill=colour)

    def cell(
        self, corner: tuple[float, float], other: tuple[float, float], colour: tuple[int, ...]
    ) -> None:
        left, bottom = self._scaled(self.x.place(corner[0]), self.y.place(corner[1]))
        right, top = self._scaled(self.x.place(other[0]), self.y.place(other[1]))
        self.pen.rectangle((left, top, right, bottom), fill=colour)

    def legend(self, names: Sequence[str]) -> None:
        line = _LETTER + 4
        first = self.y.start - 12 - (len(names) - 1) * line
        top = first if self.style.low_legend else self.y.end + 12
        for number, name in enumerate(names):
            place = (self.x.end - 8, top + number * line)
            self._text(place, name, "rm", COLOURS[number % len(COLOURS)], halo=_HALO)

    def finish(self) -> torch.Tensor:
        size = (self.style.width * self.style.zoom, self.style.height * self.style.zoom)
        from PIL.Image import Resampling

        small = self.image.resize(size, Resampling.LANCZOS)
        return torch.from_numpy(np.array(small)).float() / 255

    def _axes(self) -> None:
        x, y = self.x, self.y
        for tick, value in _ticks(x, log=self.style.log_x):
            self._rule((x.place(tick), y.start), (x.place(tick), y.end), _GRID)
            self._text((x.place(tick), y.start + 5), value, "mt")
        for tick, value in _ticks(y, log=self.style.log_y):
            self._rule((x.start, y.place(tick)), (x.end, y.place(tick)), _GRID)
            self._text((x.start - 5, y.place(tick)), value, "rm")
        self._rule((x.start, y.start), (x.end, y.start), _INK)
        self._rule((x.start, y.start), (x.start, y.end), _INK)
        for mark in self.style.rules:
            self._dashes(x.place(_on_axis(mark, log=self.style.log_x)))
        self._text(((x.start + x.end) / 2, 6), self.style.title, "mt")
        self._text(((x.start + x.end) / 2, self.style.height - 16), self.style.x_label, "mt")
        self._text((6, 6), self.style.y_label, "lt")

    def _rule(
        self, start: tuple[float, float], end: tuple[float, float], colour: tuple[int, ...]
    ) -> None:
        self.pen.line([self._scaled(*start), self._scaled(*end)], fill=colour, width=self.scale)

    def _dashes(self, column: float) -> None:
        for top in range(round(self.y.end), round(self.y.start), 2 * _DASH):
            self._rule((column, top), (column, min(top + _DASH, self.y.start)), _INK)

    def _text(
        self,
        place: tuple[float, float],
        text: str,
        anchor: str,
        colour: tuple[int, ...] = _INK,
        halo: float = 0.0,
    ) -> None:
        self.pen.text(
            self._scaled(*place),
            text,
            fill=colour,
            font=self.font,
            anchor=anchor,
            stroke_width=round(halo * self.scale),
            stroke_fill=_PAPER,
        )

    def _scaled(self, x: float, y: float) -> tuple[float, float]:
        return x * self.scale, y * self.scale


def _ticks(axis: _Axis, *, log: bool) -> list[tuple[float, str]]:
    """Positions on an axis with their labels."""
    ticks = log_ticks(axis.low, axis.high) if log else round_ticks(axis.low, axis.high)
    return [(tick, f"{10**tick if log else tick:g}") for tick in ticks]


def _span(values: Sequence[float], room: float = 0.0) -> tuple[float, float]:
    """Range of values with some margin; never empty."""
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    if high - low < 1e-12 * max(1.0, abs(high)):
        return low - 0.5, high + 0.5
    return low - (high - low) * room, high + (high - low) * room
