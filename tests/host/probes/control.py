"""Control branches in ComfyUI's objects and in the standalone host's, and by ComfyUI's nodes."""
# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false

from setting import dit_weights, random_state, report, seeded, text_weights, vae_weights  # isort: skip
from native import native_wan, wan_state  # isort: skip

import copy
from functools import partial

import torch
from comfy import model_management, samplers
from comfy.context_windows import (
    IndexListContextHandler,
    get_matching_context_schedule,
    get_matching_fuse_method,
)
from comfy.controlnet import ControlBase

import nodes as stock
from spacetime_video.hosts.comfyui.host import ComfyHost
from spacetime_video.hosts.control import appended, with_control
from spacetime_video.hosts.standalone.host import StandaloneHost
from spacetime_video.model_loaders.load import ControlWeights
from spacetime_video.models.control.config import ControlConfig
from spacetime_video.models.control.network import DilatedBranch, build_control
from spacetime_video.models.dit.network import VideoDiT
from spacetime_video.models.patchify import patchify, to_patches
from spacetime_video.samplers.control import ControlStrength, FrameCurve
from spacetime_video.samplers.curves import Curve
from spacetime_video.samplers.noise.frames import FrameNoise
from spacetime_video.samplers.schedules.flow import flow_sigmas
from spacetime_video.samplers.solvers import SOLVERS
from spacetime_video.samplers.window_plans import WindowPlan
from spacetime_video.samplers.windows import context_windows

SIGMAS = flow_sigmas(4, shift=3.0)
BASE = dit_weights().config
CONFIGS = {
    "residual": ControlConfig(
        design="residual", after=(0, 2), base_dim=96, dim=96, heads=2, ffn_dim=192
    ),
    "dilated": ControlConfig(
        design="dilated",
        after=(0, 1),
        base_dim=96,
        dim=32,
        heads=2,
        ffn_dim=64,
        text_dim=32,
        text_length=12,
        freq_dim=32,
        conditions=("fps", "loop"),
    ),
}
MASK = torch.linspace(0, 1, 17)[:, None, None].expand(17, 8, 8)
FALLING = Curve(((0.0, 1.0), (0.7, 0.0)))
TOLD = (
    ControlStrength(frames=(FrameCurve(Curve(((0.0, 1.0), (1.0, 0.2)), "ease"), "seconds"),)),
    ControlStrength(steps=(FALLING,)),
    ControlStrength(blocks=(1.0, 0.5)),
    ControlStrength(weights=(MASK[:1] + 0.3,)),
)
"""What nodes say of a ControlNet before it is applied."""


def control_weights(design):
    config = CONFIGS[design]
    return ControlWeights(config, dit_weights().latent, random_state(build_control(config), 0.1))


def pictures(seed=3, frames=17):
    return torch.rand(frames, 64, 48, 3, generator=seeded(seed))


def latent(frames=5, **more):
    return {"samples": torch.zeros(1, 16, frames, 8, 6), **more}


class Setting:
    """A host with its model, its prompts and its controls."""

    def __init__(self, host, design):
        self.host = host
        clip = host.models.make_clip(text_weights(), dtype="fp32")
        self.model = host.models.make_model(dit_weights(), dtype="fp32")
        self.vae = host.models.make_vae(vae_weights(), dtype="fp32")
        self.prompts = [host.models.encode_prompt(clip, text) for text in ("a red cube", "")]
        self.net = host.models.make_control(control_weights(design), dtype="fp32")
        self.euler = host.sampling.make_sampler(SOLVERS["euler"], {})

    @property
    def told(self):
        """The ControlNet, told how strongly it acts."""
        net = self.net
        for strength in TOLD:
            net = self.host.models.with_strength(net, strength)
        return net

    def controlled(self, prompts=None, images=None, net=None, **strength):
        images = pictures() if images is None else images
        net = self.net if net is None else net

        def apply(before):
            told = ControlStrength(**strength)
            return self.host.models.controlled(net, before, images, self.vae, told)

        return with_control(self.prompts if prompts is None else prompts, apply)

    def guider(self, prompts):
        return self.host.sampling.make_guider(self.model, *prompts, 3.0)

    def sample(self, prompts, given=None, wrapper=None):
        given = latent(fps=16.0) if given is None else given
        guider, noise = self.guider(prompts), FrameNoise(7).generate_noise(given)
        if wrapper is not None:
            guider = self.host.sampling.with_wrapper(guider, wrapper)
        return self.host.sampling.sample(guider, noise, self.euler, SIGMAS, given, 7)

    def sample_tokens(self, prompts):
        clips = [latent(fps=16.0), {"samples": torch.zeros(1, 16, 3, 4, 8), "fps": 8.0}]
        noise = [FrameNoise(7).generate_noise(each) for each in clips]
        empty = patchify([each["samples"] for each in clips])
        told = [{"fps": 16.0}, {"fps": 8.0}]
        guider = self.guider(prompts)
        sample = self.host.sampling.sample_tokens
        return sample(guider, patchify(noise), self.euler, SIGMAS, empty, told, 7).values


