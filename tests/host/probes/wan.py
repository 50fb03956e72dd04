"""ComfyUI's own Wan network and the pack's with the same weights; our solvers on both."""
# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false

from setting import LENGTH, random_state, report, text_weights  # isort: skip

import torch
from comfy import model_management, supported_models
from comfy.model_patcher import ModelPatcher

from spacetime_video.hosts.comfyui.host import ComfyHost
from spacetime_video.model_loaders.load import DiTWeights
from spacetime_video.models.dit import DiTConfig, VideoDiT
from spacetime_video.models.latent_format import WAN21_LATENT
from spacetime_video.models.patchify import patchify
from spacetime_video.samplers.noise import FrameNoise
from spacetime_video.samplers.schedules import flow_sigmas
from spacetime_video.samplers.solvers import SOLVERS

CONFIG = DiTConfig(
    dim=48, heads=2, ffn_dim=64, layers=2, text_dim=32, text_length=LENGTH, freq_dim=32
)
SIGMAS = flow_sigmas(4, shift=3.0)

host = ComfyHost()


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


def guider(model, clip):
    prompts = (host.encode_prompt(clip, "a red cube"), host.encode_prompt(clip, ""))
    return host.make_guider(model, *prompts, 4.0)


def sample(bound, solver):
    latent = {"samples": torch.zeros(1, 16, 3, 8, 6)}
    noise = FrameNoise(3).generate_noise(latent)
    return host.sample(bound, noise, host.make_sampler(SOLVERS[solver], {}), SIGMAS, latent, 3)


def refusal(bound):
    tokens = patchify([torch.zeros(1, 16, 1, 4, 4)])
    try:
        host.sample_tokens(bound, tokens, None, SIGMAS, tokens, [{}], 0)
    except ValueError as error:
        return str(error)
    return ""


def measure():
    state = random_state(VideoDiT(CONFIG), 0.1)
    clip = host.make_clip(text_weights(), dtype="fp32")
    native = guider(native_wan(state), clip)
    model = host.make_model(DiTWeights(CONFIG, WAN21_LATENT, state), dtype="fp32")
    ours = guider(model, clip)
    pairs = {name: (sample(native, name), sample(ours, name)) for name in SOLVERS}
    report(
        difference={name: float((a - b).abs().max()) for name, (a, b) in pairs.items()},
        size={name: float(a.abs().mean()) for name, (a, _) in pairs.items()},
        refusal=refusal(native),
        kept=len(model.model.weights.state) + len(model.model.model_config.weights.state),
    )


with torch.inference_mode():
    measure()
