"""Training of the VAE on the linear code it starts as."""

import pytest
import torch

from spacetime_video.models.vae.linear_code import LinearCode, fit_linear_code
from spacetime_video.models.vae.network import VAEConfig, VideoVAE
from spacetime_video.training import vae as training
from spacetime_video.training.checkpoint import Length, TrainState
from spacetime_video.training.clips import ClipShard
from spacetime_video.training.vae import (
    Pixels,
    busy_crops,
    roundtrip_psnr,
    train_vae,
    training_batch,
)
from spacetime_video.training.vae_recipe import comparison, half_whitened

CONFIG = VAEConfig(
    z_channels=4, base_dim=8, decoder_base_dim=8, dim_mult=(1, 2, 2), res_blocks=1,
    temporal_down=(True, True), residual_shortcuts=True, pixel_patch=2, linear_code=True,
)  # fmt: skip


def moving_squares(count: int) -> ClipShard:
    """White squares that move over black, on 64 x 64 pixels."""
    video = torch.zeros(count, 17, 64, 64, 3, dtype=torch.uint8)
    for row in range(count):
        for frame in range(17):
            left = 2 + row + frame
            video[row, frame, 24:40, left : left + 16] = 255
    return ClipShard(video, ("",) * count, 16.0)


@pytest.fixture
def shard() -> ClipShard:
    return moving_squares(8)


@pytest.fixture
def vae(shard: ClipShard) -> VideoVAE:
    torch.manual_seed(0)
    vae = VideoVAE(CONFIG)
    vae.init_linear_code(
        fit_linear_code([shard.pixels(torch.arange(8))], channels=4, time=4, space=8)
    )
    return vae


def test_training_improves_on_the_linear_code(vae, shard, monkeypatch):
    crop = shard.pixels(torch.arange(4))[:, :, :5, 16:48, :32]
    monkeypatch.setattr(training, "training_batch", lambda data, g: crop)
    before = roundtrip_psnr(vae, crop)
    state = TrainState(vae, rate=3e-3, length=Length(steps=60), seed=1)
    losses = list(train_vae(state, Pixels([shard], torch.zeros(1, 3, 96, 96), batch=4)))
    assert len(losses) == 60
    assert losses[-1] < 0.8 * losses[0]
    assert roundtrip_psnr(vae, crop) > before + 1


def test_most_crops_show_what_moves(shard):
    crops = busy_crops([shard], 32, (9, 16, 16), torch.Generator().manual_seed(0))
    anywhere = busy_crops([shard], 32, (9, 16, 16), torch.Generator().manual_seed(0))[::4]
    moves = (crops[:, :, -1] - crops[:, :, 0]).abs().flatten(1).mean(1)
    assert crops.shape == (32, 3, 9, 16, 16)
    assert moves.mean() > 1.3 * (anywhere[:, :, -1] - anywhere[:, :, 0]).abs().mean()


def test_batches_are_clips_and_images_in_range(shard):
    data = Pixels([shard], torch.zeros(1, 3, 96, 96), batch=6)
    batches = [training_batch(data, torch.Generator().manual_seed(seed)) for seed in range(30)]
    assert {batch.shape[2] for batch in batches} == {1, 9, 17}
    assert all(batch.abs().max() <= 1 for batch in batches)


def test_half_whitening_changes_only_the_scale_of_latents(vae, shard):
    clips = shard.pixels(torch.arange(8))
    linear = LinearCode(
        vae.linear_encoder.weight.detach(),
        vae.linear_decoder.weight.detach(),
        vae.linear_decoder.bias.detach(),
    )
    before, std = vae.decode(vae.encode(clips)), vae.encode(clips).std(dim=(0, 2, 3, 4))
    vae.init_linear_code(half_whitened(linear, vae.encode(clips)))
    after = vae.encode(clips).std(dim=(0, 2, 3, 4))
    assert torch.allclose(vae.decode(vae.encode(clips)), before, atol=1e-4)
    assert torch.allclose(after.square().mean(), torch.tensor(1.0), rtol=1e-3)
    assert torch.allclose(after / after[0], (std / std[0]).sqrt(), rtol=1e-3)


def test_the_comparison_shows_clips_above_their_copies(vae, shard):
    picture = comparison(vae, shard.pixels(torch.arange(3)))
    assert picture.shape == (2 * 64 + 2, 3 * 64 + 4, 3)


def test_crops_come_from_clips_that_are_large_enough(shard):
    low = ClipShard(shard.video[:, :, 16:64], shard.captions, shard.fps)
    for seed in range(8):
        g = torch.Generator().manual_seed(seed)
        assert busy_crops([low, shard], 2, (1, 64, 64), g).shape == (2, 3, 1, 64, 64)
