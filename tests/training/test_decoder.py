"""The decoder's stage on a denoiser's latents: what it is shown, and that it learns from it."""

import pytest
import torch
from torch import Tensor

from spacetime_video.models.latent_format import LatentFormat
from spacetime_video.models.patchify import to_patches
from spacetime_video.models.vae.network import VideoVAE
from spacetime_video.training import decoder
from spacetime_video.training.checkpoint import Length, TrainState
from spacetime_video.training.clips import ClipShard
from spacetime_video.training.decoder import Redrawing, redrawn, redrawn_crops
from spacetime_video.training.denoiser import Batch, PromptedDiT
from spacetime_video.training.vae import Pixels, reconstruction_loss, roundtrip_psnr, train_decoder

from .conftest import DIT, TEXT
from .test_vae import CONFIG, moving_squares


class Words:
    """Stands in for a tokenizer: one token for every word."""

    def batch(self, texts):
        ids = torch.tensor([[3 + len(text) % 5, 4, 1] for text in texts])
        return ids, torch.ones_like(ids, dtype=torch.bool)


@pytest.fixture
def vae() -> VideoVAE:
    torch.manual_seed(3)
    return VideoVAE(CONFIG)


@pytest.fixture
def by() -> Redrawing:
    model = PromptedDiT(DIT, TEXT, torch.Generator().manual_seed(1)).requires_grad_(False)
    latent = LatentFormat(channels=4, mean=(0.1, 0.2, 0.3, 0.4), std=(1.0, 2.0, 0.5, 1.5))
    return Redrawing(model, latent, Words())  # pyright: ignore[reportArgumentType]


@pytest.fixture
def shard() -> ClipShard:
    return moving_squares(6)


def g(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_an_exact_denoiser_redraws_the_same(by, vae, shard, monkeypatch):
    rows = torch.arange(3)
    clean = vae.encode(shard.pixels(rows))
    seen = []

    def exact(model: PromptedDiT, batch: Batch, noisy: Tensor, sigma: Tensor) -> Tensor:
        seen.append(float(sigma[0]))
        velocity = (noisy - by.latent.normalise(clean)) / sigma[0]
        return to_patches(velocity, DIT.patch)

    monkeypatch.setattr(decoder, "predict", exact)
    torch.testing.assert_close(redrawn(by, clean, shard, rows, g()), clean, atol=1e-4, rtol=1e-4)
    assert 0.2 <= seen[0] <= 0.7
    assert seen == sorted(seen, reverse=True)
    assert len(seen) == decoder.STEPS


def test_an_untrained_denoiser_redraws_something_else_the_same_for_a_seed(by, vae, shard):
    rows = torch.arange(2)
    clean = vae.encode(shard.pixels(rows))
    made = redrawn(by, clean, shard, rows, g(1))
    assert made.shape == clean.shape
    assert (made - clean).abs().mean() > 0.05
    assert torch.equal(made, redrawn(by, clean, shard, rows, g(1)))


def test_crops_are_the_pixels_behind_their_latents(by, vae, shard, monkeypatch):
    monkeypatch.setattr(decoder, "redrawn", lambda by, clean, *rest: clean)
    latents, pixels = redrawn_crops(by, vae, shard, 5, g(2))
    assert latents.shape == (5, 4, 3, 4, 4)
    assert pixels.shape == (5, 3, 9, 32, 32)
    whole = shard.pixels(torch.arange(6))
    with torch.no_grad():
        codes = vae.encode(whole)
    for latent, window in zip(latents, pixels, strict=True):
        places = [
            (row, top, left)
            for row in range(6)
            for top in range(5)
            for left in range(5)
            if torch.equal(latent, codes[row, :, :3, top : top + 4, left : left + 4])
        ]
        assert any(
            torch.equal(window, whole[row, :, :9, 8 * top : 8 * top + 32, 8 * left : 8 * left + 32])
            for row, top, left in places
        )


def test_a_decoder_learns_to_leave_out_a_denoisers_errors(by, vae, shard):
    data = Pixels([shard], torch.zeros(1, 3, 96, 96), batch=4)
    latents, pixels = redrawn_crops(by, vae, shard, 16, g(9))

    def error() -> float:
        with torch.no_grad():
            return float(reconstruction_loss(vae.decode(latents), pixels))

    code, before = vae.encode(pixels), error()
    state = TrainState(vae, rate=3e-3, length=Length(steps=40), seed=1)
    list(train_decoder(state, data, by))
    assert error() < 0.8 * before
    assert torch.equal(vae.encode(pixels), code)
    assert roundtrip_psnr(vae, pixels) > 0
