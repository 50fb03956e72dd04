"""Soft edges, line art, brightness and low detail: what known pictures become."""

import math

import pytest
import torch

from spacetime_video.media.hints import (
    CannyOptions,
    LineOptions,
    canny_edges,
    line_art,
    low_detail,
    luminance,
    soft_edges,
)
from spacetime_video.media.hints.pictures import in_colour


def step(contrast, *, size=(40, 60), base=0.0):
    planes = torch.full((1, *size), base)
    planes[:, :, size[1] // 2 :] += contrast
    return planes


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("softness", [0.5, 1.0, 3.0])
def test_a_soft_edge_is_as_bright_as_it_is_clear(softness):
    for contrast in (1.0, 0.3):
        made = soft_edges(step(contrast), softness=softness, strength=1)[0]
        assert made.max() == pytest.approx(contrast, rel=1e-3)
        assert made.argmax() % 60 in (29, 30)
        width = int((made[20] > contrast / 2).sum())
        assert 2 * softness < width < 7 * softness + 2
    assert made[:, 0].max() < 1e-3


def test_texture_is_fainter_than_an_outline_of_the_same_contrast():
    rows, columns = torch.meshgrid(torch.arange(64), torch.arange(64), indexing="ij")
    checks = ((rows // 2 + columns // 2) % 2).float()[None]
    inner = soft_edges(checks, softness=1, strength=1)[0, 20:44, 20:44]
    outline = soft_edges(step(1.0), softness=1, strength=1).max()
    assert inner.mean() < 0.1 * outline


def test_soft_edges_are_steadier_than_thresholds():
    """Noise of one percent around a faint edge."""
    clean = step(0.2, base=0.4)
    frames = [(clean + 0.01 * noise(*clean.shape, seed=seed)).clamp(0, 1) for seed in range(6)]
    soft = torch.stack([soft_edges(frame, softness=1, strength=1)[0] for frame in frames])
    hard = torch.stack([canny_edges(frame, CannyOptions())[0] for frame in frames])
    edge = slice(25, 35)
    assert soft[..., edge].std(dim=0).mean() < 0.1 * hard[..., edge].std(dim=0).mean()
    assert soft.diff(dim=0).abs().max() < 0.05


@pytest.mark.parametrize("width", [0.5, 1.5, 4.0])
def test_lines_are_on_the_dark_side_and_half_bright_at_the_threshold(width):
    made = line_art(step(0.12, base=0.3), LineOptions(width=width, threshold=0.12))[0]
    assert made[20].max() == pytest.approx(0.5, abs=0.02)
    assert made[20].argmax() < 30
    assert made[:, 30:].max() < 0.02
    clear = line_art(step(1.0), LineOptions(width=width, threshold=0.12))[0]
    assert clear[20].max() > 0.95
    assert 1 <= (clear[20] > 0.5).sum() <= 3 * width + 2


def test_lines_run_along_edges():
    """A slanted edge under noise: strokes are evener than the same edge without their direction."""
    rows, columns = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    away = math.cos(0.5) * (columns - 32) + math.sin(0.5) * (rows - 32)
    planes = (0.5 + 0.3 * torch.tanh(away))[None] + 0.1 * noise(1, 64, 64)
    made = line_art(planes.clamp(0, 1), LineOptions(width=2, threshold=0.2))[0]
    near = (away > -1.6) & (away < -0.4)
    far = away.abs() > 8
    assert made[near].mean() > 0.6
    assert made[near].quantile(0.05) > 0.2
    assert made[far].mean() < 0.1


def test_turned_pictures_have_turned_lines():
    planes = torch.rand(3, 24, 31, generator=torch.Generator().manual_seed(3))
    for make in (
        lambda each: line_art(each, LineOptions()),
        lambda each: soft_edges(each, softness=1, strength=1),
    ):
        turned = make(planes.rot90(1, (1, 2)))
        torch.testing.assert_close(turned, make(planes).rot90(1, (1, 2)), atol=2e-3, rtol=0)


def test_brightness_is_that_of_bt709():
    planes = torch.eye(3)[:, None]  # (3, 1, 3): red, green and blue
    torch.testing.assert_close(luminance(planes)[0, 0], torch.tensor([0.2126, 0.7152, 0.0722]))
    grey = torch.linspace(0, 1, 11).expand(3, 1, 11)
    torch.testing.assert_close(luminance(grey), grey[:1], atol=1e-6, rtol=0)


def test_control_images_may_be_grey_or_have_transparency():
    images = torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    assert torch.equal(in_colour(images), images[..., :3])
    assert torch.equal(in_colour(images[..., :1]), images[..., :1].expand(-1, -1, -1, 3))
    with pytest.raises(ValueError, match="control images with 2 channels"):
        in_colour(images[..., :2])
    images[1, 2, 0, 1] = float("nan")
    with pytest.raises(ValueError, match="control image 1 contains values that are not finite"):
        in_colour(images)


@pytest.mark.parametrize("how", ["tile", "blur"])
def test_detail_goes_and_the_rest_stays(how):
    rows, columns = torch.meshgrid(torch.arange(64.0), torch.arange(96.0), indexing="ij")
    fine = ((rows + columns) % 2)[None]
    coarse = (0.5 + 0.4 * torch.sin(2 * math.pi * columns / 96) * torch.cos(rows / 20))[None]
    made = low_detail((coarse + 0.2 * (fine - 0.5)).clamp(0, 1), how=how, factor=8)
    assert made.shape == coarse.shape
    assert (made - coarse)[:, 8:-8, 8:-8].abs().max() < 0.04
    flat = torch.full((3, 50, 37), 0.25)
    torch.testing.assert_close(low_detail(flat, how=how, factor=8), flat)


def test_a_factor_of_one_changes_nothing():
    planes = torch.rand(3, 9, 14, generator=torch.Generator().manual_seed(0))
    assert torch.equal(low_detail(planes, how="tile", factor=1), planes)


def test_hints_of_tiny_pictures_are_finite():
    for shape in ((1, 1, 1), (3, 1, 40), (3, 5, 2)):
        planes = torch.rand(shape, generator=torch.Generator().manual_seed(0))
        for made in (
            soft_edges(planes, softness=16, strength=20),
            line_art(planes, LineOptions(width=32)),
            low_detail(planes, how="tile", factor=256),
            low_detail(planes, how="blur", factor=256),
        ):
            assert made.shape[1:] == planes.shape[1:]
            assert made.isfinite().all()
            assert 0 <= made.min() <= made.max() <= 1


@pytest.mark.parametrize("options", [{"width": 0.0}, {"threshold": 0.0}, {"threshold": 1.5}])
def test_wrong_lines_are_refused(options):
    with pytest.raises(ValueError, match=r"use a (width|number) above 0"):
        LineOptions(**options)
