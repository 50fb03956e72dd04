"""Line plots: lines where the numbers are, ticks at round numbers, clear refusals."""

import math

import pytest
import torch

from spacetime_video.media.plot import (
    COLOURS,
    PlotStyle,
    Series,
    heat_map,
    line_plot,
    log_ticks,
    round_ticks,
    smooth,
)


def coloured(picture: torch.Tensor, number: int) -> torch.Tensor:
    """Rows and columns (N, 2) of pixels in a series' colour, the legend left out."""
    near = (picture - torch.tensor(COLOURS[number]) / 255).abs().amax(-1) < 0.15
    near[:70, 400:] = False
    return near.nonzero().float()


def test_a_rising_line_rises_and_a_second_one_has_its_own_colour() -> None:
    x = list(range(20))
    picture = line_plot({"up": Series(x, x), "flat": Series(x, [3] * 20)})
    assert picture.shape == (440, 720, 3)
    up, flat = coloured(picture, 0), coloured(picture, 1)
    left, right = up[up[:, 1] < 200][:, 0].mean(), up[up[:, 1] > 500][:, 0].mean()
    assert left > right + 100
    assert float(flat[:, 0].std()) < 2


def test_log_scale_makes_an_exponential_straight() -> None:
    x = list(range(50))
    picture = line_plot({"decay": Series(x, [math.exp(-n / 5) for n in x])}, PlotStyle(log_y=True))
    rows, columns = coloured(picture, 0).unbind(1)
    rows, columns = rows - rows.mean(), columns - columns.mean()
    assert float((rows * columns).sum() / (rows.norm() * columns.norm())) > 0.999


def test_powers_are_straight_on_two_logarithmic_axes() -> None:
    x = [2.0**n for n in range(12)]
    style = PlotStyle(log_x=True, log_y=True)
    picture = line_plot({"square": Series(x, [n**2 for n in x])}, style)
    rows, columns = coloured(picture, 0).unbind(1)
    rows, columns = rows - rows.mean(), columns - columns.mean()
    assert float((rows * columns).sum() / (rows.norm() * columns.norm())) < -0.999
    assert torch.equal(
        line_plot({"a": Series([1, 2], [1, 2])}, style),
        line_plot({"a": Series([0, 1, 2], [5, 1, 2])}, style),
    )


def test_dots_mark_every_point() -> None:
    line = {"a": Series([1, 2, 3], [1, 1, 1])}
    marked, plain = (coloured(line_plot(line, PlotStyle(dots=dots)), 0) for dots in (True, False))
    height = [int(each[:, 0].max() - each[:, 0].min()) for each in (marked, plain)]
    assert height[0] >= height[1] + 2


def test_names_can_stand_below() -> None:
    line = {"rises": Series([0, 1], [0, 1])}
    high, low = (line_plot(line, PlotStyle(low_legend=low)) for low in (False, True))
    changed = (high - low).abs().amax(-1).nonzero()
    assert changed[:, 0].min() < 60
    assert changed[:, 0].max() > 360
    assert changed[:, 1].min() > 400


def test_points_that_cannot_be_drawn_are_left_out() -> None:
    x = [0.0, 1.0, 2.0, 3.0]
    plain = line_plot({"a": Series([0, 2], [1, 2])}, PlotStyle(log_y=True))
    holed = line_plot({"a": Series(x, [1, math.nan, 2, -1])}, PlotStyle(log_y=True))
    assert torch.equal(plain, holed)
    line_plot({})
    line_plot({"one": Series([1], [1]), "none": Series([], [])})


def test_rules_mark_places_on_the_x_axis() -> None:
    line = {"flat": Series(list(range(11)), [0.0] * 11)}
    plain, ruled = (line_plot(line, PlotStyle(rules=rules)) for rules in ((), (5.0,)))
    columns = (plain - ruled).abs().amax(-1).amax(0).nonzero()[:, 0]
    assert columns.float().mean() == pytest.approx(64 + 5 * (720 - 64 - 16) / 10, abs=1)
    assert int(columns.max() - columns.min()) <= 8