def runs(here):
    """What a host makes, by name."""
    windows = context_windows(WindowPlan(length=3, overlap=1, schedule="uniform", blend="pyramid"))
    once, loop = here.controlled(), latent(fps=16.0, loop=True)
    return {
        "plain": here.sample(here.prompts),
        "control": here.sample(once),
        "weak": here.sample(here.controlled(factor=0.3)),
        "some steps": here.sample(here.controlled(start=0.2, end=0.6)),
        "curve": here.sample(here.controlled(steps=(FALLING,))),
        "mask": here.sample(here.controlled(weights=(MASK,))),
        "told": here.sample(here.controlled(net=here.told, weights=(MASK,))),
        "told, in windows": here.sample(here.controlled(net=here.told), wrapper=windows),
        "two": here.sample(here.controlled(once, pictures(4), factor=0.5)),
        "positive alone": here.sample([once[0], here.prompts[1]]),
        "still": here.sample(here.controlled(images=pictures(5, 1))),
        "windows": here.sample(once, wrapper=windows),
        "loop": here.sample(here.controlled(images=pictures(6, 20)), loop),
        "packed": here.sample_tokens(once),
        "per clip": here.sample_tokens(
            appended(
                here.controlled(weights=(MASK,)),
                here.controlled(images=pictures(8, 9), weights=(1 - MASK[:9],)),
                here.host.models.joined,
            )
        ),
    }


def apart(one, other):
    return float((one - other).abs().max())


def by_stock_nodes(here):
    """ComfyUI's own nodes in place of the pack's, on the same noise."""
    apply = stock.ControlNetApplyAdvanced().apply_controlnet
    strong = apply(*here.prompts, here.net, pictures(), 0.8, 0.1, 0.7, vae=here.vae)
    both = apply(*strong, here.net, pictures(4), 0.5, 0.0, 1.0, vae=here.vae)
    ours = here.controlled(factor=0.8, start=0.1, end=0.7)
    wanted = here.sample(ours), here.sample(here.controlled(ours, pictures(4), factor=0.5))
    told = apply(*here.prompts, here.told, pictures(), 0.8, 0.1, 0.7, vae=here.vae)
    given = here.net.copy()
    given.set_cond_hint(pictures().movedim(-1, 1), 1.0, (0.0, 1.0), vae=here.vae)
    options = {"control": given, "control_apply_to_uncond": True}
    old = [[text, {**told, **options}] for text, told in here.prompts[0]]
    return {
        "applied": apart(here.sample(strong), wanted[0]),
        "chained": apart(here.sample(both), wanted[1]),
        "told": apart(
            here.sample(told),
            here.sample(here.controlled(net=here.told, factor=0.8, start=0.1, end=0.7)),
        ),
        "to the negative": apart(
            here.sample([old, here.prompts[1]]), here.sample(here.controlled())
        ),
        "sampler": apart(stock_sample(here, strong), here.sample(strong, latent())),
    }


def stock_sample(here, prompts, handler=None):
    """ComfyUI's guider and sampler, which say nothing of clips."""
    model = here.model.clone()
    if handler is not None:
        model.model_options["context_handler"] = handler
    guider = samplers.CFGGuider(model)
    guider.set_conds(*prompts)
    guider.set_cfg(3.0)
    noise = FrameNoise(7).generate_noise(latent())
    given = latent()["samples"]
    return guider.sample(noise, given, samplers.ksampler("euler"), SIGMAS, disable_pbar=True)


def windows_of_the_host(here):
    """Which frames of the hint ComfyUI's own windows see, with either sampler."""
    seen, original = [], DilatedBranch.forward

    def watch(network, inside, hint, contexts):
        seen.append(hint)
        return original(network, inside, hint, contexts)

    def handler():
        schedule = get_matching_context_schedule("standard_uniform")
        return IndexListContextHandler(
            schedule, get_matching_fuse_method("flat"), context_length=3, context_overlap=1, dim=2
        )

    raw = here.host.models.encode_video(here.vae, pictures())
    whole = to_patches(here.net.latent.normalise(raw))[0].split(12)

    def frames(hint):
        parts = hint[0].split(12)
        return [next(n for n, each in enumerate(whole) if torch.equal(each, p)) for p in parts]

    DilatedBranch.forward, found = watch, {}
    try:
        for name in ("ours", "stock"):
            seen.clear()
            if name == "stock":
                stock_sample(here, here.controlled(), handler())
            else:
                kept = here.model
                here.model = kept.clone()
                here.model.model_options["context_handler"] = handler()
                here.sample(here.controlled())
                here.model = kept
            found[name] = [frames(hint) for hint in seen]
    finally:
        DilatedBranch.forward = original
    return found


def about(here):
    """What ComfyUI's objects tell of the controls of a prompt, of the pack's and of its own."""
    own = ControlBase()
    own.set_cond_hint(None, 0.4, (0.1, 0.6))
    prompts = with_control(here.controlled(net=here.told, factor=0.5), own.set_previous_controlnet)
    found = here.host.models.controls_of(prompts[0])
    return [
        [list(each.after), each.strength.factor, each.strength.end, each.strength.scheduled]
        for each in found
    ]


