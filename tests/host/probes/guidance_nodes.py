"""The nodes of guidance, step cache and noise in both hosts, beside other nodes' patches."""
# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false

from setting import dit_weights, report, seeded, text_weights  # isort: skip
from native import native_wan, our_wan, wan_state  # isort: skip
from unets import svd  # isort: skip

import logging
from typing import Any, NamedTuple

import torch
from comfy.samplers import CFGGuider
from comfy_extras.nodes_custom_sampler import Noise_RandomNoise, SamplerCustomAdvanced

from spacetime_video import hosts
from spacetime_video.hosts.comfyui.host import ComfyHost
from spacetime_video.hosts.standalone.host import StandaloneHost

hosts.use(ComfyHost())

from spacetime_video.nodes.guidance.blocks import (  # noqa: E402
    SpacetimeAttentionGuidance,
    SpacetimeSkipLayerGuidance,
)
from spacetime_video.nodes.guidance.guidance import (  # noqa: E402
    SpacetimeGuidanceInterval,
    SpacetimeGuidanceOverFrames,
    SpacetimeGuidanceOverSteps,
    SpacetimeGuidanceRescale,
)
from spacetime_video.nodes.guidance.rules import (  # noqa: E402
    SpacetimeCFGZeroStar,
    SpacetimeProjectedGuidance,
)
from spacetime_video.nodes.guidance.step_cache import SpacetimeStepCache  # noqa: E402
from spacetime_video.nodes.sampling.noise import (  # noqa: E402
    SpacetimeFrameSeeds,
    SpacetimeMixNoise,
    SpacetimeNoise,
    SpacetimeShiftNoise,
)
from spacetime_video.nodes.sampling.sampling import SpacetimeDenoiser, SpacetimeSample  # noqa: E402
from spacetime_video.nodes.sampling.solvers import SpacetimeSolver  # noqa: E402
from spacetime_video.nodes.schedules.schedules import SpacetimeSchedule  # noqa: E402

SCALE = 4.0


class Case(NamedTuple):
    node: Any
    values: tuple[Any, ...]
    scale: float = SCALE


CASES = {
    "interval": Case(SpacetimeGuidanceInterval, (0.4, 0.95)),
    "steps": Case(SpacetimeGuidanceOverSteps, (1.0,)),
    "frames": Case(SpacetimeGuidanceOverFrames, (1.0, True)),
    "rescale": Case(SpacetimeGuidanceRescale, (0.7,)),
    "projected": Case(SpacetimeProjectedGuidance, (0.1, -0.5, 0.2)),
    "zero_star": Case(SpacetimeCFGZeroStar, (1,)),
    "skipped": Case(SpacetimeSkipLayerGuidance, ("1-2", 1.5, 0.2, 1.0)),
    "attention": Case(SpacetimeAttentionGuidance, (5.0, 2.5, 0.25), 1.0),
    "cached": Case(SpacetimeStepCache, (0.3, 0.1, 0.95)),
}
NEUTRAL = {
    "interval": Case(SpacetimeGuidanceInterval, (0.0, 1.0)),
    "steps": Case(SpacetimeGuidanceOverSteps, (SCALE,)),
    "frames": Case(SpacetimeGuidanceOverFrames, (SCALE, False)),
    "rescale": Case(SpacetimeGuidanceRescale, (0.0,)),
    "projected": Case(SpacetimeProjectedGuidance, (1.0, 0.0, 0.0)),
    "skipped": Case(SpacetimeSkipLayerGuidance, ("", 0.0, 0.2, 0.9)),
    "attention": Case(SpacetimeAttentionGuidance, (1.0, 2.5, 0.25)),
    "cached": Case(SpacetimeStepCache, (0.0, 0.1, 0.95)),
}
TOGETHER = [name for name in CASES if name != "zero_star"]
KINDS = []
"""Of guiders that were measured."""


def output(node, *values):
    return node.execute(*values).args[0]


def latent(**extras):
    return {"samples": torch.zeros(1, 16, 3, 8, 6), "fps": 16.0, **extras}


