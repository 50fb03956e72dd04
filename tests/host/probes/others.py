"""The pack's nodes on ComfyUI's own video networks: Stable Video Diffusion, frames as a batch."""
# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false

from setting import report  # isort: skip
from unets import animated, svd  # isort: skip

import torch
from comfy.k_diffusion import sampling
from comfy.samplers import KSAMPLER
from comfy_extras.nodes_custom_sampler import BasicScheduler

from spacetime_video import hosts
from spacetime_video.hosts.comfyui.host import ComfyHost

hosts.use(ComfyHost())

from spacetime_video.nodes.sampling.noise import SpacetimeNoise  # noqa: E402
from spacetime_video.nodes.sampling.sampling import SpacetimeDenoiser, SpacetimeSample  # noqa: E402
from spacetime_video.nodes.sampling.solvers import SpacetimeSolver  # noqa: E402
from spacetime_video.nodes.schedules.schedules import SpacetimeSchedule  # noqa: E402

FRAMES, STEPS, GUIDANCE, SEED = 5, 4, 2.0, 3
THEIRS = {
    "euler": sampling.sample_euler,
    "heun": sampling.sample_heun,
    "dpmpp_2m": sampling.sample_dpmpp_2m,
}


def output(node, *values):
    return node.execute(*values).args[0]


def sample(guider, sampler, sigmas):
    latent = {"samples": torch.zeros(FRAMES, 4, 8, 6)}
    noise = output(SpacetimeNoise, SEED)
    return output(SpacetimeSample, guider, noise, sampler, sigmas, latent)["samples"]


def refusal(guider):
    flow = output(SpacetimeSchedule, STEPS, 3.0)
    try:
        sample(guider, output(SpacetimeSolver, "euler"), flow)
    except ValueError as error:
        return str(error)
    return ""


def measure(make):
    model, (positive, negative) = make()
    guider = output(SpacetimeDenoiser, model, positive, negative, GUIDANCE)
    sigmas = BasicScheduler().get_sigmas(model, "karras", STEPS, 1.0)[0]
    ours = {
        name: sample(guider, output(SpacetimeSolver, name), sigmas) for name in (*THEIRS, "unipc")
    }
    theirs = {name: sample(guider, KSAMPLER(solver), sigmas) for name, solver in THEIRS.items()}
    return {
        "finite": {name: bool(each.isfinite().all()) for name, each in ours.items()},
        "shape": list(ours["euler"].shape),
        "size": {name: float(each.std()) for name, each in ours.items()},
        "apart": float((ours["unipc"] - ours["dpmpp_2m"]).norm() / ours["dpmpp_2m"].norm()),
        "difference": {
            name: float((ours[name] - each).abs().max() / each.abs().max())
            for name, each in theirs.items()
        },
        "first_level": float(sigmas[0]),
        "refusal": refusal(guider),
    }


with torch.inference_mode():
    report(svd=measure(svd), animated=measure(animated))
