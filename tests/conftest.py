"""The standalone host for the whole session, and a models folder of tiny random weights."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch

import spacetime_video
from spacetime_video import hosts
from spacetime_video.hosts.standalone.host import StandaloneHost
from spacetime_video.model_loaders.tokenizer import tokenizer_to_tensor, train_tokenizer
from spacetime_video.models.control.config import ControlConfig
from spacetime_video.models.control.network import build_control
from spacetime_video.models.dit.config import DiTConfig
from spacetime_video.models.dit.network import VideoDiT
from spacetime_video.models.latent_format import LatentFormat
from spacetime_video.models.text.config import T5Config
from spacetime_video.models.text.t5 import T5Encoder
from spacetime_video.models.vae.network import VAEConfig, VideoVAE
from spacetime_video.training.recipe import write_weights

# The developers' tools are in the checkout and not in the wheel that may be installed here.
spacetime_video.__path__.append(str(Path(__file__).parents[1]))

torch.set_num_threads(1)
hosts.use(StandaloneHost(device="cpu", dtype="fp32"))

PROMPTS = ["a red sphere moves left at day", "a blue cube moves right at night"]
TEXT_LENGTH = 12

DIT = DiTConfig(
    dim=24,
    heads=2,
    ffn_dim=48,
    layers=2,
    text_dim=16,
    text_length=TEXT_LENGTH,
    freq_dim=16,
    conditions=("fps", "height", "width", "duration", "loop"),
)
TEXT = T5Config(vocab_size=32, d_model=16, d_kv=8, d_ff=32, layers=1, heads=2)
VAE = VAEConfig(
    z_channels=16,
    base_dim=8,
    decoder_base_dim=8,
    dim_mult=(1, 2, 2),
    res_blocks=1,
    temporal_down=(True, True),
    residual_shortcuts=True,
    pixel_patch=2,
)
CONTROL = ControlConfig(
    design="dilated",
    after=(0, 1),
    base_dim=24,
    dim=12,
    heads=1,
    ffn_dim=24,
    text_dim=16,
    text_length=TEXT_LENGTH,
    freq_dim=16,
    conditions=("fps", "loop"),
)
OTHER_VAE = replace(VAE, z_channels=4)
LATENT = LatentFormat(
    channels=16,
    mean=tuple(0.05 * channel for channel in range(16)),
    std=tuple(1 + 0.05 * channel for channel in range(16)),
)


def random_state(module, scale=0.15):
    generator = torch.Generator().manual_seed(0)
    return {
        name: torch.randn(weight.shape, generator=generator) * scale
        for name, weight in module.state_dict().items()
    }


def write_vae(path, config):
    info = {"kind": "vae", "config": config.to_dict()}
    write_weights(path, random_state(VideoVAE(config)), info)


@pytest.fixture(scope="session")
def models_dir(tmp_path_factory):
    """A ComfyUI-style folder with one random model of every kind, and a VAE that fits none."""
    root = tmp_path_factory.mktemp("models")
    dit_info = {
        "kind": "dit",
        "config": DIT.to_dict(),
        "latent": asdict(LATENT),
        "token_levels": True,
    }
    text_info = {"kind": "text_encoder", "config": asdict(TEXT), "max_length": TEXT_LENGTH}
    spiece = tokenizer_to_tensor(train_tokenizer(PROMPTS, TEXT.vocab_size))
    text = {**random_state(T5Encoder(TEXT)), "spiece_model": spiece}
    write_weights(
        root / "diffusion_models/random_dit.safetensors", random_state(VideoDiT(DIT)), dit_info
    )
    write_weights(root / "text_encoders/random_text.safetensors", text, text_info)
    control_info = {
        "kind": "controlnet",
        "config": CONTROL.to_dict(),
        "latent": asdict(LATENT),
    }
    write_weights(
        root / "controlnet/random_control.safetensors",
        random_state(build_control(CONTROL)),
        control_info,
    )
    write_vae(root / "vae/random_vae.safetensors", VAE)
    write_vae(root / "vae/other_vae.safetensors", OTHER_VAE)
    return root


@pytest.fixture(scope="session")
def model_names():
    """Inputs of Load Models for the random weights."""
    return {
        "model": "random_dit.safetensors",
        "text_encoder": "random_text.safetensors",
        "vae": "random_vae.safetensors",
        "dtype": "fp32",
    }


@pytest.fixture(scope="session")
def standalone(models_dir):
    """A host over the random weights; tests that change the process's host put it back."""
    return StandaloneHost(models=models_dir, device="cpu", dtype="fp32")
