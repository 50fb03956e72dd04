"""Colours stay what and where they are, however often a clip is written and read again."""

import av
import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from spacetime_video.media import write_video
from spacetime_video.media.colour import from_yuv420

from .videos import read_all

ROUNDS = 8


def after_rounds(folder, video, **options):
    for number in range(ROUNDS):
        path = folder / f"{number}.mp4"
        write_video(path, [video], fps=8, **options)
        video = read_all(path)
    return video


@pytest.mark.parametrize(
    "colour", [(200, 150, 120), (30, 60, 200), (250, 20, 20), (17, 90, 33), (128, 128, 128)]
)
def test_a_flat_colour_stays_through_eight_rounds(tmp_path, colour):
    frame = torch.tensor(colour, dtype=torch.float32).div(255).expand(32, 32, 3)
    result = after_rounds(tmp_path, frame.repeat(3, 1, 1, 1))
    assert (result - frame).abs().max() * 255 <= 1.01


def test_a_coloured_texture_stays_through_eight_rounds(tmp_path):
    coarse = torch.rand(1, 3, 9, 9, generator=torch.Generator().manual_seed(0))
    texture = F.interpolate(coarse, (64, 64), mode="bicubic").clamp(0, 1)[0].movedim(0, -1)
    texture = (texture * 255).floor() / 255
    difference = (after_rounds(tmp_path, texture.repeat(3, 1, 1, 1)) - texture) * 255
    assert difference.square().mean().sqrt() < 4
    assert difference.mean((0, 1, 2)).abs().max() < 0.5


def test_a_coloured_patch_stays_where_it_is(tmp_path):
    frame = torch.full((64, 64, 3), 0.3)
    frame[24:40, 24:40, 0] = 0.7
    redness = (after_rounds(tmp_path, frame.repeat(3, 1, 1, 1))[1][..., 0] - 0.3).clamp(min=0)
    columns = (redness.sum(0) * torch.arange(64)).sum() / redness.sum()
    rows = (redness.sum(1) * torch.arange(64)).sum() / redness.sum()
    assert (columns, rows) == (pytest.approx(31.5, abs=0.25), pytest.approx(31.5, abs=0.25))


def written(path, pix_fmt, planes, *, colorspace, color_range):
    """A lossless file of one flat picture."""
    with av.open(str(path), "w") as output:
        stream = output.add_stream("ffv1", rate=8)
        stream.width, stream.height, stream.pix_fmt = 35, 21, pix_fmt
        codec = stream.codec_context
        codec.colorspace, codec.color_range = colorspace, color_range
        frame = av.VideoFrame(35, 21, pix_fmt)
        for plane, value in zip(frame.planes, planes, strict=True):
            plane.update(np.full(plane.buffer_size, value, np.uint8).tobytes())
        frame.pts = 0
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))


def test_ten_bits_keep_finer_levels_than_eight(tmp_path):
    ramp = torch.linspace(0.4, 0.41, 64)[None, :, None].expand(32, 64, 3)
    error = {}
    for bits in (8, 10):
        write_video(tmp_path / "a.mp4", [ramp] * 2, fps=8, crf=1, bit_depth=bits)
        error[bits] = (read_all(tmp_path / "a.mp4") - ramp).abs().max()
    assert error[10] < 3 / 1023 < 1 / 255 < error[8]


@pytest.mark.parametrize(
    ("pix_fmt", "colorspace", "color_range", "colour"),
    [
        ("yuv420p", 1, 1, (250, 84, 121)),  # BT.709
        ("yuv420p", 5, 1, (236, 62, 121)),  # BT.601
        ("yuv420p", 2, 1, (236, 62, 121)),  # nothing said
        ("yuv420p", 5, 2, (221, 69, 120)),
        ("yuv444p", 5, 1, (236, 62, 121)),
    ],
)
def test_the_files_matrix_and_range_are_followed(
    tmp_path, pix_fmt, colorspace, color_range, colour
):
    path = tmp_path / "a.mkv"
    written(path, pix_fmt, (120, 128, 200), colorspace=colorspace, color_range=color_range)
    picture = read_all(path)[0]
    assert picture.shape == (21, 35, 3)
    assert (picture * 255 - torch.tensor(colour)).abs().max() <= 1.01


@pytest.mark.parametrize("size", [(150, 70), (129, 33)])
def test_bands_have_no_seams(monkeypatch, size):
    random = np.random.default_rng(0)
    halves = tuple(-(-side // 2) for side in size)
    planes = tuple(random.integers(16, 236, each, np.uint8) for each in (size, halves, halves))
    whole = from_yuv420(planes, matrix=1, full_range=False)
    monkeypatch.setattr("spacetime_video.media.colour.ROWS", 1000)
    assert np.array_equal(whole, from_yuv420(planes, matrix=1, full_range=False))
    assert whole.shape == (*size, 3)
