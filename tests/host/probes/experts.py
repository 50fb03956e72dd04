"""Two experts as one GUIDER in ComfyUI and in the standalone host."""
# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false

from setting import dit_weights, report, seeded, text_weights  # isort: skip
from native import CONFIG, native_wan, wan_state  # isort: skip

from dataclasses import replace

import comfy.samplers
import torch

from spacetime_video.hosts.comfyui.host import ComfyHost
from spacetime_video.hosts.standalone.host import StandaloneHost
from spacetime_video.samplers.ceilings import under_ceiling
from spacetime_video.samplers.noise.frames import FrameNoise
from spacetime_video.samplers.noise.sources import step_noise_of
from spacetime_video.samplers.process import NoiseProcess
from spacetime_video.samplers.resampling import resampled
from spacetime_video.samplers.schedules.flow import flow_sigmas
from spacetime_video.samplers.solvers import SOLVERS, STOCHASTIC_SOLVERS

SIGMAS = flow_sigmas(6, shift=3.0)
BOUNDARY = 0.75
SHAPE = (1, 16, 3, 8, 6)
EVERY_SOLVER = {**SOLVERS, **STOCHASTIC_SOLVERS}
theirs, ours = ComfyHost(), StandaloneHost(device="cpu")


def clip():
    mask = torch.ones(1, 1, *SHAPE[2:])
    mask[:, :, 0] = 0
    samples = torch.randn(SHAPE, generator=seeded(1))
    return {"samples": samples, "noise_mask": mask, "fps": 16.0}


def weights(scale):
    """Two sets of weights of one kind."""
    known = dit_weights(token_levels=True)
    return replace(known, state={name: each * scale for name, each in known.state.items()})


def guiders(host, models, scales=(4.0, 2.0)):
    clip = host.models.make_clip(text_weights(), dtype="fp32")
    prompts = [host.models.encode_prompt(clip, text) for text in ("a red cube", "")]
    pairs = zip(models, scales, strict=True)
    return [host.sampling.make_guider(model, *prompts, scale) for model, scale in pairs]


def sample(host, guider, solver, *, repeated=False):
    given, noise = clip(), FrameNoise(7)
    function = EVERY_SOLVER[solver]
    if repeated:
        function = resampled(function, process=NoiseProcess.FLOW)
    draws = step_noise_of(noise, given)
    sampler = host.sampling.make_sampler(function, {})
    sampler = host.sampling.with_options(sampler, {"noise": draws})
    drawn = noise.generate_noise(given)
    return host.sampling.sample(guider, drawn, sampler, SIGMAS, given, 7)


def stock(guider, name, told=None):
    """As SamplerCustomAdvanced runs it, with a solver of ComfyUI's."""
    given = clip()
    return guider.sample(
        FrameNoise(7).generate_noise(given),
        given["samples"],
        comfy.samplers.sampler_object(name),
        SIGMAS,
        denoise_mask=given["noise_mask"],
        callback=None if told is None else lambda step, x0, x, total: told.append([step, total]),
        seed=7,
    )


def apart(one, other):
    return float((one - other).abs().max())


def refusal(run):
    try:
        run()
    except ValueError as error:
        return str(error)
    return ""


def measure():
    found = {"hosts": {}, "same": {}, "stock": {}, "acts": {}}
    pairs = {
        host: [host.models.make_model(weights(scale), dtype="fp32") for scale in (1.0, 0.9)]
        for host in (theirs, ours)
    }
    both = {
        host: host.sampling.handed_over(*guiders(host, pairs[host]), BOUNDARY) for host in pairs
    }
    twice = guiders(theirs, [pairs[theirs][0]] * 2, (4.0, 4.0))
    same = theirs.sampling.handed_over(*twice, BOUNDARY)
    for solver in EVERY_SOLVER:
        for repeated in (False, True):
            name = f"{solver}{' repeated' if repeated else ''}"
            made = [sample(host, both[host], solver, repeated=repeated) for host in both]
            found["hosts"][name] = apart(*made)
            made = [sample(theirs, each, solver, repeated=repeated) for each in (same, twice[0])]
            found["same"][name] = apart(*made)
    alone = guiders(theirs, pairs[theirs])
    for number, each in enumerate(alone):
        found["acts"][number] = apart(
            sample(theirs, both[theirs], "euler"), sample(theirs, each, "euler")
        )
    told = []
    for name in ("euler", "heun"):
        found["stock"][name] = apart(stock(same, name, told), stock(twice[0], name))
    found["told"] = told[: len(SIGMAS) - 1]
    wrapped = [
        theirs.sampling.with_wrapper(each, under_ceiling(torch.full((1, 1, *SHAPE[2:]), 0.5)))
        for each in (same, twice[0])
    ]
    found["same"]["wrapped"] = apart(*(sample(theirs, each, "euler") for each in wrapped))
    states = [wan_state(CONFIG), {k: v * 0.9 for k, v in wan_state(CONFIG).items()}]
    native = guiders(theirs, [native_wan(each) for each in states])
    made = sample(theirs, theirs.sampling.handed_over(*native, BOUNDARY), "euler")
    found["acts"]["native"] = min(apart(made, sample(theirs, each, "euler")) for each in native)
    found["refused"] = refusal(
        lambda: theirs.sampling.handed_over(both[theirs], alone[1], BOUNDARY)
    )
    return found


with torch.inference_mode():
    report(**measure())
