"""The losses learn what they should on the smallest networks."""

import torch

from spacetime_video.model_loaders.tokenizer import Tokenizer, train_tokenizer
from spacetime_video.models.dit import DiTConfig
from spacetime_video.models.latent_format import LatentFormat
from spacetime_video.models.linear_code import fit_linear_code
from spacetime_video.models.shapes import VideoShape
from spacetime_video.models.text_encoder import T5Config
from spacetime_video.models.vae import VAEConfig, VideoVAE
from spacetime_video.training.checkpoint import TrainState
from spacetime_video.training.clips import read_shards, render_shard, shard_path, write_shards
from spacetime_video.training.denoiser import (
    LatentSet,
    Mixture,
    PromptedDiT,
    encode_shards,
    flow_loss,
    latent_statistics,
    train_denoiser,
)
from spacetime_video.training.vae import psnr, train_decoder

SHAPE = VideoShape(5, 16, 16)
VAE = VAEConfig(
    z_channels=4,
    base_dim=8,
    decoder_base_dim=8,
    dim_mult=(1, 2, 2),
    res_blocks=1,
    temporal_down=(True, True),
    residual_shortcuts=True,
    pixel_patch=2,
    linear_code=True,
)
DIT = DiTConfig(
    dim=24,
    heads=2,
    ffn_dim=32,
    layers=2,
    in_channels=4,
    out_channels=4,
    text_dim=8,
    text_length=6,
    freq_dim=16,
    conditions=("fps", "height", "width", "duration"),
)
TEXT = T5Config(vocab_size=16, d_model=8, d_kv=4, d_ff=16, layers=1, heads=2)
LATENT = LatentFormat(channels=4)


def latents(count: int = 32) -> LatentSet:
    """Two kinds of latents, told apart by their prompts alone."""
    generator = torch.Generator().manual_seed(0)
    kind = torch.arange(count) % 2
    values = torch.randn(count, 4, 1, 2, 2, generator=generator) * 0.1
    values += (kind * 2 - 1)[:, None, None, None, None]
    ids = torch.stack([kind + 3, torch.ones_like(kind)], dim=1)
    return LatentSet(values, ids, torch.ones_like(ids, dtype=torch.bool), torch.full((count,), 8.0))


def test_denoiser_learns_its_prompts() -> None:
    model = PromptedDiT(DIT, TEXT, torch.Generator().manual_seed(1))
    state = TrainState(model, rate=1e-2, steps=60, seed=1)
    losses = list(train_denoiser(state, [Mixture(latents(), 1.0, 32)], LATENT))
    assert len(losses) == 60
    assert sum(losses[-10:]) < 0.5 * sum(losses[:10])


def test_flow_loss_of_the_perfect_velocity_is_zero() -> None:
    """With one clean latent known, the velocity (x - x0) / sigma has no error."""
    data = latents(2)

    class Oracle(PromptedDiT):
        def __init__(self) -> None:
            super().__init__(DIT, TEXT, torch.Generator().manual_seed(1))
            self.dit.forward = self.velocity  # type: ignore[method-assign]

        def velocity(self, x, sigma, text, *, conditions):
            return (x - data.latents[:1]) / sigma[:, None, None, None, None]

    rows = torch.zeros(4, dtype=torch.long)
    loss = flow_loss(Oracle(), data, rows, LATENT, torch.Generator().manual_seed(2))
    assert float(loss.detach()) < 1e-9


def test_decoder_starts_at_the_linear_code_and_gets_better() -> None:
    shard = render_shard(1, 0, SHAPE)
    clips = shard.pixels(torch.arange(32))
    torch.manual_seed(0)
    vae = VideoVAE(VAE)
    vae.init_linear_code(fit_linear_code([clips], channels=4, time=4, space=8))
    before = psnr(vae, clips[:8])
    code = vae.encode(clips[:2])
    state = TrainState(vae, rate=3e-3, steps=40, seed=1)
    assert len(list(train_decoder(state, [shard], batch=4, crop=(5, 16, 16)))) == 40
    assert psnr(vae, clips[:8]) > before
    assert torch.equal(vae.encode(clips[:2]), code)


def test_shards_are_kept_and_encoded(tmp_path) -> None:
    seen: list[int] = []
    write_shards(tmp_path, 1, 2, SHAPE, seen.append)
    assert seen == [1, 2]
    stamp = shard_path(tmp_path, 0, SHAPE).stat().st_mtime_ns
    write_shards(tmp_path, 1, 2, SHAPE, seen.append)
    assert shard_path(tmp_path, 0, SHAPE).stat().st_mtime_ns == stamp
    shards = read_shards(tmp_path, SHAPE)
    assert [shard.fps for shard in shards] == [8.0, 12.0]
    tokenizer = Tokenizer(train_tokenizer(shards[0].captions, vocab_size=40), max_length=12)
    vae = VideoVAE(VAE).eval()
    data = encode_shards(shards, vae, tokenizer, frames=1, tick=seen.append)
    assert data.latents.shape == (128, 4, 1, 2, 2)
    form = latent_statistics(data.latents)
    normal = form.normalise(data.latents)
    torch.testing.assert_close(normal.mean(dim=(0, 2, 3, 4)), torch.zeros(4), atol=1e-4, rtol=0)
    torch.testing.assert_close(normal.std(dim=(0, 2, 3, 4)), torch.ones(4), atol=1e-3, rtol=0)
