"""Recipes and stochastic solvers in ComfyUI's objects and in the standalone host's."""
# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false

from setting import dit_weights, report, seeded, text_weights  # isort: skip

from dataclasses import replace
from functools import partial

import torch
from comfy.samplers import KSAMPLER, CFGGuider

from spacetime_video.hosts.comfyui.host import ComfyHost
from spacetime_video.hosts.standalone.host import StandaloneHost
from spacetime_video.models.patchify import patchify
from spacetime_video.samplers.checkpoint import Checkpoint
from spacetime_video.samplers.guidance.nag import AttentionGuidance
from spacetime_video.samplers.guidance.plan import GuidancePlan, Projection, SkipLayers, ZeroStar
from spacetime_video.samplers.guidance.step_cache import StepCache
from spacetime_video.samplers.noise.frames import FrameNoise
from spacetime_video.samplers.schedules.flow import flow_sigmas
from spacetime_video.samplers.solvers import SOLVERS, STOCHASTIC_SOLVERS

SIGMAS = flow_sigmas(5, shift=3.0)
LONG = flow_sigmas(12, shift=3.0)
PLANS = {
    "interval": {"low": 0.5},
    "over_steps": {"last_scale": 1.0},
    "over_frames": {"first_frame_scale": 1.0},
    "projected": {"rule": Projection(threshold=0.2, momentum=-0.3)},
    "zero_star": {"rule": ZeroStar()},
    "rescaled": {"rescale": 0.7},
    "skipped": {"skip": SkipLayers(blocks=(1,), low=0.0, high=1.0)},
    "attention": {"scale": 1.0, "attention": AttentionGuidance()},
    "everything": {
        "rule": Projection(),
        "rescale": 0.5,
        "skip": SkipLayers(blocks=(1, 2)),
        "attention": AttentionGuidance(),
    },
    "cached": {"cache": StepCache(threshold=0.3)},
}


def latent(**extras):
    return {"samples": torch.zeros(1, 16, 3, 8, 6), "fps": 16.0, **extras}


def measure(host):
    """Everything that a host makes, by name."""
    clip = host.models.make_clip(text_weights(), dtype="fp32")
    model = host.models.make_model(dit_weights(), dtype="fp32")
    positive, negative = (host.models.encode_prompt(clip, text) for text in ("a red cube", ""))
    guider = host.sampling.make_guider(model, positive, negative, 4.0)
    euler = host.sampling.make_sampler(SOLVERS["euler"], {})
    noise = FrameNoise(7).generate_noise(latent())
    made = {}
    for name, changes in PLANS.items():
        changed = host.sampling.with_plan(guider, partial(replace, **changes))
        sigmas = LONG if name == "cached" else SIGMAS
        made[name] = host.sampling.sample(changed, noise, euler, sigmas, latent(), 7)
        tokens = patchify([latent()["samples"]])
        packed = host.sampling.sample_tokens(
            changed, patchify([noise]), euler, sigmas, tokens, [{"fps": 16.0}], 7
        )
        made[f"{name}_packed"] = packed.values
    made["plain"] = host.sampling.sample(guider, noise, euler, SIGMAS, latent(), 7)
    for name, solver in STOCHASTIC_SOLVERS.items():
        sampler = host.sampling.make_sampler(solver, {})
        made[name] = host.sampling.sample(guider, noise, sampler, SIGMAS, latent(), 7)
        other = host.sampling.with_options(sampler, {"eta": 0.5, "unknown": 1})
        made[f"{name}_half"] = host.sampling.sample(guider, noise, other, SIGMAS, latent(), 7)
    unipc, checkpoint = host.sampling.make_sampler(SOLVERS["unipc"], {}), Checkpoint(stop=3)
    made["whole"] = host.sampling.sample(guider, noise, unipc, SIGMAS, latent(), 7)
    host.sampling.sample(
        guider,
        noise,
        host.sampling.with_options(unipc, {"checkpoint": checkpoint}),
        SIGMAS,
        latent(),
        7,
    )
    rest = host.sampling.with_options(unipc, {"checkpoint": Checkpoint(checkpoint.state)})
    made["resumed"] = host.sampling.sample(guider, noise, rest, SIGMAS, latent(), 7)
    return made


def stock(host):
    """A plain guider of the host is taken over; a guider with other rules is refused."""
    clip = host.models.make_clip(text_weights(), dtype="fp32")
    guider = CFGGuider(host.models.make_model(dit_weights(), dtype="fp32"))
    guider.set_conds(
        host.models.encode_prompt(clip, "a red cube"), host.models.encode_prompt(clip, "")
    )
    guider.set_cfg(4.0)
    noise = FrameNoise(7).generate_noise(latent())
    sampler = host.sampling.make_sampler(SOLVERS["euler"], {})
    taken = host.sampling.with_plan(guider, lambda plan: replace(plan, low=0.5))
    return host.sampling.sample(taken, noise, sampler, SIGMAS, latent(), 7)


def refusal(host):
    class Other(CFGGuider):
        pass

    try:
        host.sampling.with_plan(
            Other(host.models.make_model(dit_weights(), dtype="fp32")), GuidancePlan
        )
    except ValueError as error:
        return str(error)
    return ""


with torch.inference_mode():
    theirs_host = ComfyHost()
    ours, theirs = measure(StandaloneHost(device="cpu")), measure(theirs_host)
    taken_over = stock(theirs_host)
    masked = latent(noise_mask=torch.tensor([0.0, 1, 1]).reshape(1, 1, 3, 1, 1))
    masked["samples"] = torch.randn(1, 16, 3, 8, 6, generator=seeded(1))
    model = theirs_host.models.make_model(dit_weights(token_levels=True), dtype="fp32")
    clip = theirs_host.models.make_clip(text_weights(), dtype="fp32")
    prompts = [theirs_host.models.encode_prompt(clip, text) for text in ("a red cube", "")]
    guided = theirs_host.sampling.with_plan(
        theirs_host.sampling.make_guider(model, *prompts, 4.0),
        partial(replace, rule=Projection(threshold=0.1), rescale=0.7),
    )
    kept = theirs_host.sampling.sample(
        guided,
        FrameNoise(7).generate_noise(masked),
        theirs_host.sampling.make_sampler(SOLVERS["euler"], {}),
        SIGMAS,
        masked,
        7,
    )
report(
    difference={name: float((ours[name] - theirs[name]).abs().max()) for name in ours},
    size={name: float(value.abs().mean()) for name, value in theirs.items()},
    from_plain={
        name: float((value - theirs["plain"]).abs().max())
        for name, value in theirs.items()
        if value.shape == theirs["plain"].shape
    },
    resumed=float((theirs["whole"] - theirs["resumed"]).abs().max()),
    taken_over=float((taken_over - theirs["interval"]).abs().max()),
    given_change=float((kept - masked["samples"])[:, :, 0].abs().max()),
    made_change=float((kept - masked["samples"])[:, :, 1:].abs().max()),
    refusal=refusal(theirs_host),
    stock_sampler=theirs_host.sampling.with_options(KSAMPLER(SOLVERS["euler"], {}), {}) is None,
)
