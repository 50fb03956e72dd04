"""The standalone host's KSampler beside ComfyUI's: how far apart are their results?"""
# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false

from setting import dit_weights, report, seeded, text_weights  # isort: skip

from types import SimpleNamespace

import torch
from comfy.extra_samplers.uni_pc import sample_unipc
from comfy.k_diffusion import sampling
from comfy.model_sampling import CONST, ModelSamplingDiscreteFlow
from comfy.samplers import SCHEDULER_NAMES, calculate_sigmas

import nodes
from spacetime_video import hosts
from spacetime_video.hosts.comfyui.host import ComfyHost
from spacetime_video.hosts.standalone.host import StandaloneHost
from spacetime_video.hosts.standalone.stock_ksampler import KSampler as OurKSampler
from spacetime_video.hosts.standalone.stock_ksampler import KSamplerAdvanced as OurAdvanced
from spacetime_video.hosts.standalone.stock_ksampler import batch_noise
from spacetime_video.hosts.standalone.stock_solvers import SAMPLERS
from spacetime_video.samplers.schedules.stock import SCHEDULERS, simple_sigmas

SEED, STEPS, GUIDANCE = 2**40 + 3, 4, 4.0


def given(rows=1, **extras):
    return {"samples": torch.randn(rows, 16, 3, 8, 6, generator=seeded(5)), **extras}


PAIRS = [
    *((sampler, "simple") for sampler in SAMPLERS),
    *(("euler", scheduler) for scheduler in SCHEDULERS),
    *(("uni_pc", scheduler) for scheduler in SCHEDULERS),
    ("heun", "normal"),
]

RUNS = {
    **{
        f"{sampler} {scheduler}": (sampler, scheduler, {"samples": torch.zeros(1, 16, 3, 8, 6)}, 1)
        for sampler, scheduler in PAIRS
    },
    "uni_pc denoise": ("uni_pc", "simple", given(), 0.6),
    "lcm batch": ("lcm", "simple", given(rows=2), 0.6),
    "denoise": ("heun", "simple", given(), 0.6),
    "nothing": ("euler", "simple", given(), 0.0),
    "batch": ("euler", "simple", given(rows=2, batch_index=[3, 1]), 0.6),
    "wider": ("euler", "simple", {"samples": torch.zeros(1, 4, 3, 8, 6), "fps": 16.0}, 1),
}


class WithScaling:
    """A denoiser that says how its model adds noise, where ComfyUI's LCM sampler looks for it."""

    def __init__(self, denoiser):
        self.denoiser = denoiser
        model = SimpleNamespace(model_sampling=CONST())
        model.model_patcher = SimpleNamespace(get_model_object=lambda name: CONST(), model=model)
        self.inner_model = SimpleNamespace(inner_model=model, model_patcher=model.model_patcher)

    def __call__(self, x, sigma, **_):
        return self.denoiser(x, sigma)


def sample_lcm(denoiser, x, sigmas, extra_args=None, callback=None, disable=None):
    return sampling.sample_lcm(WithScaling(denoiser), x, sigmas, {"seed": SEED}, callback, disable)


def sample_uni_pc(denoiser, x, sigmas, extra_args=None, callback=None, disable=None):
    """ComfyUI's sampler ends at level 0.001, which its KSAMPLER divides out afterwards."""
    levels = sigmas.clone()
    out = sample_unipc(denoiser, x, levels, extra_args={})
    return CONST().inverse_noise_scaling(levels[-1], out)


THEIR_SOLVERS = {
    "euler": sampling.sample_euler,
    "lcm": sample_lcm,
    "dpmpp_2m": sampling.sample_dpmpp_2m,
    "uni_pc": sample_uni_pc,
}


def levels_of(name, shift):
    """KSampler leaves the last but one of its levels out for uni_pc."""
    if name != "uni_pc":
        return simple_sigmas(STEPS, shift)
    sigmas = simple_sigmas(STEPS + 1, shift)
    return torch.cat([sigmas[:-2], sigmas[-1:]])


def sample_by(host, name):
    """The standalone host's model under a solver of ComfyUI, with KSampler's noise and levels."""
    model, prompts = model_and_prompts(host)
    latent = {"samples": torch.zeros(1, 16, 3, 8, 6)}
    return host.sampling.sample(
        host.sampling.make_guider(model, *prompts, GUIDANCE),
        batch_noise(latent["samples"], SEED),
        host.sampling.make_sampler(THEIR_SOLVERS[name], {}),
        levels_of(name, model.shift),
        latent,
        SEED,
    )


