"""A clip made chunk by chunk in ComfyUI and in the standalone host."""
# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false

from setting import dit_weights, report, seeded, text_weights  # isort: skip
from native import native_wan, wan_state  # isort: skip

import torch

from spacetime_video import hosts
from spacetime_video.hosts.comfyui.host import ComfyHost
from spacetime_video.hosts.standalone.host import StandaloneHost
from spacetime_video.nodes.helpers.long_runs import LongRun
from spacetime_video.samplers.noise.frames import FrameNoise
from spacetime_video.samplers.schedules.flow import flow_sigmas
from spacetime_video.samplers.solvers import SOLVERS, STOCHASTIC_SOLVERS
from spacetime_video.timeline.chunks import ChunkPlan

KNOWN = {"nothing": [], "the beginning": [0, 1], "the end": [11, 12], "both ends": [0, 12]}
PLAN = ChunkPlan(length=5, context=2)


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
    return found


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
