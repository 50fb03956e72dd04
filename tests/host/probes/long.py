"""A clip made chunk by chunk in ComfyUI and in the standalone host."""
# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false

from setting import dit_weights, report, seeded, text_weights, vae_weights  # isort: skip
from native import CONFIG, native_wan, wan_state  # isort: skip

from dataclasses import replace
from functools import partial

import torch

from spacetime_video import hosts
from spacetime_video.hosts.comfyui.host import ComfyHost
from spacetime_video.hosts.standalone.host import StandaloneHost
from spacetime_video.model_loaders.load import DiTWeights
from spacetime_video.models.latent_format import WAN21_LATENT
from spacetime_video.nodes.helpers.long_runs import LongRun
from spacetime_video.samplers.noise.frames import FrameNoise
from spacetime_video.samplers.schedules.flow import flow_sigmas
from spacetime_video.samplers.solvers import SOLVERS, STOCHASTIC_SOLVERS
from spacetime_video.timeline import latent_of
from spacetime_video.timeline.chunks import ChunkPlan
from spacetime_video.timeline.plans import animated

KNOWN = {"nothing": [], "the beginning": [0, 1], "the end": [11, 12], "both ends": [0, 12]}
PLAN = ChunkPlan(length=5, context=2)
ANIMATING = replace(CONFIG, in_channels=36)


def latent(known):
    samples = torch.randn(1, 16, 13, 8, 6, generator=seeded(1))
    mask = torch.ones(1, 1, 13, 8, 6)
    mask[:, :, known] = 0
    return {"samples": samples * (1 - mask), "noise_mask": mask, "fps": 16.0}


def guider_of(host):
    clip = host.models.make_clip(text_weights(), dtype="fp32")
    model = host.models.make_model(dit_weights(), dtype="fp32")
    prompts = (host.models.encode_prompt(clip, text) for text in ("a red cube", ""))
    return host.sampling.make_guider(model, *prompts, 4.0)


def run(host, guider, given, solver):
    hosts._chosen[:] = [host]
    sampler = host.sampling.make_sampler({**SOLVERS, **STOCHASTIC_SOLVERS}[solver], {})
    long = LongRun(
        guider=guider, noise=FrameNoise(7), sampler=sampler, sigmas=flow_sigmas(3, shift=3.0),
        plan=PLAN, keep=False,
    )  # fmt: skip
    return long.sample(given)


def measure():
    theirs, ours = ComfyHost(), StandaloneHost(device="cpu")
    guiders = {host.name: guider_of(host) for host in (theirs, ours)}
    found = {"apart": {}, "held": {}}
    for name, known in KNOWN.items():
        given = latent(known)
        for solver in ("euler", "lcm"):
            one, other = (run(host, guiders[host.name], given, solver) for host in (theirs, ours))
            found["apart"][f"{name}, {solver}"] = float((one - other).abs().max())
            found["held"][f"{name}, {solver}"] = all(
                torch.equal(each[:, :, known], given["samples"][:, :, known])
                for each in (one, other)
            )
    found["native"] = on_the_hosts_own(theirs)
    found["animated"] = animated_apart(theirs, ours)
    return found


def animated_apart(*hosts):
    """How far networks that animate an image are apart in long clips that begin with a picture,
    with guidance that rises over the whole of them.

    Shares of a deviation: of one host's model from the other's, and from ComfyUI's own.
    """
    state = wan_state(ANIMATING)
    weights = DiTWeights(ANIMATING, WAN21_LATENT, state)
    made = []
    for host, model in (
        *((host, host.models.make_model(weights, dtype="fp32")) for host in hosts),
        (hosts[0], native_wan(state, ANIMATING)),
    ):
        clip = host.models.make_clip(text_weights(), dtype="fp32")
        prompts = [host.models.encode_prompt(clip, text) for text in ("a red cube", "")]
        vae = host.models.make_vae(vae_weights(), dtype="fp32")
        picture = torch.rand(64, 48, 3, generator=seeded(2))
        encode = partial(host.models.encode_video, vae)
        latent = latent_of(animated(picture, 49, 16.0), encode, 16)
        guider = host.sampling.make_guider(model, *prompts, 4.0)
        rising = host.sampling.with_plan(guider, partial(replace, first_frame_scale=1.0))
        made.append(run(host, rising, latent, "euler"))
    size = made[0][:, :, 1:].std()
    apart = [float((made[0] - other).abs().max() / size) for other in made[1:]]
    return {"apart": apart, "size": float(size)}


def on_the_hosts_own(host):
    """Whether the host's own Wan, which knows one noise level, makes all that is free."""
    clip = host.models.make_clip(text_weights(), dtype="fp32")
    prompts = (host.models.encode_prompt(clip, text) for text in ("a red cube", ""))
    guider = host.sampling.make_guider(native_wan(wan_state()), *prompts, 4.0)
    given = latent(KNOWN["both ends"])
    made = run(host, guider, given, "euler")
    held = torch.equal(made[:, :, [0, 12]], given["samples"][:, :, [0, 12]])
    return held and bool((made[:, :, 1:12].flatten(3).std(3) > 0.1).all())


with torch.inference_mode():
    report(**measure())
