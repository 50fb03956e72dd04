"""Wrappers on the GUIDERs of ComfyUI and of the standalone host: the same in both."""
# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false

from setting import dit_weights, report, seeded, text_weights  # isort: skip

from dataclasses import replace
from functools import partial

import torch
from comfy.samplers import CFGGuider

from spacetime_video.hosts.comfyui.host import ComfyHost
from spacetime_video.hosts.standalone.host import StandaloneHost
from spacetime_video.models.dit.network import VideoDiT
from spacetime_video.models.hooks import BlockHooks
from spacetime_video.models.patchify import patchify
from spacetime_video.samplers.given import hold_given
from spacetime_video.samplers.guidance.conditions import unwrapped
from spacetime_video.samplers.guidance.plan import Projection, SkipLayers
from spacetime_video.samplers.guidance.skip_layer import SkippedBlocks
from spacetime_video.samplers.noise.frames import FrameNoise
from spacetime_video.samplers.schedules.flow import flow_sigmas
from spacetime_video.samplers.solvers import SOLVERS

SIGMAS = flow_sigmas(4, shift=3.0)
FRAMES, WINDOWS = 9, (range(4), range(4, 9))
PLANS = {
    "plain": {},
    "unguided": {"scale": 1.0},
    "rules": {
        "rule": Projection(threshold=0.2, momentum=-0.3),
        "rescale": 0.5,
        "skip": SkipLayers(blocks=(1,), low=0.0, high=1.0),
        "first_frame_scale": 1.5,
    },
}
DURATIONS = {}
"""What the network was told, by host."""


def first_frame(clip):
    known = torch.zeros(1, *clip.shape[2:], dtype=torch.bool)
    known[:, 0] = True
    return known


def per_token(values):
    return patchify([values[:, None].float()]).values[..., 0] > 0


def windowed(denoiser, run):
    def denoise(x, at):
        made = torch.zeros_like(x)
        for frames in WINDOWS:
            part = denoiser(*at.window(x, frames))
            made.index_copy_(at.clips.axis(x), at.clips.find(frames), part)
        return made

    return denoise


