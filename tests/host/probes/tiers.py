"""What is given, shown to every kind of model by the sampling node itself, in both hosts."""
# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false

from setting import OUT, LENGTH, dit_weights, report, seeded, text_weights, vae_weights  # isort: skip
from native import CONFIG, native_wan, wan_state  # isort: skip

import logging
from dataclasses import replace

import comfy.clip_vision
import torch
from comfy_extras.nodes_wan import WanImageToVideo
from safetensors.torch import save_file

from spacetime_video import hosts
from spacetime_video.hosts.comfyui.host import ComfyHost
from spacetime_video.hosts.keys import VISION_KEY
from spacetime_video.hosts.standalone.host import StandaloneHost
from spacetime_video.model_loaders.load import read_dit
from spacetime_video.models.shapes import VideoShape
from spacetime_video.samplers.noise.sources import step_noise_of
from spacetime_video.samplers.process import NoiseProcess
from spacetime_video.samplers.resampling import resampled
from spacetime_video.samplers.schedules.flow import flow_sigmas
from spacetime_video.samplers.solvers import SOLVERS
from spacetime_video.timeline import latent_of, softened
from spacetime_video.timeline.plans import fresh, with_frames

SIGMAS = flow_sigmas(4, shift=3.0)
VISION = 1280  # the only width that ComfyUI's network knows
ANIMATING = replace(CONFIG, dim=128, heads=1, in_channels=36, image_dim=VISION)
CONFIGS = {
    "start image": ANIMATING,
    "first and last": replace(ANIMATING, image_positions=514),
    "without vision": replace(ANIMATING, image_dim=0),
}
theirs, ours = ComfyHost(), StandaloneHost(device="cpu")
hosts.use(theirs)

from spacetime_video.nodes.sampling.noise import SpacetimeNoise  # noqa: E402
from spacetime_video.nodes.sampling.sampling import SpacetimeSample  # noqa: E402

WARNINGS = []


class Told(logging.Handler):
    def emit(self, record):
        WARNINGS.append(record.getMessage())


logging.getLogger().addHandler(Told())


def picture(seed, frames=1):
    return torch.rand(frames, 64, 48, 3, generator=seeded(seed))


def timeline(*places):
    made = fresh(VideoShape(17, 64, 48), 16.0)
    for place, frames in places:
        made = with_frames(made, picture(place + 3, frames), place)
    return made


def given(host, *places):
    vae = host.models.make_vae(vae_weights(), dtype="fp32")
    return latent_of(timeline(*places), lambda each: host.models.encode_video(vae, each), 16)


def seen():
    vision = comfy.clip_vision.Output()
    vision.penultimate_hidden_states = torch.randn(1, 257, VISION, generator=seeded(4))
    return vision


def prompts(host, config):
    clip = host.models.make_clip(text_weights(), dtype="fp32")
    made = [host.models.encode_prompt(clip, text) for text in ("a red cube", "")]
    if config.image_dim:
        made = [[[c, {**options, VISION_KEY: seen()}] for c, options in each] for each in made]
    return made


def sample(host, model, conditionings, latent, solver=SOLVERS["euler"]):
    """By the node in ComfyUI; nodes have one host in a process, the other is called as they do."""
    guider = host.sampling.make_guider(model, *conditionings, 3.0)
    euler = host.sampling.make_sampler(solver, {})
    noise = SpacetimeNoise.execute(7)[0]
    if host is ours:
        drawn = noise.generate_noise(latent)
        return host.sampling.sample(guider, drawn, euler, SIGMAS, softened(latent), noise.seed)
    return SpacetimeSample.execute(guider, noise, euler, SIGMAS, latent)[0]["samples"]


def by_stock_conditioning(host, model, config, latent):
    """As WanImageToVideo has it; the mask of the latent holds the first frame here too."""
    vae = theirs.models.make_vae(vae_weights(), dtype="fp32")
    size = {"width": 48, "height": 64, "length": 17, "batch_size": 1}
    positive, negative = prompts(theirs, config)
    positive, negative, _ = WanImageToVideo.execute(
        positive, negative, vae, **size, start_image=picture(3)
    ).args
    return sample(host, model, (positive, negative), latent)


