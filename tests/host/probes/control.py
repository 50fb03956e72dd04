"""Control branches in ComfyUI's objects and in the standalone host's, and by ComfyUI's nodes."""
# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false

from controls import (  # isort: skip
    CONFIGS,
    MASK,
    SIGMAS,
    TOLD,
    Setting,
    latent,
    pictures,
    runs,
)
from native import native_wan, wan_state  # isort: skip
from setting import report  # isort: skip

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
from spacetime_video.hosts.control import with_control
from spacetime_video.hosts.standalone.host import StandaloneHost
from spacetime_video.models.control.network import DilatedBranch
from spacetime_video.models.dit.network import VideoDiT
from spacetime_video.models.patchify import to_patches
from spacetime_video.samplers.control import ControlStrength
from spacetime_video.samplers.noise.frames import FrameNoise


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
            if name != "plain" and value.shape == theirs["plain"].shape
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