def lowered(denoiser, run):
    """Half of the run's level in the first frames."""

    def denoise(x, at):
        levels = at.sigma.reshape(-1, *[1] * (x.ndim - 2))
        if x.ndim == 5:
            levels = levels.expand(len(x), *x.shape[2:]).clone()
            levels[:, :3] *= 0.5
        else:
            levels = levels.expand(x.shape[:2]).clone()
            levels[:, : x.shape[1] // 3] *= 0.5
        return denoiser(x, replace(at, places=levels))

    return denoise


def nudged(denoiser, run):
    residual = torch.randn(1, FRAMES * 12, 96, generator=seeded(3))
    hooks = BlockHooks(residuals={0: residual})
    return lambda x, at: denoiser(x, replace(at, hooks=hooks))


def wrappers(clip, *, tokens):
    known = first_frame(clip)
    held = hold_given(per_token(known) if tokens else known)
    return {
        "none": (),
        "given": (held,),
        "windows": (windowed,),
        "levels": (lowered,),
        "hooks": (nudged,),
        "given_in_windows": (held, windowed),
    }


def watch(told):
    original = VideoDiT.forward_tokens

    def forward_tokens(self, *arguments, conditions, **named):
        told.append(conditions["duration"].flatten()[0].item())
        return original(self, *arguments, conditions=conditions, **named)

    VideoDiT.forward_tokens = forward_tokens
    return lambda: setattr(VideoDiT, "forward_tokens", original)


def measure(host):
    """Everything that a host makes, by name."""
    clip = host.models.make_clip(text_weights(), dtype="fp32")
    model = host.models.make_model(dit_weights(token_levels=True), dtype="fp32")
    positive, negative = (host.models.encode_prompt(clip, text) for text in ("a red cube", ""))
    plain = host.sampling.make_guider(model, positive, negative, 4.0)
    euler = host.sampling.make_sampler(SOLVERS["euler"], {})
    samples = torch.randn(1, 16, FRAMES, 8, 6, generator=seeded(1))
    latent = {"samples": samples, "fps": 16.0}
    noise = FrameNoise(7).generate_noise(latent)
    made, told = {"samples": samples}, DURATIONS.setdefault(host.name, [])
    for plan, changes in PLANS.items():
        for tokens in (False, True):
            for name, around in wrappers(samples, tokens=tokens).items():
                guider = host.sampling.with_plan(plain, partial(replace, **changes))
                for wrapper in around:
                    guider = host.sampling.with_wrapper(guider, wrapper)
                restore = watch(told) if (plan, name) == ("plain", "windows") else None
                if tokens:
                    packed = [patchify([each]) for each in (noise, samples)]
                    result = host.sampling.sample_tokens(
                        guider, packed[0], euler, SIGMAS, packed[1], [{"fps": 16.0}], 7
                    ).values
                else:
                    result = host.sampling.sample(guider, noise, euler, SIGMAS, latent, 7)
                made[f"{name} {plan} {'tokens' if tokens else 'latent'}"] = result
                if restore is not None:
                    restore()
    return made


def stock(host):
    """A plain guider of the host takes wrappers too; one with other rules is refused."""
    model = host.models.make_model(dit_weights(token_levels=True), dtype="fp32")
    clip = host.models.make_clip(text_weights(), dtype="fp32")
    guider = CFGGuider(model)
    guider.set_conds(
        host.models.encode_prompt(clip, "a red cube"), host.models.encode_prompt(clip, "")
    )
    guider.set_cfg(4.0)
    samples = torch.randn(1, 16, FRAMES, 8, 6, generator=seeded(1))
    latent = {"samples": samples, "fps": 16.0}
    bound = host.sampling.with_wrapper(guider, hold_given(first_frame(samples)))
    euler = host.sampling.make_sampler(SOLVERS["euler"], {})
    return host.sampling.sample(
        bound, FrameNoise(7).generate_noise(latent), euler, SIGMAS, latent, 7
    )


def refusals(host):
    class Other(CFGGuider):
        pass

    model = host.models.make_model(dit_weights(), dtype="fp32")
    clip = host.models.make_clip(text_weights(), dtype="fp32")
    prompts = [host.models.encode_prompt(clip, text) for text in ("a red cube", "")]
    samples = torch.randn(1, 16, FRAMES, 8, 6, generator=seeded(1))
    latent = {"samples": samples, "fps": 16.0}
    held = hold_given(first_frame(samples))
    euler = host.sampling.make_sampler(SOLVERS["euler"], {})
    found = []
    for attempt in (
        lambda: host.sampling.with_wrapper(Other(model), held),
        lambda: host.sampling.sample(
            host.sampling.with_wrapper(host.sampling.make_guider(model, *prompts, 4.0), held),
            FrameNoise(7).generate_noise(latent),
            euler,
            SIGMAS,
            latent,
            7,
        ),
    ):
        try:
            attempt()
        except ValueError as error:
            found.append(str(error))
    return found


def starts(host):
    """What wrappers are told is given: zeros and ones, each as latent and as tokens."""
    given, model = [], host.models.make_model(dit_weights(), dtype="fp32")
    clip = host.models.make_clip(text_weights(), dtype="fp32")
    guider = host.sampling.make_guider(
        model, *[host.models.encode_prompt(clip, "a red cube")] * 2, 1.0
    )
    euler = host.sampling.make_sampler(SOLVERS["euler"], {})

    def seen(denoiser, run):
        given.append(run.given)
        return denoiser

    bound = host.sampling.with_wrapper(guider, seen)
    for samples in (torch.zeros(1, 16, 3, 8, 6), torch.ones(1, 16, 3, 8, 6)):
        noise, packed = torch.zeros_like(samples), patchify([samples])
        host.sampling.sample(bound, noise, euler, SIGMAS, {"samples": samples}, 7)
        host.sampling.sample_tokens(bound, patchify([noise]), euler, SIGMAS, packed, [{}], 7)
    return [[float(each.min()), float(each.max())] for each in given]


def skipped(host):
    """How far a prediction without nested skipped blocks is from those without sets of blocks."""
    model = host.models.make_model(dit_weights(), dtype="fp32")
    clip = host.models.make_clip(text_weights(), dtype="fp32")
    prompts = [host.models.encode_prompt(clip, text) for text in ("a red cube", "")]
    apart = {}

    def skipping(denoiser, run):
        def denoise(x, at):
            def without(condition):
                return denoiser.__self__._changed(x, at, *unwrapped(condition))

            nested = without(
                SkippedBlocks(SkippedBlocks("positive", frozenset({0})), frozenset({1}))
            )
            for name, blocks in {"both": {0, 1}, "first": {0}, "second": {1}}.items():
                alone = without(SkippedBlocks("positive", frozenset(blocks)))
                apart[name] = float((nested - alone).abs().max())
            return denoiser(x, at)

        return denoise

    bound = host.sampling.with_wrapper(host.sampling.make_guider(model, *prompts, 1.0), skipping)
    samples = torch.zeros(1, 16, 3, 8, 6)
    noise = FrameNoise(7).generate_noise({"samples": samples})
    euler = host.sampling.make_sampler(SOLVERS["euler"], {})
    host.sampling.sample(bound, noise, euler, SIGMAS[:2], {"samples": samples}, 7)
    return apart


with torch.inference_mode():
    theirs_host = ComfyHost()
    ours, theirs = measure(StandaloneHost(device="cpu")), measure(theirs_host)
    taken_over = stock(theirs_host)
    refused = refusals(theirs_host)
    begun = {host.name: starts(host) for host in (theirs_host, StandaloneHost(device="cpu"))}
    nested = skipped(theirs_host)
samples = theirs["samples"]
report(
    difference={name: float((ours[name] - theirs[name]).abs().max()) for name in ours},
    from_none={
        name: float((made - theirs[f"none {name.split(' ', 1)[1]}"]).abs().max())
        for name, made in theirs.items()
        if " " in name
    },
    given_change=float((theirs["given rules latent"] - samples)[:, :, 0].abs().max()),
    durations=DURATIONS,
    taken_over=float((taken_over - theirs["given plain latent"]).abs().max()),
    refused=refused,
    starts=begun,
    skipped=nested,
)
