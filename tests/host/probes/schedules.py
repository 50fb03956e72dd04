"""Model Schedule on ComfyUI's own networks, beside the levels of its BasicScheduler."""
# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false

from setting import dit_weights, report, text_weights  # isort: skip
from unets import animated, svd  # isort: skip

import torch
from comfy_extras.nodes_custom_sampler import BasicScheduler
from comfy_extras.nodes_model_advanced import (
    ModelSamplingDiscrete,
    ModelSamplingFlux,
    ModelSamplingSD3,
)

from spacetime_video import hosts
from spacetime_video.hosts.comfyui.host import ComfyHost

host = ComfyHost()
hosts.use(host)

from spacetime_video.nodes.sampling.noise import SpacetimeNoise  # noqa: E402
from spacetime_video.nodes.sampling.sampling import SpacetimeDenoiser, SpacetimeSample  # noqa: E402
from spacetime_video.nodes.sampling.solvers import SpacetimeSolver  # noqa: E402
from spacetime_video.nodes.schedules.model_schedule import SpacetimeModelSchedule  # noqa: E402

STEPS = 20
THEIRS = {
    "trailing": "simple",
    "leading": "ddim_uniform",
    "karras": "karras",
    "exponential": "exponential",
    "beta": "beta",
    "linear-quadratic": "linear_quadratic",
}
"""The host's name of a spacing of ours."""


def output(node, *values):
    return node.execute(*values).args[0]


def ours(model, spacing, steps=STEPS, strength=1.0):
    return output(SpacetimeModelSchedule, model, steps, spacing, strength)


def theirs(model, scheduler, steps=STEPS, strength=1.0):
    return BasicScheduler().get_sigmas(model, scheduler, steps, strength)[0]


def apart(one, other):
    """Largest distance of two schedules' levels, each as a share of the level."""
    assert one.shape == other.shape, (one.shape, other.shape)
    assert one[-1] == other[-1] == 0
    return float(((one - other)[:-1].abs() / other[:-1]).max())


def apart_in_all(one, other):
    """The same as a share of the first level, where small levels are rounded to timesteps."""
    assert one.shape == other.shape, (one.shape, other.shape)
    return float((one - other).abs().max() / other[0])


def compared(model, spacings):
    return {
        f"{spacing} {strength}": (apart_in_all if spacing == "beta" else apart)(
            ours(model, spacing, strength=strength),
            theirs(model, THEIRS[spacing], strength=strength),
        )
        for spacing in spacings
        for strength in (1.0, 0.5)
    }


def sampled(model, prompts, latent, sigmas, solver="euler"):
    guider = output(SpacetimeDenoiser, model, *prompts, 2.0)
    parts = (output(SpacetimeNoise, 3), output(SpacetimeSolver, solver), sigmas)
    return output(SpacetimeSample, guider, *parts, latent)["samples"]


def same(model, prompts, latent, spacing):
    """How far a run on our levels is from one on the host's, and how large it is."""
    mine = sampled(model, prompts, latent, ours(model, spacing, 4))
    other = sampled(model, prompts, latent, theirs(model, THEIRS[spacing], 4))
    return [float((mine - other).abs().max() / other.abs().max()), float(mine.std())]


def refusal(model, spacing):
    try:
        ours(model, spacing)
    except ValueError as error:
        return str(error)
    return ""


def unets():
    frames = {"samples": torch.zeros(5, 4, 8, 6)}
    table, prompts = animated()
    consistent = ModelSamplingDiscrete().patch(table, "lcm", False)[0]
    ranged, ranged_prompts = svd()
    return {
        "animated": compared(table, ["trailing", "leading", "karras", "exponential", "beta"]),
        "svd": compared(ranged, ["karras", "exponential"]),
        "auto": {
            "animated": apart(ours(table, "auto"), ours(table, "trailing")),
            "svd": apart(ours(ranged, "auto"), ours(ranged, "karras")),
        },
        "lcm": {
            "of the patched": apart(ours(consistent, "lcm", 4), theirs(consistent, "simple", 4)),
            "of the plain": apart(ours(table, "lcm", 4), theirs(consistent, "simple", 4)),
        },
        "sampled": {
            "animated trailing": same(table, prompts, frames, "trailing"),
            "animated leading": same(table, prompts, frames, "leading"),
            "svd karras": same(ranged, ranged_prompts, frames, "karras"),
        },
        "consistent": float(
            sampled(consistent, prompts, frames, ours(consistent, "lcm", 4), "lcm").std()
        ),
        "first": {"animated": float(ours(table, "auto")[0]), "svd": float(ours(ranged, "auto")[0])},
        "refused": {
            "svd": refusal(ranged, "lcm"),
            "animated": refusal(table, "linear-quadratic"),
        },
    }


def flows():
    model = host.models.make_model(dit_weights(), dtype="fp32")
    clip = host.models.make_clip(text_weights(), dtype="fp32")
    prompts = [host.models.encode_prompt(clip, text) for text in ("a red cube", "")]
    shifted = ModelSamplingSD3().patch(model, 5.0)[0]
    by_size = ModelSamplingFlux().patch(model, 1.15, 0.5, 1024, 1024)[0]
    latent = {"samples": torch.zeros(1, 16, 3, 8, 6)}
    return {
        "default shift": dit_weights().shift,
        "shifts": [host.models.noise_levels(each).shift for each in (model, shifted, by_size)],
        "flow": compared(
            shifted, ["trailing", "karras", "exponential", "beta", "linear-quadratic"]
        ),
        "flow by size": compared(by_size, ["trailing"]),
        "flow sampled": same(shifted, prompts, latent, "trailing"),
        "flow refused": refusal(model, "leading"),
    }


with torch.inference_mode():
    report(**unets(), **flows())