def refusals(here):
    native = copy.copy(here)
    native.model = native_wan(wan_state())
    bare = [
        [[text, {**told, "control": here.net.copy()}] for text, told in each]
        for each in here.prompts
    ]
    apply = partial(stock.ControlNetApplyAdvanced().apply_controlnet, *here.prompts, here.net)
    return {
        "another model": refusal(native.sample, here.controlled(), latent()),
        "not ours": refusal(here.host.models.with_strength, ControlBase(), TOLD[0]),
        "no pictures": refusal(here.sample, bare),
        "too few": refusal(here.sample, here.controlled(images=pictures(2, 9))),
        "area": refusal(here.sample, here.controlled([of_an_area(each) for each in here.prompts])),
        "no vae": refusal(apply, pictures(), 1.0, 0.0, 1.0),
    }


def late(here):
    """What is said of too few pictures for the last steps, and after how many evaluations."""
    calls, original = [], VideoDiT.forward

    def watch(network, *given, **options):
        calls.append(1)
        return original(network, *given, **options)

    VideoDiT.forward = watch
    try:
        told = refusal(here.sample, here.controlled(images=pictures(2, 9), start=0.6))
    finally:
        VideoDiT.forward = original
    return [told, len(calls)]


def known(here):
    """Whether what is known of a guider tells its controls from others."""

    def told(**options):
        found = here.host.sampling.about(here.guider(here.controlled(**options))).known
        return [float(each.sum()) if torch.is_tensor(each) else repr(each) for each in found]

    changed = pictures()
    changed[-1] = 0
    own = told(weights=(MASK,))
    return {
        "the same": told(weights=(MASK,)) == own,
        "pictures": told(weights=(MASK,), images=changed) == own,
        "mask": told(weights=(MASK / 2,)) == own,
        "strength": told(weights=(MASK,), start=0.3) == own,
        "of the host's own": told(net=Other()) == told(net=Other(), images=changed),
    }


def of_an_area(prompt):
    return [[text, {**told, "area": (4, 4, 0, 0)}] for text, told in prompt]


def refusal(call, *arguments):
    try:
        call(*arguments)
    except ValueError as error:
        return str(error)
    return ""


def memory(here):
    """Whether the host loads the branch, and what a copy for another device shares."""
    here.sample(here.controlled())
    loaded = [each.model for each in model_management.current_loaded_models]
    clone = here.net.deepclone_multigpu(torch.device("cpu"))
    applied = here.controlled()
    control = applied[0][0][1]["control"]
    wanted = here.sample(applied)
    control.network = clone.network
    weights = zip(here.net.network.parameters(), clone.network.parameters(), strict=True)
    return {
        "loaded": any(each is not None and each.model is here.net.network for each in loaded),
        "shared": any(one.data_ptr() == other.data_ptr() for one, other in weights),
        "clone": apart(here.sample(applied), wanted),
    }


class Other(ControlBase):
    """A control of ComfyUI's own kind."""

    def copy(self):
        made = Other()
        self.copy_to(made)
        return made


def by_other_controls(here):
    """What the pack's node tells a control that is not the pack's."""
    before = Other()

    def apply(**strength):
        told = ControlStrength(factor=0.5, start=0.1, end=0.6, **strength)
        return here.host.models.controlled(Other(), before, pictures(), here.vae, told)

    made = apply()
    return {
        "strength": made.strength,
        "share": made.timestep_percent_range,
        "hint": list(made.cond_hint_original.shape),
        "chained": made.previous_controlnet is before,
        "refused": refusal(partial(apply, weights=(MASK,))),
    }


def prepared(here):
    """How often the prompts of a run are prepared by the branch."""
    calls, original = [], DilatedBranch.prepare

    def watch(network, text, embed):
        calls.append(len(text))
        return original(network, text, embed)

    DilatedBranch.prepare = watch
    try:
        here.sample(here.controlled())
    finally:
        DilatedBranch.prepare = original
    return calls


def measure():
    difference, act = {}, {}
    for design in CONFIGS:
        made = []
        for host in (StandaloneHost(device="cpu"), ComfyHost()):
            made.append(runs(Setting(host, design)))
        ours, theirs = made
        difference |= {f"{design} {name}": apart(ours[name], theirs[name]) for name in ours}
        act |= {
            f"{design} {name}": apart(value, theirs["plain"])
            for name, value in theirs.items()
            if name not in ("plain", "packed", "per clip")
        }
    here = Setting(ComfyHost(), "dilated")
    report(
        difference=difference,
        act=act,
        stock=by_stock_nodes(here),
        windows=windows_of_the_host(here),
        about=about(here),
        refusals=refusals(here),
        memory=memory(here),
        prepared=prepared(here),
        others=by_other_controls(here),
        late=late(here),
        known=known(here),
    )


with torch.inference_mode():
    measure()
