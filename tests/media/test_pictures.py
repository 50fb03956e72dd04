"""Resizing, grids and film strips."""

import ast
from pathlib import Path

import pytest
import torch

from spacetime_video.media import __file__ as package_file
from spacetime_video.media import contact_sheet, film_strip, film_strips, grid, resize


@pytest.mark.parametrize("mode", ["auto", "area", "bicubic", "bilinear", "nearest"])
@pytest.mark.parametrize("size", [(8, 8), (32, 48), (5, 40), (16, 24)])
def test_flat_pictures_stay_flat(mode, size):
    video = torch.tensor([0.2, 0.5, 1.0]).expand(2, 16, 24, 3)
    resized = resize(video, *size, mode)
    assert resized.shape == (2, *size, 3)
    torch.testing.assert_close(resized, torch.tensor([0.2, 0.5, 1.0]).expand(2, *size, 3))


def test_shrinking_averages():
    stripes = torch.tensor([0.0, 1.0]).repeat(8)[None, None, :, None].expand(1, 4, 16, 3)
    assert torch.allclose(resize(stripes, 2, 8), torch.tensor(0.5))


def test_growing_stays_in_range():
    edge = (torch.arange(8) > 3).float()[None, None, :, None].expand(1, 8, 8, 3)
    grown = resize(edge, 32, 32)
    assert grown.min() >= 0
    assert grown.max() <= 1


def test_resize_refuses():
    with pytest.raises(ValueError, match="use"):
        resize(torch.zeros(1, 4, 4, 3), 0, 4)
    with pytest.raises(ValueError, match="use"):
        resize(torch.zeros(4, 4, 3), 2, 2)
    with pytest.raises(ValueError, match="resize mode 'cubic'"):
        resize(torch.zeros(1, 4, 4, 3), 2, 2, "cubic")


def test_grid_places_pictures():
    images = torch.arange(3.0)[:, None, None, None].expand(3, 4, 5, 3) / 4
    sheet = grid(images, 2, gap=1)
    assert sheet.shape == (9, 11, 3)
    assert torch.equal(sheet[:4, 6:], images[1])
    assert torch.equal(sheet[5:, :5], images[2])
    assert sheet[4].min() == sheet[:, 5].min() == 1


def test_film_strip_spans_the_video():
    video = torch.arange(9.0)[:, None, None, None].expand(9, 4, 6, 3) / 8
    strip = film_strip(video, 3, gap=0)
    assert strip.shape == (4, 18, 3)
    assert strip[0, [0, 6, 12], 0].tolist() == [0, 0.5, 1]
    assert film_strip(video[:2], 5, height=8, gap=0).shape == (8, 24, 3)
    with pytest.raises(ValueError, match="use"):
        film_strip(video[:0], 3)


def test_importing_media_imports_no_codecs():
    folder = Path(package_file).parent
    for file in folder.glob("*.py"):
        top = [
            node
            for node in ast.parse(file.read_text()).body
            if isinstance(node, ast.Import | ast.ImportFrom)
        ]
        text = " ".join(ast.unparse(node) for node in top)
        assert "av" not in text.split(), file.name
        assert "PIL" not in text.split(), file.name


def test_strips_of_different_widths_share_a_picture():
    clips = [torch.zeros(3, 4, 8, 3), torch.full((2, 4, 4, 3), 0.5)]
    picture = film_strips(clips, 3, gap=1)
    assert picture.shape == (9, 26, 3)
    assert torch.equal(picture[4], torch.ones(26, 3))
    assert torch.equal(picture[5:, :4], torch.full((4, 4, 3), 0.5))
    assert torch.equal(picture[5:, 9:], torch.ones(4, 17, 3))
    assert torch.equal(film_strips(clips[:1], 3, gap=1), film_strip(clips[0], 3, gap=1))


def shares(sheet: torch.Tensor) -> dict[float, float]:
    """How much of a picture each grey covers."""
    levels, counts = sheet[..., 0].round(decimals=3).unique(return_counts=True)
    whole = sheet[..., 0].numel()
    return {
        round(level, 3): count / whole
        for level, count in zip(levels.tolist(), counts.tolist(), strict=True)
    }


@pytest.mark.parametrize(
    ("frames", "size", "shown", "filled"),
    [
        (1, (4, 4), 1, 0.99),
        (5, (4, 4), 4, 0.95),  # two rows
        (9, (4, 4), 9, 0.95),  # three rows
        (21, (9, 16), 6, 0.75),  # three rows of two
        (21, (16, 9), 8, 0.8),  # two rows of four
        (2, (4, 4), 2, 0.45),
    ],
)
def test_a_contact_sheet_fills_a_square_with_frames(frames, size, shown, filled):
    steps = torch.linspace(0.2, 1, frames).reshape(-1, 1, 1, 1)
    sheet = contact_sheet([steps.expand(-1, *size, 3)], 240, gap=2)
    assert sheet.shape == (240, 240, 3)
    areas = shares(sheet)
    black = areas.pop(0.0, 0.0)
    expected = torch.linspace(0, frames - 1, shown).round().long()
    assert list(areas) == [round(float(steps[place]), 3) for place in expected]
    assert max(areas.values()) == pytest.approx(min(areas.values()))
    assert 1 - black > filled


def test_clips_on_a_contact_sheet_have_a_row_each():
    clips = [torch.full((n, h, 8, 3), v) for n, h, v in ((5, 8, 0.25), (1, 8, 0.5), (5, 4, 1.0))]
    sheet = contact_sheet(clips, 240)
    rows = [sheet[top : top + 80, ..., 0].round(decimals=3).unique() for top in (0, 80, 160)]
    assert [row.tolist() for row in rows] == [[0, 0.25], [0, 0.5], [0, 1.0]]
