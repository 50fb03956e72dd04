"""ComfyUI's own Wan network, small, and the pack's model of the same weights."""
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


def wan_state():
    return random_state(VideoDiT(CONFIG), 0.1)


def native_wan(state):
    settings = supported_models.WAN21_T2V(
        {
            "image_model": "wan2.1",
            "model_type": "t2v",
            "dim": CONFIG.dim,
            "num_heads": CONFIG.heads,
            "ffn_dim": CONFIG.ffn_dim,
            "num_layers": CONFIG.layers,
            "in_dim": CONFIG.in_channels,
            "out_dim": CONFIG.out_channels,
            "text_dim": CONFIG.text_dim,
            "text_len": CONFIG.text_length,
            "freq_dim": CONFIG.freq_dim,
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
