"""PSNR of codes, on whole clips and inside of objects."""

import sys

import pytest
import torch

from spacetime_video.measure import vae as measure_vae
from spacetime_video.measure.cases import HELD_OUT, Case, cases
from spacetime_video.models.shapes import VideoShape
from spacetime_video.models.vae.linear_code import LinearCode
from spacetime_video.models.vae.network import VAEConfig, VideoVAE

CONFIG = VAEConfig(
    z_channels=24,
    base_dim=8,
    decoder_base_dim=8,
    dim_mult=(1, 1),
    res_blocks=1,
    temporal_down=(True,),
    residual_shortcuts=True,
    pixel_patch=1,
    linear_code=True,
)
"""Blocks of 2 x 2 pixels and 2 frames: 24 numbers, so that the linear code loses nothing."""


@pytest.fixture
def lossless():
    vae = VideoVAE(CONFIG)
    vae.init_linear_code(LinearCode(torch.eye(24), torch.eye(24), torch.zeros(24)))
    return vae


@pytest.fixture
def small(monkeypatch):
    shape = VideoShape(3, 16, 16)
    monkeypatch.setattr(measure_vae, "SQUARE", shape)
    monkeypatch.setattr(measure_vae, "_FIT_CLIPS", 4)
    monkeypatch.setattr(measure_vae, "PHOTO_SIDE", 16)
    return [Case(case.scene, shape, case.seed) for case in cases(HELD_OUT, 2, "single", shape)]


def test_psnr_counts_chosen_pixels_of_each_clip():
    video = torch.zeros(3, 3, 1, 2, 2)
    coded = video.clone()
    coded[0] += 0.2  # a tenth of the range: 20 dB
    coded[1, ..., 0, 0] += 0.2
    where = torch.zeros(3, 1, 2, 2, dtype=torch.bool)
    where[:2, ..., 0, 0] = True
    assert measure_vae.psnr(coded, video)[:2] == pytest.approx([20, 20 + 6.0206], abs=1e-3)
    assert measure_vae.psnr(coded, video, where) == pytest.approx([20, 20], abs=1e-3)


def test_both_codes_are_measured(lossless, small):
    seen = []
    table = measure_vae.measure_vae(lossless, small, lambda batch, clips: seen.append(clips.shape))
    assert seen == [(2, 3, 16, 16, 3)]
    for row in ("held-out clips", "inside of objects"):
        figures = table.rows[row]
        assert figures["VAE"].mean > 60
        assert figures["linear code"].mean > 60


def test_fewer_channels_lose_something(lossless, small):
    code = measure_vae.best_linear_code(
        VideoVAE(VAEConfig(**{**CONFIG.to_dict(), "z_channels": 3}))
    )
    video = 2 * torch.rand(1, 3, 3, 16, 16, generator=torch.Generator().manual_seed(0)) - 1
    assert measure_vae.psnr(code(video), video)[0] < 20
    assert measure_vae.psnr(measure_vae.vae_code(lossless)(video), video)[0] > 60


def test_photographs_are_skipped_with_a_note(lossless, small, monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage", None)
    table = measure_vae.measure_vae(lossless, small, lambda batch, clips: None)
    assert table.notes == (measure_vae.NO_PHOTOS,)
    assert list(table.rows) == ["held-out clips", "inside of objects"]


def test_photographs_are_square_colour_pictures():
    pytest.importorskip("skimage")
    photos = measure_vae.sample_photos()
    assert photos.shape == (len(measure_vae.PHOTOS), 3, 1, 128, 128)
    assert photos.min() >= -1
    assert photos.max() <= 1
    assert photos.std() > 0.3