def ksampler(name):
    model, prompts = model_and_prompts(ComfyHost())
    latent = {"samples": torch.zeros(1, 16, 3, 8, 6)}
    values = (model, SEED, STEPS, GUIDANCE, name, "simple", *prompts, latent)
    return nodes.KSampler().sample(*values)[0]["samples"]


def model_and_prompts(host):
    clip = host.models.make_clip(text_weights(), dtype="fp32")
    model = host.models.make_model(dit_weights(), dtype="fp32")
    return model, [host.models.encode_prompt(clip, text) for text in ("a red cube moves left", "")]


def measure(host, sample):
    model, prompts = model_and_prompts(host)
    return {
        name: sample(model, SEED, STEPS, GUIDANCE, sampler, scheduler, *prompts, latent, denoise)
        for name, (sampler, scheduler, latent, denoise) in RUNS.items()
    }


SPLITS = {
    "two parts": (("enable", 0, 2, "enable"), ("disable", 2, 10_000, "disable")),
    "a jump to the end": (("enable", 0, 2, "disable"),),
    "a part left out": (("enable", 1, 10_000, "disable"),),
    "no step": (("enable", 9, 10_000, "disable"),),
    "noise left": (("enable", 0, 3, "enable"),),
}


def in_parts(host, sample, sampler):
    """What a chain of KSampler (Advanced) makes of a latent."""
    model, prompts = model_and_prompts(host)
    made = {}
    for name, parts in SPLITS.items():
        latent = given()
        for noise, start, end, left in parts:
            values = (model, noise, SEED, STEPS, GUIDANCE, sampler, "simple", *prompts, latent)
            latent = sample(*values, start, end, left)
        made[f"{sampler}: {name}"] = latent["samples"]
    return made


def draws_from_the_next_seed():
    """Whether a stochastic sampler begins with the seed after the run's, as newer hosts do."""
    drawn = sampling.default_noise_sampler(torch.zeros(4), seed=SEED)(None, None)
    return torch.equal(drawn, torch.randn(4, generator=seeded(SEED + 1)))


LEVELS = [(shift, steps) for shift in (1.0, 3.0, 8.0) for steps in (1, 2, 7, 20, 50)]


def levels_apart(name):
    """The largest difference of the scheduler's levels; infinite where their number differs."""
    apart = []
    for shift, steps in LEVELS:
        if name == "kl_optimal" and steps == 1:  # not a number there
            continue
        sampling = ModelSamplingDiscreteFlow()
        sampling.set_parameters(shift=shift, multiplier=1000)
        theirs = calculate_sigmas(sampling, name, steps)
        ours = SCHEDULERS[name](steps, shift)
        same = theirs.shape == ours.shape
        apart.append(float((theirs - ours).abs().max()) if same else float("inf"))
    return max(apart)


with torch.inference_mode():
    theirs = measure(ComfyHost(), lambda *values: nodes.KSampler().sample(*values)[0])
    standalone = StandaloneHost(device="cpu")
    hosts.use(standalone)
    ours = measure(standalone, lambda *values: OurKSampler.execute(*values).args[0])
    parts_apart = {}
    for sampler in ("euler", "uni_pc"):
        hosts.use(standalone)
        own = in_parts(standalone, lambda *v: OurAdvanced.execute(*v).args[0], sampler)
        their = in_parts(ComfyHost(), lambda *v: nodes.KSamplerAdvanced().sample(*v)[0], sampler)
        parts_apart |= {name: float((own[name] - their[name]).abs().max()) for name in own}
    under_their_solvers = {
        name: float((sample_by(standalone, name) - ksampler(name)).abs().max())
        for name in THEIR_SOLVERS
    }


report(
    parts=parts_apart,
    next_seed=draws_from_the_next_seed(),
    levels={name: levels_apart(name) for name in SCHEDULER_NAMES},
    under_their_solvers=under_their_solvers,
    difference={
        name: float((ours[name]["samples"] - theirs[name]["samples"]).abs().max()) for name in RUNS
    },
    size={name: float(theirs[name]["samples"].abs().mean()) for name in RUNS},
    keys=[sorted(ours[name]) == sorted(theirs[name]) for name in RUNS],
)
