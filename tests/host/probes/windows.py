"""ComfyUI's own context windows around the pack's model, against windows that the pack makes."""
# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false

from setting import dit_weights, report, seeded, text_weights  # isort: skip

import inspect
from dataclasses import replace
from functools import partial

import torch
from comfy import context_windows
from comfy.context_windows import IndexListContextHandler
from comfy_extras.nodes_context_windows import ContextWindowsManualNode

import nodes
from spacetime_video.hosts.comfyui.host import ComfyHost
from spacetime_video.hosts.standalone.host import StandaloneHost
from spacetime_video.models.patchify import patchify
from spacetime_video.samplers.guidance.nag import AttentionGuidance
from spacetime_video.samplers.noise.frames import FrameNoise
from spacetime_video.samplers.schedules.flow import flow_sigmas
from spacetime_video.samplers.solvers import SOLVERS

SIGMAS, SEED = flow_sigmas(3, shift=3.0), 7
FRAMES = 32  # as many as a prompt is wide, which the host must not take for frames
LENGTH = 12
CUT = [list(range(start, min(start + LENGTH, FRAMES))) for start in range(0, FRAMES, LENGTH)]
OVERLAPPED = [list(range(start, start + LENGTH)) for start in (0, 10, 20)]
NEWER = "causal_window_fix" in inspect.signature(IndexListContextHandler).parameters


def host_windows(model, *, dim=2, overlap=0, schedule="batched", anchor=False, **more):
    if NEWER:
        more = {"causal_window_fix": anchor, "freenoise": False, **more}
    values = (model, LENGTH, overlap, schedule, 1, False, "flat", dim)
    return ContextWindowsManualNode.execute(*values, **more).args[0]


def windowed(windows, *, anchor=False, retained=()):
    """A wrapper that evaluates these windows one by one and takes the mean where they overlap."""

    def wrapper(denoiser, run):
        def denoise(x, at):
            made, counts = torch.zeros_like(x), torch.zeros(x.shape[2])
            for window in windows:
                first = [window[0] - 1] if anchor and window[0] > 0 else []
                frames = [*first, *window]
                held = x.clone()
                for place in retained:
                    held[:, :, frames[place]] = x[:, :, place]
                part = denoiser(*at.window(held, frames))
                made[:, :, window] += part[:, :, len(first) :]
                counts[window] += 1
            return made / counts[:, None, None]

        return denoise

    return wrapper


def clip_latent(*, masked=False):
    samples = torch.randn(1, 16, FRAMES, 8, 6, generator=seeded(1))
    latent = {"samples": samples, "fps": 16.0}
    if masked:
        mask = torch.ones(1, 1, FRAMES, 8, 6)
        mask[:, :, [0, 14]] = 0
        latent["noise_mask"] = mask
    return latent


class Runs:
    """The same runs in one of the hosts."""

    def __init__(self, host, **info):
        self.host = host
        clip = host.models.make_clip(text_weights(), dtype="fp32")
        self.model = host.models.make_model(dit_weights(**info), dtype="fp32")
        self.prompts = [host.models.encode_prompt(clip, text) for text in ("a red cube", "")]
        self.euler = host.sampling.make_sampler(SOLVERS["euler"], {})

    def guider(self, model=None, *, nag=False):
        scale = 1.0 if nag else 4.0
        guider = self.host.sampling.make_guider(model or self.model, *self.prompts, scale)
        if not nag:
            return guider
        return self.host.sampling.with_plan(guider, with_nag)

    def sample(self, guider, latent, noise=None):
        noise = FrameNoise(SEED).generate_noise(latent) if noise is None else noise
        return self.host.sampling.sample(guider, noise, self.euler, SIGMAS, latent, SEED)

    def around(self, windows, latent, *, nag=False, noise=None, **how):
        guider = self.host.sampling.with_wrapper(self.guider(nag=nag), windowed(windows, **how))
        return self.sample(guider, latent, noise)


def with_nag(plan):
    return replace(plan, attention=AttentionGuidance())


def freenoise(latent):
    noise = FrameNoise(SEED).generate_noise(latent)
    return context_windows.apply_freenoise(noise, 2, LENGTH, 0, SEED)


def pairs(ours, theirs, latent, masked):
    """What each kind of the host's windows gives, and what it should give."""
    cut = host_windows(ours.model)
    found = {
        "cut": (ours.sample(ours.guider(cut), latent), theirs.around(CUT, latent)),
        "masked": (ours.sample(ours.guider(cut), masked), theirs.around(CUT, masked)),
        "attention": (
            ours.sample(ours.guider(cut, nag=True), latent),
            theirs.around(CUT, latent, nag=True),
        ),
        "overlapped": (
            ours.sample(
                ours.guider(host_windows(ours.model, overlap=2, schedule="standard_static")),
                latent,
            ),
            theirs.around(OVERLAPPED, latent),
        ),
    }
    if NEWER:
        anchored = partial(host_windows, ours.model, anchor=True)
        kept = partial(host_windows, ours.model, latent_retain_index_list="0")
        conditioned = partial(host_windows, ours.model, cond_retain_index_list="0")
        free = partial(host_windows, ours.model, freenoise=True)
        for name, given in {"": latent, "_masked": masked}.items():
            found[f"anchored{name}"] = (
                ours.sample(ours.guider(anchored()), given),
                theirs.around(CUT, given, anchor=True),
            )
        found["retained"] = (
            ours.sample(ours.guider(kept()), latent),
            theirs.around(CUT, latent, retained=(0,)),
        )
        found["retained_conditions"] = (
            ours.sample(ours.guider(conditioned()), masked),
            theirs.around(CUT, masked),
        )
        found["freenoise"] = (
            ours.sample(ours.guider(free()), latent),
            theirs.around(CUT, latent, noise=freenoise(latent)),
        )
    return found


def stock(ours, masked):
    """KSampler with windows and a mask: how far kept frames go, and the others."""
    given = {key: masked[key] for key in ("samples", "noise_mask")}
    values = (host_windows(ours.model), SEED, 3, 4.0, "euler", "simple", *ours.prompts, given)
    change = (nodes.KSampler().sample(*values)[0]["samples"] - given["samples"]).abs()
    made = [frame for frame in range(FRAMES) if frame not in (0, 14)]
    return [float(change[:, :, [0, 14]].max()), float(change[:, :, made].amax((1, 3, 4)).min())]


def refusals(ours, latent):
    packed = [patchify([each]) for each in (latent["samples"], latent["samples"])]
    tokens = (packed[0], ours.euler, SIGMAS, packed[1], [{}], SEED)
    runs = {
        "patches": lambda: ours.host.sampling.sample_tokens(
            ours.guider(host_windows(ours.model)), *tokens
        ),
        "channels": lambda: ours.sample(ours.guider(host_windows(ours.model, dim=1)), latent),
    }
    return {name: refusal(run) for name, run in runs.items()}


def refusal(run):
    try:
        run()
    except ValueError as error:
        return str(error)
    return ""


def measure():
    ours, theirs = (Runs(host, token_levels=True) for host in (ComfyHost(), StandaloneHost()))
    latent, masked = clip_latent(), clip_latent(masked=True)
    whole = ours.sample(ours.guider(), latent)
    found = pairs(ours, theirs, latent, masked)
    report(
        difference={n: float((made - wanted).abs().max()) for n, (made, wanted) in found.items()},
        from_whole={n: float((made - whole).abs().max()) for n, (made, _) in found.items()},
        stock=stock(ours, masked),
        refusals=refusals(ours, latent),
        newer=NEWER,
    )


with torch.inference_mode():
    measure()