def sample(guider, noise=None, given=None, steps=6):
    noise = noise or output(SpacetimeNoise, 7)
    parts = (noise, output(SpacetimeSolver, "euler"), output(SpacetimeSchedule, steps, 3.0))
    return output(SpacetimeSample, guider, *parts, given or latent())["samples"]


class Setting:
    """A host with a model and prompts."""

    def __init__(self, host, make=lambda host: host.models.make_model(dit_weights(), dtype="fp32")):
        hosts.use(host)
        self.model = make(host)
        clip = host.models.make_clip(text_weights(), dtype="fp32")
        self.prompts = [
            host.models.encode_prompt(clip, text) for text in ("a red cube", "a blue cube")
        ]

    def guider(self, scale=SCALE, model=None):
        return output(SpacetimeDenoiser, model or self.model, *self.prompts, scale)

    def changed(self, case, model=None):
        return output(case.node, self.guider(case.scale, model), *case.values)


def noises():
    seeds = output(SpacetimeFrameSeeds, output(SpacetimeNoise, 7), "0: 5, 2: 17")
    mixed = output(SpacetimeMixNoise, seeds, output(SpacetimeNoise, 8), 0.4)
    return {"seeds": seeds, "mixed": mixed, "shifted": output(SpacetimeShiftNoise, mixed, 2)}


def standalone_host():
    """The other host under the same nodes, whose schemas were made with ComfyUI's names."""
    host = StandaloneHost(device="cpu")
    host.io = ComfyHost.io
    return host


def measure(host):
    """What a host makes of every node, by name."""
    setting = Setting(host)
    KINDS.append(type(setting.guider()).__name__)
    made = {"plain": sample(setting.guider()), "bare": sample(setting.guider(1.0))}
    for name, case in CASES.items():
        made[name] = sample(setting.changed(case), steps=12 if name == "cached" else 6)
    together = setting.guider()
    for name in TOGETHER:
        together = output(CASES[name].node, together, *CASES[name].values)
    made["together"] = sample(together, noises()["shifted"])
    for name, noise in noises().items():
        made[name] = sample(setting.guider(), noise)
    return made


def neutral(setting):
    """Largest difference from no node at all."""
    plain = sample(setting.guider())
    return {
        name: float((sample(setting.changed(case)) - plain).abs().max())
        for name, case in NEUTRAL.items()
    }


def given(host):
    """How far given frames and the others are from what they were."""
    setting = Setting(
        host, lambda host: host.models.make_model(dit_weights(token_levels=True), dtype="fp32")
    )
    start = torch.randn(1, 16, 3, 8, 6, generator=seeded(1))
    mask = torch.tensor([0.0, 1, 1]).reshape(1, 1, 3, 1, 1)
    changes = {
        name: (sample(setting.changed(case), given=latent(samples=start, noise_mask=mask)) - start)
        for name, case in CASES.items()
    }
    return {
        "given": {name: float(each[:, :, :1].abs().max()) for name, each in changes.items()},
        "made": {name: float(each[:, :, 1:].abs().max()) for name, each in changes.items()},
    }


def stock(setting):
    """The host's own guider, sampler node, noise and network around our nodes."""
    guider = CFGGuider(setting.model)
    guider.set_conds(*setting.prompts)
    guider.set_cfg(SCALE)
    taken = output(SpacetimeGuidanceInterval, guider, *CASES["interval"].values)
    parts = (output(SpacetimeSolver, "euler"), output(SpacetimeSchedule, 6, 3.0))
    noise = noises()["seeds"]
    theirs, _ = SamplerCustomAdvanced().sample(noise, taken, *parts, latent())
    ours = sample(setting.changed(CASES["interval"]), noise)
    mixed = output(SpacetimeMixNoise, Noise_RandomNoise(3), output(SpacetimeNoise, 4), 0.5)
    return {
        "sampler": float((theirs["samples"] - ours).abs().max()),
        "mixed_size": float(mixed.generate_noise({"samples": torch.zeros(1, 16, 9, 32, 32)}).std()),
    }


