"""ComfyUI's own nodes on the pack's MODEL, CLIP and VAE, and its options on the network."""
# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false

from setting import OUT, dit_weights, report, seeded, text_weights, vae_weights  # isort: skip

from dataclasses import replace

import torch
from comfy_extras.nodes_custom_sampler import (
    BasicScheduler,
    CFGGuider,
    KSamplerSelect,
    RandomNoise,
    SamplerCustomAdvanced,
)
from comfy_extras.nodes_model_advanced import ModelSamplingSD3
from safetensors.torch import save_file

import nodes
from spacetime_video.hosts.comfyui.host import ComfyHost

SAMPLERS = ("euler", "lcm", "dpmpp_2m", "uni_pc")

host = ComfyHost()


def largest(difference):
    return float(difference.abs().max())


def sample(model, prompts, latent, sampler="euler", scheduler="simple", steps=3):
    (out,) = nodes.KSampler().sample(
        model, 1, steps, 4.0, sampler, scheduler, *prompts, latent, denoise=1.0
    )
    return out["samples"]


def empty(frames=3, rows=8, columns=6):
    return {"samples": torch.zeros(1, 16, frames, rows, columns)}


def keep_first_frame(latent):
    mask = torch.ones(1, 1, latent["samples"].shape[2], 1, 1)
    mask[:, :, 0] = 0
    return {**latent, "noise_mask": mask}


def same_frames(given, made):
    return largest((given["samples"] - made)[:, :, 0]), largest((given["samples"] - made)[:, :, 1:])


def lora_file():
    """A LoRA on one layer, named as published Wan LoRAs name it."""
    name = "diffusion_model.blocks.1.self_attn.q"
    file = OUT / "lora.safetensors"
    save_file(
        {
            f"{name}.lora_A.weight": torch.randn(2, 96, generator=seeded(3)),
            f"{name}.lora_B.weight": torch.randn(96, 2, generator=seeded(4)),
        },
        file,
    )
    return file


def with_lora(model, strength):
    from comfy import sd, utils

    lora = utils.load_torch_file(str(lora_file()), safe_load=True)
    return sd.load_lora_for_models(model, None, lora, strength, 0)[0]


def skipping(model, number):
    """A clone whose block gives back what it was given, through the host's replacement patch."""
    clone = model.clone()
    clone.set_model_patch_replace(
        lambda arguments, original: {"img": arguments["img"]}, "dit", "double_block", number
    )
    return clone


def calling_through(model, number, seen):
    clone = model.clone()

    def replacement(arguments, original):
        seen.append(sorted(arguments))
        return original["original_block"](arguments)

    clone.set_model_patch_replace(replacement, "dit", "double_block", number)
    return clone


def empties():
    """Sizes that zeros for 8 x 8 pixels get for a model of 16 x 16: the host's and ours."""
    weights = dit_weights()
    weights = replace(weights, latent=replace(weights.latent, space_factor=16))
    model = host.models.make_model(weights, dtype="fp32")
    (latent,) = nodes.EmptyLatentImage().generate(96, 64)
    prompt = [[torch.zeros(1, 12, 32), {}]]
    fitted = host.sampling.fit_latent(host.sampling.make_guider(model, prompt, prompt, 1.0), latent)
    return [
        list(sample(model, (prompt, prompt), latent).shape),
        list(fitted["samples"].shape),
    ], sorted(fitted)


def measure():
    model = host.models.make_model(dit_weights(), dtype="fp32")
    clip = host.models.make_clip(text_weights(), dtype="fp32")
    vae = host.models.make_vae(vae_weights(), dtype="fp32")
    encode = nodes.CLIPTextEncode().encode
    prompts = (encode(clip, "a red cube")[0], encode(clip, "")[0])
    plain = sample(model, prompts, empty())
    given = {"samples": torch.randn(1, 16, 3, 8, 6, generator=seeded(5))}
    levels = host.models.make_model(dit_weights(token_levels=True), dtype="fp32")
    (guider,) = CFGGuider().get_guider(model, *prompts, 4.0)
    (sigmas,) = BasicScheduler().get_sigmas(model, "simple", 3, 1.0)
    (euler,) = KSamplerSelect().get_sampler("euler")
    (noise,) = RandomNoise().get_noise(1)
    advanced = SamplerCustomAdvanced().sample(noise, guider, euler, sigmas, empty())[0]
    shifted = ModelSamplingSD3().patch(model, 3.0)[0]
    seen = []
    images = nodes.VAEDecode().decode(vae, {"samples": plain})[0]
    tiled = nodes.VAEDecodeTiled().decode(vae, {"samples": plain}, 64, 16, 16, 8)[0]
    latent = nodes.VAEEncode().encode(vae, images)[0]["samples"]
    bf16 = sample(host.models.make_model(dit_weights(), dtype="bf16"), prompts, empty())
    kept = sample(model, prompts, keep_first_frame(given))
    told = sample(levels, prompts, keep_first_frame(given))
    weighted = encode(clip, "a (red:1.5) cube")[0][0][0]
    report(
        empties=empties(),
        finite={s: bool(sample(model, prompts, empty(), s).isfinite().all()) for s in SAMPLERS},
        advanced=largest(advanced["samples"] - plain),
        sd3_shift=largest(sample(shifted, prompts, empty()) - plain),
        images=list(images.shape),
        tiled=list(tiled.shape),
        latent=list(latent.shape),
        bf16=largest(bf16 - plain) / largest(plain),
        kept=same_frames(given, kept),
        told=same_frames(given, told),
        levels_change=largest(kept - told),
        odd=list(sample(model, prompts, empty(2, 7, 5)).shape),
        lora=largest(sample(with_lora(model, 0.5), prompts, empty()) - plain),
        lora_at_zero=largest(sample(with_lora(model, 0.0), prompts, empty()) - plain),
        skipped=largest(sample(skipping(model, 1), prompts, empty()) - plain),
        through=largest(sample(calling_through(model, 1, seen), prompts, empty()) - plain),
        seen=len(seen),
        weight_rows=(weighted - prompts[0][0][0]).abs().amax(dim=(0, 2)).tolist(),
        literal=largest(host.models.encode_prompt(clip, "a red cube")[0][0] - prompts[0][0][0]),
    )


with torch.inference_mode():
    measure()