def test_smoothing_keeps_a_constant_and_calms_a_zigzag() -> None:
    assert [y for _, y in smooth([(0, 2.0), (1, 2.0)], 0.9)] == pytest.approx([2.0, 2.0])
    zigzag = [(n, float(n % 2)) for n in range(400)]
    assert smooth(zigzag, 0.99)[-1][1] == pytest.approx(0.5, abs=0.02)
    assert smooth(zigzag, 0.0) == zigzag


def test_ticks_are_round() -> None:
    assert round_ticks(0, 1) == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    assert round_ticks(-3, 17_500) == [0, 5000, 10_000, 15_000]
    assert [10**tick for tick in log_ticks(-1, 0.4)] == pytest.approx([0.1, 0.2, 0.5, 1, 2])
    assert log_ticks(-4, 0) == [-4, -3, -2, -1, 0]


def test_refusals_say_what_to_do() -> None:
    with pytest.raises(ValueError, match="2 x for 1 y"):
        line_plot({"a": Series([1, 2], [1])})
    with pytest.raises(ValueError, match=r"smoothing 1\.0 of 'a'"):
        line_plot({"a": Series([1], [1], 1.0)})
    with pytest.raises(ValueError, match="160 or more"):
        PlotStyle(width=20)


def test_a_zoomed_plot_is_the_same_picture_with_more_pixels() -> None:
    line = {"a": Series([0, 1, 2], [3, 1, 2])}
    small, large = (
        line_plot(line, PlotStyle(title="t", dots=True, width=200, height=160, zoom=zoom))
        for zoom in (1, 3)
    )
    assert large.shape == (480, 600, 3)
    shrunk = large.unflatten(1, (200, 3)).unflatten(0, (160, 3)).mean((1, 3))
    assert float((shrunk - small).abs().mean()) < 0.01
    assert float((small < 0.5).float().mean()) > 0.005


def test_names_stand_apart_from_a_line_behind_them() -> None:
    def middle_of_the_name(name: str) -> tuple[int, int]:
        """Pixels of the name and of the line in the row that runs through both."""
        lines = {"": Series([0, 1], [0.95, 0.95]), " ": Series([0, 1], [0, 1])}
        picture = line_plot({name: Series([], []), **lines}, PlotStyle(width=400, height=200))
        row = (picture[40, 200:, None] - torch.tensor(COLOURS[:2]) / 255).abs().amax(-1) < 0.3
        return int(row[:, 0].sum()), int(row[:, 1].sum())

    ink, left = middle_of_the_name("l    l    l    l")
    _, whole = middle_of_the_name("  ")
    assert ink >= 4
    assert whole - left > ink + 8


def test_a_heat_map_has_its_numbers_as_shades_from_the_bottom_up() -> None:
    style = PlotStyle(width=300, height=200)
    picture = heat_map(torch.tensor([[0.0, 1.0, 2.0], [2.0, 0.5, 0.0]]), [0, 1, 5, 10], 2.0, style)
    assert picture.shape == (200, 300, 3)
    full, white = torch.tensor(COLOURS[0]) / 255, torch.ones(3)

    def at(x: float, y: float) -> torch.Tensor:
        return picture[round(160 - y / 2 * 132), round(64 + x / 10 * 220)]

    for x, y, share in ((3, 0.5, 0.5), (8, 0.5, 1), (0.5, 1.5, 1), (3, 1.5, 0.25), (8, 1.5, 0)):
        torch.testing.assert_close(at(x, y), torch.lerp(white, full, share), atol=5e-3, rtol=0)
    with pytest.raises(ValueError, match="3 edges for 3 columns: give 4"):
        heat_map(torch.zeros(2, 3), [0, 1, 2], 1.0)


def test_the_axis_reaches_down_to_its_floor() -> None:
    flat = {"a": Series([0, 1], [1, 1])}
    low, high = (line_plot(flat, PlotStyle(floor=floor)) for floor in (0.0, None))
    assert coloured(low, 0)[:, 0].mean() < 60 < 180 < coloured(high, 0)[:, 0].mean()