def models(config):
    state = wan_state(config)
    save_file(state, OUT / "wan.safetensors")
    weights = read_dit(OUT / "wan.safetensors")
    weights = replace(weights, config=replace(weights.config, text_length=LENGTH))
    return {
        "native": (theirs, native_wan(state, config)),
        "ours": (theirs, theirs.models.make_model(weights, dtype="fp32")),
        "standalone": (ours, ours.models.make_model(weights, dtype="fp32")),
    }


def apart(one, other):
    return float((one - other).abs().max())


def held(made, latent):
    here = (softened(latent)["noise_mask"] == 0).expand_as(made)
    return bool((made[here] == latent["samples"][here]).all())


def softly(made, latent):
    """Least change of the latent frames in which an image stands in for others."""
    places = (softened(latent)["noise_mask"] > latent["noise_mask"]).flatten(3).all(3)[0, 0]
    return float((made - latent["samples"])[:, :, places].abs().mean((0, 1, 3, 4)).min())


PLACES = {
    "prefix": ((0, 5),),
    "suffix": ((13, 4),),
    "both ends": ((0, 1), (13, 4)),
    "middle": ((5, 4),),
    "image": ((7, 1),),
}


def channels(name):
    config = CONFIGS[name]
    found = {"stock": {}, "held": {}, "hosts": {}, "acts": {}, "showing": {}}
    first = given(theirs, (0, 1))
    every = models(config)
    for kind, (host, model) in every.items():
        own = sample(host, model, prompts(host, config), first)
        found["stock"][kind] = apart(own, by_stock_conditioning(host, model, config, first))
        guider = host.sampling.make_guider(model, *prompts(host, config), 3.0)
        found["showing"][kind] = host.sampling.about(guider).showing.name
    for place, where in PLACES.items():
        latent = given(theirs, *where)
        made = {
            kind: sample(host, model, prompts(host, config), latent)
            for kind, (host, model) in every.items()
        }
        found["hosts"][place] = max(apart(made["ours"], each) for each in made.values())
        found["held"][place] = all(held(each, latent) for each in made.values())
        if place == "image":
            found["softened"] = {kind: softly(each, latent) for kind, each in made.items()}
            continue  # without its start clip, nothing of it would be shown
        bare = {key: each for key, each in latent.items() if key != "spacetime_start"}
        empty = sample(*every["ours"], prompts(theirs, config), bare)
        alone = sample(*every["standalone"], prompts(ours, config), bare)
        found["hosts"][f"{place}, empty"] = apart(empty, alone)
        found["acts"][place] = apart(empty, made["ours"])
    return found


def one_level():
    """A text-to-video model: warned of, and its steps repeated."""
    found = {}
    latent = given(theirs, (0, 5), (11, 1))
    plain = {key: each for key, each in softened(latent).items() if key != "spacetime_timeline"}
    every, draws = models(CONFIG), step_noise_of(SpacetimeNoise.execute(7)[0], latent)
    made = {}
    for kind in ("native", "ours"):
        host, model = every[kind]
        WARNINGS.clear()
        made[kind] = sample(host, model, prompts(host, CONFIG), latent)
        found[kind] = {
            "held": held(made[kind], latent),
            "softened": softly(made[kind], latent),
            "warned": any("joins are softer" in each for each in WARNINGS),
            "repeated": apart(made[kind], sample(host, model, prompts(host, CONFIG), plain)),
        }
    repeated = resampled(SOLVERS["euler"], process=NoiseProcess.FLOW, draws=draws)
    host, model = every["standalone"]
    alone = sample(host, model, prompts(host, CONFIG), latent, repeated)
    found["hosts"] = apart(alone, made["ours"])
    return found


def with_levels():
    weights, found = dit_weights(token_levels=True), {}
    latent = given(theirs, (0, 5))
    for host in (theirs, ours):
        WARNINGS.clear()
        model = host.models.make_model(weights, dtype="fp32")
        guider = host.sampling.make_guider(model, *prompts(host, CONFIG), 3.0)
        sample(host, model, prompts(host, CONFIG), latent)
        found[host.name] = [host.sampling.about(guider).showing.name, len(WARNINGS)]
    return found


with torch.inference_mode():
    report(
        channels={name: channels(name) for name in CONFIGS},
        one_level=one_level(),
        with_levels=with_levels(),
    )
