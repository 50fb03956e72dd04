"""FlowEdit in ComfyUI and in the standalone host."""
# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false

from setting import dit_weights, report, seeded, text_weights  # isort: skip
from native import native_wan, wan_state  # isort: skip


from dataclasses import replace

import comfy.samplers
import torch
from comfy.samplers import CFGGuider

from spacetime_video.hosts.comfyui.host import ComfyHost
from spacetime_video.hosts.standalone.host import StandaloneHost
from spacetime_video.samplers.flow_edit import SOURCE, flow_edit
from spacetime_video.samplers.guidance.plan import Projection
from spacetime_video.samplers.noise.frames import FrameNoise
from spacetime_video.samplers.noise.sources import step_noise_of
from spacetime_video.samplers.schedules.flow import flow_sigmas
from spacetime_video.samplers.solvers import SOLVERS

SIGMAS = flow_sigmas(5, shift=3.0)[1:]
SHAPE = (1, 16, 3, 8, 6)
TEXTS = ("a red cube", "", "a blue sphere")


def clip(**more):
    return {"samples": torch.randn(SHAPE, generator=seeded(1)), "fps": 16.0, **more}


def prompts(host):
    clip = host.models.make_clip(text_weights(), dtype="fp32")
    return [host.models.encode_prompt(clip, text) for text in TEXTS]


def edited(host, model, *, guidance=3.0, same=False, scale=1.0, plan=None):
    positive, negative, other = prompts(host)
    guider = host.sampling.make_guider(model, positive, negative, guidance)
    if plan is not None:
        guider = host.sampling.with_plan(guider, plan)
    source = positive if same else other
    bound = host.sampling.with_further(guider, SOURCE, source, negative, scale)
    return host.sampling.with_wrapper(bound, flow_edit(), innermost=True)


def sample(host, guider, given, solver="euler"):
    noise = FrameNoise(7)
    bound = host.sampling.with_draws(guider, step_noise_of(noise, given))
    sampler = host.sampling.make_sampler(SOLVERS[solver], {})
    return host.sampling.sample(bound, noise.generate_noise(given), sampler, SIGMAS, given, 7)


def ruled(plan):
    return replace(plan, rule=Projection(threshold=0.2))


def apart(one, other):
    return float((one - other).abs().max())


def stock(guider, given):
    """As SamplerCustomAdvanced runs it, with ComfyUI's own solver."""
    return guider.sample(
        FrameNoise(7).generate_noise(given),
        given["samples"],
        comfy.samplers.ksampler("heun"),
        SIGMAS,
        denoise_mask=given["noise_mask"],
        seed=7,
    )


def taken_over(host, model):
    positive, negative, other = prompts(host)
    guider = CFGGuider(model)
    guider.set_conds(positive, negative)
    guider.set_cfg(3.0)
    bound = host.sampling.with_further(guider, SOURCE, other, negative, 1.0)
    assert "source positive" not in guider.original_conds
    return host.sampling.with_wrapper(bound, flow_edit(), innermost=True)


def measure():
    theirs, ours = ComfyHost(), StandaloneHost(device="cpu")
    mask = torch.ones(1, 1, *SHAPE[2:])
    mask[:, :, 0] = 0
    found = {"hosts": {}, "same": {}, "changed": {}, "held": {}}
    for kind in ("levels", "one level"):
        models = [
            host.models.make_model(dit_weights(token_levels=kind == "levels"), dtype="fp32")
            for host in (theirs, ours)
        ]
        pairs = list(zip((theirs, ours), models, strict=True))
        for name, given in {"whole": clip(), "masked": clip(noise_mask=mask)}.items():
            ways = {"plain": {}, "guided": {"scale": 2.0}}
            if kind == "levels":
                ways["rules"] = {"plan": ruled}
            for way, how in ways.items():
                made = [sample(host, edited(host, model, **how), given) for host, model in pairs]
                found["hosts"][f"{kind} {name} {way}"] = apart(*made)
            found["changed"][f"{kind} {name}"] = apart(made[0], given["samples"])
            still = edited(theirs, models[0], same=True, guidance=1.0)
            found["same"][f"{kind} {name}"] = apart(sample(theirs, still, given), given["samples"])
        found["held"][kind] = apart(made[0][:, :, 0], given["samples"][:, :, 0])
        by_stock = stock(edited(theirs, models[0]), given)
        found["held"]["stock " + kind] = apart(by_stock[:, :, 0], given["samples"][:, :, 0])
        found["stock " + kind] = apart(by_stock, given["samples"])
        found["taken over " + kind] = apart(
            sample(theirs, taken_over(theirs, models[0]), given),
            sample(theirs, edited(theirs, models[0]), given),
        )
    known = dit_weights()
    state = {k: v for k, v in known.state.items() if not k.startswith("condition_embeddings.")}
    open_ended = replace(known, config=replace(known.config, conditions=()), state=state)
    loop = clip(loop=True)
    for host in (theirs, ours):
        model = host.models.make_model(open_ended, dtype="fp32")
        still = edited(host, model, same=True, guidance=1.0)
        found["same"][f"loop, {host.name}"] = apart(sample(host, still, loop), loop["samples"])
    native = native_wan(wan_state())
    found["same"]["native"] = apart(
        sample(theirs, edited(theirs, native, same=True, guidance=1.0), clip()), clip()["samples"]
    )
    found["changed"]["native"] = apart(
        sample(theirs, edited(theirs, native), clip()), clip()["samples"]
    )
    return found


with torch.inference_mode():
    report(**measure())
