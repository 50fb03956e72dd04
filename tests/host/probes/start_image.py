"""Image-to-video networks: ComfyUI's own, the pack's in ComfyUI and in the standalone host."""
# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false

from setting import LENGTH, OUT, report, seeded, text_weights, vae_weights  # isort: skip
from native import CONFIG, native_wan, wan_state  # isort: skip

from dataclasses import replace
from functools import partial

import comfy.clip_vision
import torch
from comfy_extras.nodes_wan import WanFirstLastFrameToVideo, WanImageToVideo
from safetensors.torch import save_file

import nodes
from spacetime_video.hosts.comfyui.host import ComfyHost
from spacetime_video.hosts.standalone.host import StandaloneHost
from spacetime_video.model_loaders.load import read_dit
from spacetime_video.models.patchify import patchify
from spacetime_video.samplers.guidance.nag import AttentionGuidance
from spacetime_video.samplers.schedules.flow import flow_sigmas
from spacetime_video.samplers.solvers import sample_euler

SIGMAS = flow_sigmas(3, shift=3.0)
VISION = 1280  # the only width that ComfyUI's network knows
ANIMATING = replace(CONFIG, dim=128, heads=1, in_channels=36, image_dim=VISION)
CONFIGS = {
    "start image": ANIMATING,
    "first and last": replace(ANIMATING, image_positions=514),
    "without vision": replace(ANIMATING, image_dim=0),
}
SIZE = {"width": 48, "height": 64, "length": 9, "batch_size": 1}

host, standalone = ComfyHost(), StandaloneHost(device="cpu")
clip = host.models.make_clip(text_weights(), dtype="fp32")
vae = host.models.make_vae(vae_weights(), dtype="fp32")
prompts = [host.models.encode_prompt(clip, text) for text in ("a red cube moves left", "")]


def vision(seed):
    seen = comfy.clip_vision.Output()
    seen.penultimate_hidden_states = torch.randn(1, 257, VISION, generator=seeded(seed))
    return seen


def picture(seed):
    return torch.rand(1, 64, 48, 3, generator=seeded(seed))


def start_image(seed=1):
    return WanImageToVideo.execute(
        *prompts, vae, **SIZE, start_image=picture(seed), clip_vision_output=vision(seed)
    ).args


def first_and_last(seed=1):
    images = {"start_image": picture(seed), "end_image": picture(seed + 1)}
    seen = {"start": vision(seed), "end": vision(seed + 1)}
    named = {f"clip_vision_{name}_image": each for name, each in seen.items()}
    return WanFirstLastFrameToVideo.execute(*prompts, vae, **SIZE, **images, **named).args


def without_vision(seed=1):
    return WanImageToVideo.execute(*prompts, vae, **SIZE, start_image=picture(seed)).args


CONDITIONINGS = {
    "start image": start_image,
    "first and last": first_and_last,
    "without vision": without_vision,
}


def read(state):
    """The weights as our loader reads them from a file; only the texts are shorter here."""
    save_file(state, OUT / "wan.safetensors")
    weights = read_dit(OUT / "wan.safetensors")
    return replace(weights, config=replace(weights.config, text_length=LENGTH))


def by_ksampler(model, positive, negative, latent, steps):
    drawn = nodes.KSampler().sample(
        model, 1, steps, 4.0, "euler", "simple", positive, negative, latent
    )
    return drawn[0]["samples"]


def windows(denoiser, run):
    """The clip in two windows that do not overlap."""

    def denoise(x, at):
        parts = [denoiser(*at.window(x, frames)) for frames in ((0,), (1, 2))]
        return torch.cat(parts, dim=2)

    return denoise


def sampled(place, model, positive, negative, *, attention=None, wrapper=None):
    guider = place.sampling.make_guider(model, positive, negative, 4.0)
    if attention is not None:
        guider = place.sampling.with_plan(guider, partial(replace, attention=attention))
    if wrapper is not None:
        guider = place.sampling.with_wrapper(guider, wrapper)
    latent = {"samples": torch.zeros(1, 16, 3, 8, 6)}
    noise = torch.randn(1, 16, 3, 8, 6, generator=seeded(5))
    euler = place.sampling.make_sampler(sample_euler, {})
    return place.sampling.sample(guider, noise, euler, SIGMAS, latent, 5)


def apart(a, b):
    return float((a - b).abs().max())


def measure(name):
    config = CONFIGS[name]
    state = wan_state(config)
    weights = read(state)
    native, ours = native_wan(state, config), host.models.make_model(weights, dtype="fp32")
    alone = standalone.models.make_model(weights, dtype="fp32")
    positive, negative, latent = CONDITIONINGS[name]()
    other, *_ = CONDITIONINGS[name](7)
    runs = {steps: by_ksampler(ours, positive, negative, latent, steps) for steps in (1, 4)}
    ways = {
        "plain": {},
        "attention guidance": {"attention": AttentionGuidance(scale=5.0)},
        "windows": {"wrapper": windows},
    }
    return {
        "derived": weights.config == config,
        "native": {
            steps: apart(run, by_ksampler(native, positive, negative, latent, steps))
            for steps, run in runs.items()
        },
        "image acts": apart(runs[4], by_ksampler(ours, other, negative, latent, 4)),
        "hosts": {
            way: apart(
                sampled(host, ours, positive, negative, **how),
                sampled(standalone, alone, positive, negative, **how),
            )
            for way, how in ways.items()
        },
        "ways differ": [
            apart(
                sampled(host, ours, positive, negative, **how),
                sampled(host, ours, positive, negative),
            )
            for how in list(ways.values())[1:]
        ],
        "size": float(runs[4].abs().mean()),
    }


def refusal(run):
    try:
        run()
    except ValueError as error:
        return str(error)
    return ""


def refusals():
    animating = host.models.make_model(read(wan_state(ANIMATING)), dtype="fp32")
    of_text = host.models.make_model(
        read(wan_state(replace(CONFIG, dim=128, heads=1))), dtype="fp32"
    )
    positive, negative, _ = start_image()
    seen_only, *_ = WanImageToVideo.execute(
        *prompts, vae, **SIZE, clip_vision_output=vision(1)
    ).args
    guider = host.sampling.make_guider(animating, positive, negative, 1.0)
    tokens = patchify([torch.zeros(1, 16, 3, 8, 6)])
    euler = host.sampling.make_sampler(sample_euler, {})
    return {
        "blind": refusal(lambda: sampled(host, animating, *prompts)),
        "of text": refusal(lambda: sampled(host, of_text, seen_only, prompts[1])),
        "packed": refusal(
            lambda: host.sampling.sample_tokens(guider, tokens, euler, SIGMAS, tokens, [{}], 0)
        ),
    }


with torch.inference_mode():
    report(**{name: measure(name) for name in CONFIGS}, refusals=refusals())
