"""The smallest networks and data that the training tests share."""

import pytest
import torch

from spacetime_video.model_loaders.tokenizer import Tokenizer, train_tokenizer
from spacetime_video.models.dit.config import DiTConfig
from spacetime_video.models.text.config import T5Config
from spacetime_video.models.vae.linear_code import fit_linear_code
from spacetime_video.models.vae.network import VAEConfig, VideoVAE
from spacetime_video.training.denoiser import PromptedDiT
from spacetime_video.training.feed import Sets
from spacetime_video.training.latents import LatentSet

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
    conditions=("fps", "height", "width", "duration", "loop"),
)
TEXT = T5Config(vocab_size=16, d_model=8, d_kv=4, d_ff=16, layers=1, heads=2)
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


@pytest.fixture
def model() -> PromptedDiT:
    return PromptedDiT(DIT, TEXT, torch.Generator().manual_seed(1))


@pytest.fixture(scope="session")
def vae() -> VideoVAE:
    g = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    vae = VideoVAE(VAE)
    clips = torch.rand(4, 3, 5, 16, 16, generator=g) * 2 - 1
    vae.init_linear_code(fit_linear_code([clips], channels=4, time=4, space=8))
    with torch.no_grad():
        vae.conv1.weight.normal_(std=0.3, generator=g)  # a network that adds something
    return vae.eval()


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    return Tokenizer(train_tokenizer(["a red sphere", "a blue cube moves"], 16), max_length=6)


def always(*sets: LatentSet) -> Sets:
    """The same clips at every step."""
    return lambda step: sets


def latent_set(frames: int = 1, count: int = 32, *, loop: bool = False) -> LatentSet:
    """Two kinds of latents, told apart by their prompts alone."""
    generator = torch.Generator().manual_seed(0)
    kind = torch.arange(count) % 2
    values = torch.randn(count, 4, frames, 4, 4, generator=generator) * 0.1
    values += (kind * 2 - 1)[:, None, None, None, None]
    ids = torch.stack([kind + 3, torch.ones_like(kind)], dim=1)[:, None].expand(-1, 3, -1)
    return LatentSet(
        latents=values.half(),
        keys=values[:, :, :1].half() * 2,
        key_times=(kind * frames) / 2.0,
        fps=torch.full((count,), 8.0),
        token_ids=ids.short(),
        mask=torch.ones_like(ids, dtype=torch.bool),
        weights=torch.ones(count),
        loop=loop,
        share=1.0,
    )
