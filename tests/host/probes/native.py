"""ComfyUI's own Wan networks, small, and the pack's model of the same weights."""
# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false

from setting import LENGTH, random_state  # isort: skip

import torch
from comfy import model_management, supported_models
from comfy.model_patcher import ModelPatcher

from spacetime_video.model_loaders.load import DiTWeights
from spacetime_video.models.dit.config import DiTConfig
from spacetime_video.models.dit.network import VideoDiT
from spacetime_video.models.latent_format import WAN21_LATENT

CONFIG = DiTConfig(
    dim=48, heads=2, ffn_dim=64, layers=2, text_dim=32, text_length=LENGTH, freq_dim=32
)


def wan_state(config=CONFIG):
    return random_state(VideoDiT(config), 0.1)


def native_wan(state, config=CONFIG):
    animates = config.image_dim > 0
    family = supported_models.WAN21_I2V if animates else supported_models.WAN21_T2V
    settings = family(
        {
            "image_model": "wan2.1",
            "model_type": "i2v" if animates else "t2v",
            "flf_pos_embed_token_number": config.image_positions or None,
            "dim": config.dim,
            "num_heads": config.heads,
            "ffn_dim": config.ffn_dim,
            "num_layers": config.layers,
            "in_dim": config.in_channels,
            "out_dim": config.out_channels,
            "text_dim": config.text_dim,
            "text_len": config.text_length,
            "freq_dim": config.freq_dim,
            "cross_attn_norm": True,
        }
    )
    settings.set_inference_dtype(torch.float32, None)
    model = settings.get_model({}, "", device=torch.device("cpu"))
    model.diffusion_model.load_state_dict(state, strict=True)
    device = model_management.get_torch_device()
    return ModelPatcher(model, load_device=device, offload_device=device)


def our_wan(host, state):
    return host.models.make_model(DiTWeights(CONFIG, WAN21_LATENT, state), dtype="fp32")
