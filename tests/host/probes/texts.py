"""Runs that keep the keys and values of their prompts beside runs that make them at every step."""
# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false

from setting import dit_weights, report, seeded, text_weights  # isort: skip

import torch
from comfy import hooks, sd, utils
from comfy.patcher_extension import CallbacksMP, WrappersMP

import nodes
from spacetime_video.hosts.comfyui.host import ComfyHost

STEPS = 5
VALUES = "blocks.1.cross_attn.v"

host = ComfyHost()


def lora():
    """A LoRA on a layer that makes the values of the text."""
    name = f"diffusion_model.{VALUES}"
    return {
        f"{name}.lora_A.weight": torch.randn(2, 96, generator=seeded(3)),
        f"{name}.lora_B.weight": torch.randn(96, 2, generator=seeded(4)),
    }


def model():
    return host.models.make_model(dit_weights(), dtype="fp32")


def with_lora():
    return sd.load_lora_for_models(model(), None, lora(), 0.5, 0)[0]


def halfway(change):
    """A model whose network is changed before the run's middle evaluation."""
    changed = model()
    calls = []

    def wrapper(executor, *args, **kwargs):
        calls.append(0)
        if len(calls) == STEPS // 2:
            change(changed.model)
        return executor(*args, **kwargs)

    changed.add_wrapper(WrappersMP.APPLY_MODEL, wrapper)
    return changed


def exchange_weight(inner):
    name = f"diffusion_model.{VALUES}.weight"
    utils.set_attr_param(inner, name, 2 * utils.get_attr(inner, name))


def write_weight(inner):
    with torch.no_grad():
        utils.get_attr(inner, f"diffusion_model.{VALUES}.weight").mul_(2)


def patch_at_use(inner):
    layer = utils.get_attr(inner, f"diffusion_model.{VALUES}")
    layer.weight_function = [*layer.weight_function, lambda weight: weight * 2]
    layer.comfy_cast_weights = True


def other_text(inner):
    """From now on the network is given other prompts under the old names."""

    def shifted(x, t, c_concat=None, c_crossattn=None, *args, **kwargs):
        return type(inner)._apply_model(inner, x, t, c_concat, 2 * c_crossattn, *args, **kwargs)

    inner._apply_model = shifted


def hooked(prompts):
    """The positive prompt under a LoRA whose strength changes during the run."""
    group = hooks.create_hook_lora(lora(), strength_model=1.0, strength_clip=0.0)
    keyframes = hooks.HookKeyframeGroup()
    for strength, start in ((0.0, 0.0), (1.0, 0.3), (0.4, 0.7)):
        keyframes.add(hooks.HookKeyframe(strength=strength, start_percent=start))
    group.set_keyframes_on_hooks(keyframes)
    return hooks.set_hooks_for_conditioning(prompts[0], group), prompts[1]


def combined(prompts):
    return prompts[0] + prompts[1], prompts[1]


CASES = {
    "plain": (model, lambda prompts: prompts),
    "combined": (model, combined),
    "lora": (with_lora, lambda prompts: prompts),
    "hooks": (model, hooked),
    "exchanged": (lambda: halfway(exchange_weight), lambda prompts: prompts),
    "written": (lambda: halfway(write_weight), lambda prompts: prompts),
    "patched": (lambda: halfway(patch_at_use), lambda prompts: prompts),
    "other text": (lambda: halfway(other_text), lambda prompts: prompts),
}


def run(made, prompts, *, keep):
    """The latent of a run, and how often it prepared its prompts."""
    network = made.model.diffusion_model
    prepare, calls = network.prepare, []

    def counted(*given):
        calls.append(0)
        return prepare(*given)

    network.prepare = counted
    if not keep:
        made.remove_callbacks_with_key(CallbacksMP.ON_PRE_RUN, "spacetime")
    latent = {"samples": torch.zeros(1, 16, 3, 8, 6)}
    out = nodes.KSampler().sample(made, 1, STEPS, 4.0, "euler", "simple", *prompts, latent)
    return out[0]["samples"], len(calls), network.kept_prompts is None


def fails(made, prompts):
    """Whether nothing is kept after a run that broke off."""
    seen = []

    def breaking(executor, *args, **kwargs):
        seen.append(made.model.diffusion_model.kept_prompts is not None)
        raise KeyError("broken")

    made.add_wrapper(WrappersMP.APPLY_MODEL, breaking)
    try:
        run(made, prompts, keep=True)
    except KeyError:
        return seen == [True] and made.model.diffusion_model.kept_prompts is None
    return False


def measure():
    clip = host.models.make_clip(text_weights(), dtype="fp32")
    prompts = [host.models.encode_prompt(clip, text) for text in ("a red cube", "")]
    difference, calls, size, freed = {}, {}, {}, []
    plain = None
    for name, (make, condition) in CASES.items():
        kept, fewer, gone = run(make(), condition(prompts), keep=True)
        anew, every, _ = run(make(), condition(prompts), keep=False)
        plain = kept if plain is None else plain
        difference[name] = float((kept - anew).abs().max())
        size[name] = float((anew - plain).abs().max())
        calls[name] = (fewer, every)
        freed.append(gone)
    report(
        difference=difference,
        calls=calls,
        effect=size,
        freed=all(freed),
        freed_after_failure=fails(model(), prompts),
    )


with torch.no_grad() if "no_grad" in __import__("sys").argv else torch.inference_mode():
    measure()