class Patch:
    """Another node's patch after guidance; it writes down what it was told."""

    def __init__(self):
        self.told = []

    def __call__(self, told):
        self.told.append(told)
        return told["denoised"] + 0.3 * (told["cond_denoised"] - told["uncond_denoised"])

    def applied(self, model, **options):
        patched = model.clone()
        patched.set_model_sampler_post_cfg_function(self, **options)
        return patched


NO_SKIP = Case(SpacetimeSkipLayerGuidance, ("", 0.0, 0.2, 0.9), 1.0)


def patched(setting):
    """The patch of another node around the host's own guidance and around ours."""
    model, found = setting.model, {}
    for name, case, options in (
        ("guided", NEUTRAL["steps"], {}),
        ("unguided", NO_SKIP, {}),
        ("unguided_told", NO_SKIP, {"disable_cfg1_optimization": True}),
    ):
        with_patch = Patch().applied(model, **options)
        theirs = sample(setting.guider(case.scale, with_patch))
        ours = sample(setting.changed(case, with_patch))
        found[name] = float((theirs - ours).abs().max())
    calls, changed = {}, {}
    for name, case in CASES.items():
        patch = Patch()
        made = sample(setting.changed(case, patch.applied(model)))
        calls[name] = len(patch.told)
        changed[name] = float((made - sample(setting.changed(case))).abs().max())
    return {"difference": found, "calls": calls, "changed": changed}


def warnings(setting):
    """What the log says where another node's own guidance has no effect."""
    model = setting.model.clone()
    model.set_model_sampler_cfg_function(lambda told: told["cond"])
    logged = []
    handler = logging.Handler()
    handler.emit = lambda record: logged.append(record.getMessage())
    logging.getLogger().addHandler(handler)
    sample(setting.guider(model=model), steps=1)
    before = list(logged)
    sample(setting.changed(CASES["rescale"], model), steps=1)
    logging.getLogger().removeHandler(handler)
    return {"plain": before, "changed": logged[len(before) :]}


def refusal(make):
    try:
        make()
    except ValueError as error:
        return str(error)
    return ""


def wan():
    """ComfyUI's own Wan network with stock nodes, and beside ours with the same weights."""
    state, found = wan_state(), {}
    skip = Case(SpacetimeSkipLayerGuidance, ("1", 1.5, 0.0, 1.0))
    native = Setting(ComfyHost(), lambda host: native_wan(state))
    ours = Setting(ComfyHost(), lambda host: our_wan(host, state))
    for name, case in {**CASES, "skipped": skip}.items():
        if name != "attention":
            made = [sample(setting.changed(case)) for setting in (native, ours)]
            found[name] = float((made[0] - made[1]).abs().max())
    return {
        "difference": found,
        "no_block": refusal(lambda: native.changed(skip._replace(values=("2", 1.0, 0.2, 0.9)))),
        "no_attention": refusal(lambda: native.changed(CASES["attention"])),
        "stock": stock(native),
    }


def compare(ours, theirs):
    return {
        "difference": {name: float((ours[name] - theirs[name]).abs().max()) for name in ours},
        "size": {name: float(value.abs().mean()) for name, value in theirs.items()},
        "from_plain": {
            name: float((value - theirs["plain"]).abs().max()) for name, value in theirs.items()
        },
        "from_bare": float((theirs["attention"] - theirs["bare"]).abs().max()),
    }


with torch.inference_mode():
    standalone = measure(standalone_host())
    both = compare(standalone, measure(ComfyHost()))
    setting = Setting(ComfyHost())
    report(
        **both,
        kinds=KINDS,
        neutral=neutral(setting),
        kept=given(ComfyHost()),
        patched=patched(setting),
        warnings=warnings(setting),
        wan=wan(),
        no_blocks=refusal(
            lambda: output(SpacetimeSkipLayerGuidance, CFGGuider(svd()[0]), "", 1.0, 0.2, 0.9)
        ),
    )
