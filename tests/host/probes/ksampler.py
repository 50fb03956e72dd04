"""The standalone host's KSampler beside ComfyUI's: how far apart are their results?"""
# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false

from setting import dit_weights, report, seeded, text_weights  # isort: skip

import torch

import nodes
from spacetime_video import hosts
from spacetime_video.hosts.comfyui.host import ComfyHost
from spacetime_video.hosts.standalone.host import StandaloneHost
from spacetime_video.hosts.standalone.stock_ksampler import SAMPLERS, SCHEDULERS
from spacetime_video.hosts.standalone.stock_ksampler import KSampler as OurKSampler

SEED, STEPS, GUIDANCE = 2**40 + 3, 4, 4.0


def given(rows=1, **extras):
    return {"samples": torch.randn(rows, 16, 3, 8, 6, generator=seeded(5)), **extras}


RUNS = {
    **{
        f"{sampler} {scheduler}": (sampler, scheduler, {"samples": torch.zeros(1, 16, 3, 8, 6)}, 1)
        for sampler in SAMPLERS
        for scheduler in SCHEDULERS
    },
    "denoise": ("heun", "simple", given(), 0.6),
    "nothing": ("euler", "simple", given(), 0.0),
    "batch": ("euler", "simple", given(rows=2, batch_index=[3, 1]), 0.6),
    "wider": ("euler", "simple", {"samples": torch.zeros(1, 4, 3, 8, 6), "fps": 16.0}, 1),
}


def measure(host, sample):
    clip = host.make_clip(text_weights(), dtype="fp32")
    model = host.make_model(dit_weights(), dtype="fp32")
    prompts = [host.encode_prompt(clip, text) for text in ("a red cube moves left", "")]
    return {
        name: sample(model, SEED, STEPS, GUIDANCE, sampler, scheduler, *prompts, latent, denoise)
        for name, (sampler, scheduler, latent, denoise) in RUNS.items()
    }


with torch.inference_mode():
    theirs = measure(ComfyHost(), lambda *values: nodes.KSampler().sample(*values)[0])
    standalone = StandaloneHost(device="cpu")
    hosts.use(standalone)
    ours = measure(standalone, lambda *values: OurKSampler.execute(*values).args[0])
report(
    difference={
        name: float((ours[name]["samples"] - theirs[name]["samples"]).abs().max()) for name in RUNS
    },
    size={name: float(theirs[name]["samples"].abs().mean()) for name in RUNS},
    keys=[sorted(ours[name]) == sorted(theirs[name]) for name in RUNS],
)
