"""Graphs of ComfyUI's own nodes in both hosts: how far apart are their latents?"""
# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false

from setting import dit_weights, report, seeded, text_weights, vae_weights  # isort: skip
import utils.install_util  # noqa: F401  # isort: skip  # before another folder has a utils

import torch
from comfy_extras import (
    nodes_custom_sampler,
    nodes_hunyuan,
    nodes_images,
    nodes_model_advanced,
    nodes_sd3,
)

import nodes
from spacetime_video import hosts
from spacetime_video.hosts.comfyui.host import ComfyHost
from spacetime_video.hosts.standalone.host import StandaloneHost

COMFY = ComfyHost()
hosts.use(COMFY)

from spacetime_video.nodes.patches.patches import SpacetimePatchify, SpacetimeUnpatchify  # noqa: E402
from spacetime_video.nodes.sampling.noise import SpacetimeNoise  # noqa: E402
from spacetime_video.nodes.sampling.sampling import SpacetimeSample, SpacetimeSamplePatches  # noqa: E402
from spacetime_video.nodes.sampling.sampling_state import SpacetimeSampleSteps  # noqa: E402
from spacetime_video.nodes.sampling.solvers import SpacetimeSolver  # noqa: E402

MODULES = (
    nodes,
    nodes_custom_sampler,
    nodes_hunyuan,
    nodes_images,
    nodes_model_advanced,
    nodes_sd3,
)
OWN = {
    node.__name__: node
    for node in (
        SpacetimeNoise,
        SpacetimePatchify,
        SpacetimeSample,
        SpacetimeSamplePatches,
        SpacetimeSampleSteps,
        SpacetimeSolver,
        SpacetimeUnpatchify,
    )
}
SEED = 2**40 + 3
FRAMES = torch.rand(10, 80, 60, 3, generator=seeded(2))
MASK = torch.rand(3, 64, 48, generator=seeded(3)).round()
MASK[1] = torch.linspace(0, 1, 48)


def by_comfyui(name, **inputs):
    node = next(getattr(module, name) for module in MODULES if hasattr(module, name))
    if hasattr(node, "execute"):
        return node.execute(**inputs).args
    return getattr(node(), node.FUNCTION)(**inputs)


def by_standalone(name, **inputs):
    from spacetime_video.hosts.standalone.stock import stock_nodes

    known = {node.GET_SCHEMA().node_id: node for node in stock_nodes()}
    return known[name].execute(**inputs).args


def pictures(call):
    """Of which a latent is made, the last one too many for the VAE."""
    (frames,) = call("ImageFromBatch", image=FRAMES, batch_index=0, length=99)
    named = {"nearest-exact": "disabled", "bilinear": "center", "bicubic": "center"}
    named |= {"area": "disabled", "lanczos": "center"}
    return {
        method: call(
            "ImageScale", image=frames, upscale_method=method, width=48, height=64, crop=crop
        )[0]
        for method, crop in named.items()
    }


def parts(call, model):
    (shifted,) = call("ModelSamplingSD3", model=model, shift=5.0)
    return shifted, {
        "sampler": call("KSamplerSelect", sampler_name="heun")[0],
        "sigmas": call("BasicScheduler", model=shifted, scheduler="normal", steps=4, denoise=0.8)[
            0
        ],
    }


def graphs(call, host, model, vae, prompts):
    """Latents by name."""
    positive, negative = prompts
    made = pictures(call)
    (begin,) = call("VAEEncode", pixels=made["bilinear"], vae=vae)
    (masked,) = call("SetLatentNoiseMask", samples=begin, mask=MASK)
    (twice,) = call("RepeatLatentBatch", samples=masked, amount=2)
    shifted, how = parts(call, model)
    (noise,) = call("RandomNoise", noise_seed=SEED)
    (none,) = call("DisableNoise")
    cfg = {"positive": positive, "negative": negative, "cfg": 4.0}
    (guided,) = call("CFGGuider", model=shifted, **cfg)
    (plain,) = call("BasicGuider", model=shifted, conditioning=positive)
    k = {"seed": SEED, "steps": 3, "sampler_name": "euler", "scheduler": "simple", **cfg}
    video = call("EmptyHunyuanLatentVideo", width=48, height=64, length=9, batch_size=1)[0]

    def advanced(guider, noise, latent):
        parts = {"guider": guider, "noise": noise, "latent_image": latent, **how}
        return call("SamplerCustomAdvanced", **parts)

    found = {
        "masked": call("KSampler", model=model, latent_image=masked, denoise=0.7, **k)[0],
        "masked whole": call("KSampler", model=model, latent_image=masked, **k)[0],
        "masked batch": call("KSampler", model=model, latent_image=twice, **k)[0],
        "advanced": advanced(guided, noise, begin)[0],
        "advanced masked": advanced(guided, noise, masked)[0],
        "predicted": advanced(plain, noise, masked)[1],
        "video": advanced(plain, noise, video)[0],
        "no noise": advanced(guided, none, begin)[0],
        "custom": call(
            "SamplerCustom",
            model=shifted,
            add_noise=True,
            noise_seed=SEED,
            latent_image=masked,
            **cfg,
            **how,
        )[0],
        **empties(call, guided, how["sigmas"], masked),
    }
    found = {name: each["samples"] for name, each in found.items()}
    return {**found, **made, "encoded": begin["samples"]}


def empties(call, guider, sigmas, masked):
    """What our nodes make of ComfyUI's latents."""
    noise = OWN["SpacetimeNoise"].execute(seed=5).args[0]
    sampler = OWN["SpacetimeSolver"].execute(solver="euler").args[0]
    run = {"guider": guider, "noise": noise, "sampler": sampler, "sigmas": sigmas}
    picture = {"width": 48, "height": 64, "batch_size": 2}
    found = {}
    for name in ("EmptyLatentImage", "EmptySD3LatentImage"):
        (latent,) = call(name, **picture)
        found[f"Sample {name}"] = OWN["SpacetimeSample"].execute(latent=latent, **run).args[0]
        steps = OWN["SpacetimeSampleSteps"].execute(latent=latent, stop_after=2, **run).args
        found[f"Sample Steps {name}"] = steps[1]
        (tokens,) = OWN["SpacetimePatchify"].execute(latent=[latent]).args
        sampled = OWN["SpacetimeSamplePatches"].execute(tokens=tokens, **run).args[0]
        (found[f"Sample Patches {name}"],) = OWN["SpacetimeUnpatchify"].execute(sampled).args[0]
    found["Sample masked"] = OWN["SpacetimeSample"].execute(latent=masked, **run).args[0]
    return found


def measure(host, call, **info):
    hosts.use(host)
    model = host.models.make_model(dit_weights(**info), dtype="fp32")
    vae = host.models.make_vae(vae_weights(), dtype="fp32")
    clip = host.models.make_clip(text_weights(), dtype="fp32")
    prompts = [host.models.encode_prompt(clip, text) for text in ("a red cube moves left", "")]
    return graphs(call, host, model, vae, prompts)


def compared(**info):
    theirs = measure(COMFY, by_comfyui, **info)
    standalone = StandaloneHost(device="cpu")
    standalone.io = COMFY.io  # our nodes are defined once
    ours = measure(standalone, by_standalone, **info)
    return {
        name: {
            "shape": [list(theirs[name].shape), list(ours[name].shape)],
            "apart": float((theirs[name] - ours[name]).abs().max())
            if theirs[name].shape == ours[name].shape
            else None,
            "size": float(theirs[name].abs().mean()),
        }
        for name in theirs
    }


with torch.inference_mode():
    report(one_level=compared(), levels=compared(token_levels=True))
