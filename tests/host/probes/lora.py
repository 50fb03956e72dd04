"""Our LoRA node inside ComfyUI: as the stock node where both know the layout, and beyond."""
# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false

from dataclasses import replace

from setting import OUT, dit_weights, report, seeded, text_weights  # isort: skip

import comfy.sd
import torch
from comfy import model_management, utils
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
clip = host.models.make_clip(text_weights(), dtype="fp32")
prompts = [host.models.encode_prompt(clip, text) for text in ("a red cube moves left", "")]
model = host.models.make_model(dit_weights(), dtype="fp32")


def sample(model):
    latent = {"samples": torch.zeros(1, 16, 3, 8, 6)}
    return nodes.KSampler().sample(model, 1, 2, 2.0, "euler", "simple", *prompts, latent)[0][
        "samples"
    ]


def with_ours(file, strength, onto=model):
    lora = read_lora(file, host.models.weight_shapes(model))
    return host.models.with_lora(onto, lora.patches, strength, live=False)


def ours(file, strength):
    return sample(with_ours(file, strength))


def stock(file, strength):
    state = utils.load_torch_file(str(file), safe_load=True)
    return sample(comfy.sd.load_lora_for_models(model, None, state, strength, 0)[0])


def by_the_pack(*files, strength):
    """Weights with the same changes merged by the pack itself."""
    models = StandaloneHost(device="cpu", dtype="fp32").models
    network = models.make_model(dit_weights(), dtype="fp32").dit
    shapes = {name: weight.shape for name, weight in network.named_parameters()}
    for file in files:
        network = patched(network, read_lora(file, shapes).patches, strength)
    return network.state_dict()


def standalone(file, strength):
    """The same change merged by the pack itself, in a model of the host."""
    state = by_the_pack(file, strength=strength)
    return sample(host.models.make_model(replace(dit_weights(), state=state), dtype="fp32"))


def weights_apart(*files, strength):
    """How far the weights that the host has patched are from those of the pack."""
    changed = model
    for file in files:
        changed = with_ours(file, strength, changed)
    model_management.load_models_gpu([changed])
    state = {k: v.clone() for k, v in changed.model.diffusion_model.state_dict().items()}
    wanted = by_the_pack(*files, strength=strength)
    before = dit_weights().state
    moved = [name for name in wanted if not torch.equal(wanted[name], before[name])]
    return {
        "largest": max(largest(state[name] - wanted[name]) for name in wanted),
        "moved": sorted(moved),
        "size": max(largest(wanted[name] - before[name]) for name in wanted),
    }


def strange_files():
    """A DoRA in two layouts, with what few-step LoRAs change beside matrices."""
    lengths = torch.rand(96, generator=seeded(7)) * 3 + 0.5
    more = {
        "diffusion_model.blocks.0.diff_m": torch.randn(1, 6, 96, generator=seeded(8)),
        f"diffusion_model.{LAYER}.lora_B.bias": torch.randn(96, generator=seeded(9)),
        f"diffusion_model.{LAYER}.alpha": torch.tensor(3.0),
        f"diffusion_model.{LAYER}.diff": torch.randn(96, 96, generator=seeded(10)),
    }
    name = f"diffusion_model.{LAYER}"
    return [
        written("peft", name, **{f"{name}.lora_magnitude_vector.weight": lengths}, **more, **EXTRA),
        written("rows", name, **{f"{name}.dora_scale": lengths[:, None]}),
        written("columns", name, **{f"{name}.dora_scale": lengths[None]}),
    ]


def largest(difference):
    return float(difference.abs().max())


plain = sample(model)
comfyui = written("comfyui", f"diffusion_model.{LAYER}", **EXTRA)
diffusers = written("diffusers", "transformer.blocks.1.attn1.to_q", **EXTRA)
videox = written("videox", "lora_unet__blocks_1_self_attn_q", **EXTRA)
peft, rows, columns = strange_files()
alone = {
    f"{file.stem} {strength}": weights_apart(file, strength=strength)
    for file in (peft, rows, columns)
    for strength in (1.0, 0.6)
}
chain = weights_apart(peft, rows, comfyui, columns, strength=0.7)
report(
    weights=alone | {"chain": chain},
    as_stock=largest(ours(comfyui, 0.8) - stock(comfyui, 0.8)),
    layouts=[largest(ours(file, 0.8) - ours(comfyui, 0.8)) for file in (diffusers, videox)],
    as_standalone=largest(ours(comfyui, 0.8) - standalone(comfyui, 0.8)),
    changes=largest(ours(comfyui, 0.8) - plain),
    zero=largest(ours(comfyui, 0.0) - plain),
    unchanged=largest(sample(model) - plain),
)
