"""Latents with noise ceilings in ComfyUI and in the standalone host."""
# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false

from setting import dit_weights, report, seeded, text_weights  # isort: skip
from native import native_wan, wan_state  # isort: skip


import comfy.samplers
import torch

from spacetime_video.hosts.comfyui.host import ComfyHost
from spacetime_video.hosts.standalone.host import StandaloneHost
from spacetime_video.models.patchify import patchify
from spacetime_video.samplers.noise.frames import FrameNoise
from spacetime_video.samplers.noise.sources import step_noise_of
from spacetime_video.samplers.schedules.flow import flow_sigmas
from spacetime_video.samplers.solvers import SOLVERS, STOCHASTIC_SOLVERS

SIGMAS = flow_sigmas(4, shift=3.0)
SOLVERS = {**SOLVERS, **STOCHASTIC_SOLVERS}
SHAPE = (1, 16, 5, 8, 6)


def latent(ceiling):
    samples = torch.randn(SHAPE, generator=seeded(1))
    return {
        "samples": samples,
        "fps": 16.0,
        "noise_mask": (ceiling > 0).float(),
        "noise_ceiling": ceiling,
    }


def mixed():
    ceiling = torch.ones(1, 1, 5, 8, 6)
    ceiling[:, :, 0] = 0
    ceiling[:, :, 1] = 0.4
    ceiling[:, :, 2, :, :3] = 0
    ceiling[:, :, 3] = 0.8
    return latent(ceiling)


def guider_of(host, weights, guidance=4.0):
    clip = host.models.make_clip(text_weights(), dtype="fp32")
    model = host.models.make_model(weights, dtype="fp32")
    prompts = (host.models.encode_prompt(clip, text) for text in ("a red cube", ""))
    return host.sampling.make_guider(model, *prompts, guidance)


def sample(host, guider, given, solver="euler", *, tokens=False):
    noise = FrameNoise(7)
    sampler = host.sampling.make_sampler(SOLVERS[solver], {})
    sampler = host.sampling.with_options(sampler, {"noise": step_noise_of(noise, given)})
    drawn = noise.generate_noise(given)
    if not tokens:
        return host.sampling.sample(guider, drawn, sampler, SIGMAS, given, 7)
    extras = {key: each for key, each in given.items() if key != "samples"}
    packed = [patchify([each]) for each in (drawn, given["samples"])]
    sampler = host.sampling.make_sampler(SOLVERS[solver], {})
    return host.sampling.sample_tokens(
        guider, packed[0], sampler, SIGMAS, packed[1], [extras], 7
    ).values


def stock(guider, given):
    """What SamplerCustomAdvanced does: it knows the mask alone."""
    noise = FrameNoise(7).generate_noise(given)
    return guider.sample(
        noise,
        given["samples"],
        comfy.samplers.KSAMPLER(SOLVERS["euler"], {}),
        SIGMAS,
        denoise_mask=given["noise_mask"],
        seed=7,
    )


def apart(one, other):
    return float((one - other).abs().max())


def measure():
    theirs, ours = ComfyHost(), StandaloneHost(device="cpu")
    found = {"hosts": {}, "held": {}, "plain": {}, "acts": {}}
    given = mixed()
    held = given["noise_ceiling"].expand(SHAPE) == 0
    for levels in (True, False):
        guiders = [guider_of(host, dit_weights(token_levels=levels)) for host in (theirs, ours)]
        for solver in SOLVERS if levels else ("euler",):
            name = f"{solver} {'levels' if levels else 'one level'}"
            made = [
                sample(host, guider, given, solver)
                for host, guider in zip((theirs, ours), guiders, strict=True)
            ]
            found["hosts"][name] = apart(*made)
            found["held"][name] = [
                bool((each[held] == given["samples"][held]).all()) for each in made
            ]
        made = [
            sample(host, guider, given, tokens=True)
            for host, guider in zip((theirs, ours), guiders, strict=True)
        ]
        found["hosts"][f"tokens {levels}"] = apart(*made)
        guider, whole = guiders[0], latent(torch.ones(1, 1, 5, 8, 6))
        bare = {key: each for key, each in whole.items() if key != "noise_ceiling"}
        name = "levels" if levels else "one level"
        found["plain"][name] = apart(sample(theirs, guider, whole), sample(theirs, guider, bare))
        masked = {key: each for key, each in given.items() if key != "noise_ceiling"}
        found["acts"][name] = apart(sample(theirs, guider, masked), sample(theirs, guider, given))
        untold = {key: masked[key] for key in ("samples", "noise_mask")}
        found["stock " + name] = apart(stock(guider, given), sample(theirs, guider, untold))
    native = guider_of_native(theirs)
    made = sample(theirs, native, given)
    found["native held"] = bool((made[held] == given["samples"][held]).all())
    found["native acts"] = apart(
        made, sample(theirs, native, {k: v for k, v in given.items() if k != "noise_ceiling"})
    )
    timeline = {"samples": given["samples"], "noise_mask": given["noise_mask"]}
    made = sample(theirs, guiders[0], {**timeline, "spacetime_timeline": None})
    found["timeline held"] = bool((made[held] == given["samples"][held]).all())
    about = theirs.sampling.about(guiders[0])
    found["process"] = about.process.value
    return found


def guider_of_native(host):
    clip = host.models.make_clip(text_weights(), dtype="fp32")
    prompts = (host.models.encode_prompt(clip, text) for text in ("a red cube", ""))
    return host.sampling.make_guider(native_wan(wan_state()), *prompts, 4.0)


with torch.inference_mode():
    report(**measure())
