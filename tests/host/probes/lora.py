"""Our LoRA node inside ComfyUI: as the stock node where both know the layout, and beyond."""
# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false

from dataclasses import replace

from setting import OUT, dit_weights, report, seeded, text_weights  # isort: skip

import comfy.sd
import torch
from comfy import utils
from safetensors.torch import save_file

import nodes
from spacetime_video.hosts.comfyui.host import ComfyHost
from spacetime_video.hosts.standalone.host import StandaloneHost
from spacetime_video.model_loaders.lora import read_lora
from spacetime_video.models.lora import patched

LAYER = "blocks.1.self_attn.q"
PAIR = {
    "A": torch.randn(2, 96, generator=seeded(3)),
    "B": torch.randn(96, 2, generator=seeded(4)),
}
EXTRA = {
    "diffusion_model.blocks.0.norm3.diff": torch.randn(96, generator=seeded(5)),
    "diffusion_model.blocks.0.norm3.diff_b": torch.randn(96, generator=seeded(6)),
}


def written(name, layer, **extra):
    file = OUT / f"{name}.safetensors"
    save_file({f"{layer}.lora_{k}.weight": v for k, v in PAIR.items()} | extra, file)
    return file


host = ComfyHost()
clip = host.make_clip(text_weights(), dtype="fp32")
prompts = [host.encode_prompt(clip, text) for text in ("a red cube moves left", "")]
model = host.make_model(dit_weights(), dtype="fp32")


def sample(model):
    latent = {"samples": torch.zeros(1, 16, 3, 8, 6)}
    return nodes.KSampler().sample(model, 1, 2, 2.0, "euler", "simple", *prompts, latent)[0][
        "samples"
    ]


def ours(file, strength):
    lora = read_lora(file, host.weight_shapes(model))
    return sample(host.with_lora(model, lora.patches, strength, live=False))


def stock(file, strength):
    state = utils.load_torch_file(str(file), safe_load=True)
    return sample(comfy.sd.load_lora_for_models(model, None, state, strength, 0)[0])


def standalone(file, strength):
    """The same change merged by the pack itself, in a model of the host."""
    weights = dit_weights()
    network = StandaloneHost(device="cpu", dtype="fp32").make_model(weights, dtype="fp32").dit
    shapes = {name: weight.shape for name, weight in network.named_parameters()}
    changed = patched(network, read_lora(file, shapes).patches, strength)
    return sample(host.make_model(replace(weights, state=changed.state_dict()), dtype="fp32"))


def largest(difference):
    return float(difference.abs().max())


plain = sample(model)
comfyui = written("comfyui", f"diffusion_model.{LAYER}", **EXTRA)
diffusers = written("diffusers", "transformer.blocks.1.attn1.to_q", **EXTRA)
videox = written("videox", "lora_unet__blocks_1_self_attn_q", **EXTRA)
report(
    as_stock=largest(ours(comfyui, 0.8) - stock(comfyui, 0.8)),
    layouts=[largest(ours(file, 0.8) - ours(comfyui, 0.8)) for file in (diffusers, videox)],
    as_standalone=largest(ours(comfyui, 0.8) - standalone(comfyui, 0.8)),
    changes=largest(ours(comfyui, 0.8) - plain),
    zero=largest(ours(comfyui, 0.0) - plain),
    unchanged=largest(sample(model) - plain),
)
