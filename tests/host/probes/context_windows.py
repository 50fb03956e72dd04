"""The pack's context windows and loops over ComfyUI's own video networks, and in both hosts."""
# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false

from setting import dit_weights, report, seeded, text_weights  # isort: skip
from native import CONFIG, native_wan, our_wan, wan_state  # isort: skip
from unets import animated, svd  # isort: skip

from dataclasses import replace

import torch
from comfy.controlnet import ControlBase

from spacetime_video import hosts
from spacetime_video.hosts.comfyui.host import ComfyHost
from spacetime_video.hosts.standalone.host import StandaloneHost
from spacetime_video.model_loaders.load import DiTWeights
from spacetime_video.models.latent_format import WAN21_LATENT
from spacetime_video.samplers.noise.frames import FrameNoise
from spacetime_video.samplers.schedules.flow import flow_sigmas
from spacetime_video.samplers.solvers import SOLVERS
from spacetime_video.samplers.window_plans import WindowPlan
from spacetime_video.samplers.windows import context_windows

host = ComfyHost()
hosts.use(host)

from spacetime_video.nodes.timeline.windows import SpacetimeContextWindows  # noqa: E402

FRAMES, LENGTHS, SEED = 10, (slice(0, 5), slice(5, 10)), 7
FLOW = flow_sigmas(3, shift=3.0)
EULER = host.sampling.make_sampler(SOLVERS["euler"], {})
SIDE_BY_SIDE = (5, 0, "batched", "flat")


def sample(guider, latent, noise, sigmas=FLOW):
    return host.sampling.sample(guider, noise, EULER, sigmas, latent, SEED)


def apart(ours, theirs):
    return float((ours - theirs).abs().max() / theirs.abs().max())


def against_each_window(model, prompts, latent, cut, axis, sigmas=FLOW):
    """Windows side by side against runs on each one's frames alone, and against the whole.

    Args:
        cut: (values of a prompt's options or of a latent, frames) -> those of the frames.
    """
    noise = FrameNoise(SEED).generate_noise(latent)
    guider = host.sampling.make_guider(model, *prompts, 3.0)
    windows = SpacetimeContextWindows.execute(guider, *SIDE_BY_SIDE).args[0]
    made = sample(windows, latent, noise, sigmas)
    parts = []
    for frames in LENGTHS:
        told = [[[text, cut(options, frames)] for text, options in each] for each in prompts]
        alone = host.sampling.make_guider(model, *told, 3.0)
        here = (slice(None),) * axis + (frames,)
        parts.append(sample(alone, cut(latent, frames), noise[here], sigmas))
    whole = sample(guider, latent, noise, sigmas)
    return {"alone": apart(made, torch.cat(parts, dim=axis)), "whole": apart(made, whole)}


def along(axis):
    """Cuts whatever has the frames along an axis."""

    def cut(values, frames):
        here = (slice(None),) * axis + (frames,)
        return {
            key: each[here] if torch.is_tensor(each) and each.shape[axis] == FRAMES else each
            for key, each in values.items()
        }

    return cut


def texts():
    clip = host.models.make_clip(text_weights(), dtype="fp32")
    return [host.models.encode_prompt(clip, text) for text in ("a red cube", "")]


def clip_latent(*, masked=False):
    samples = torch.randn(1, 16, FRAMES, 8, 6, generator=seeded(1))
    if not masked:
        return {"samples": samples * 0}
    mask = torch.ones(1, 1, FRAMES, 8, 6)
    mask[:, :, [1, 7]] = 0
    return {"samples": samples, "noise_mask": mask}


def wan():
    """Text to video, with a mask, and with the channels of a start image."""
    prompts, plain = texts(), native_wan(wan_state())
    animating = replace(CONFIG, dim=128, heads=1, in_channels=36, image_dim=1280)
    start = {
        "concat_latent_image": torch.randn(1, 16, FRAMES, 8, 6, generator=seeded(2)),
        "concat_mask": (torch.rand(1, 4, FRAMES, 8, 6, generator=seeded(3)) > 0.5).float(),
    }
    shown = [[[text, {**options, **start}] for text, options in each] for each in prompts]
    animate = native_wan(wan_state(animating), animating)
    return {
        "wan": against_each_window(plain, prompts, clip_latent(), along(2), 2),
        "wan_masked": against_each_window(plain, prompts, clip_latent(masked=True), along(2), 2),
        "wan_start": against_each_window(animate, shown, clip_latent(), along(2), 2),
    }


def unets():
    """Frames along the batch: a picture for each of SVD's frames, and an image model's frames."""
    found = {}
    images = torch.randn(FRAMES, 4, 8, 6, generator=seeded(4))
    latent = {"samples": torch.zeros(FRAMES, 4, 8, 6)}
    for name, (model, prompts) in {"svd": svd(), "animated": animated()}.items():
        levels = torch.tensor([20.0, 5.0, 1.0, 0.0])
        if name == "svd":
            prompts = [[[text, {"concat_latent_image": images}]] for ((text, _),) in prompts]
        found[name] = against_each_window(model, prompts, latent, along(0), 0, levels)
    return found


class Hint(ControlBase):
    """A ControlNet that only notes which hints it is asked for."""

    def __init__(self, asked):
        super().__init__()
        self.asked = asked

    def get_control(self, x_noisy, t, cond, batched_number, *_):
        hint = self.cond_hint_original[:, 0, 0, 0].tolist()
        self.asked.append((len(x_noisy), batched_number, hint))


def hints():
    """What the ControlNet of both prompts is asked for in each of two windows."""
    model, prompts = animated()
    asked = []
    control = Hint(asked)
    numbers = torch.arange(FRAMES).float().reshape(-1, 1, 1, 1).expand(-1, 3, 64, 48)
    control.set_cond_hint(numbers)
    shown = [[[text, {"control": control}]] for ((text, _),) in prompts]
    guider = host.sampling.make_guider(model, *shown, 3.0)
    windows = SpacetimeContextWindows.execute(guider, *SIDE_BY_SIDE).args[0]
    latent = {"samples": torch.zeros(FRAMES, 4, 8, 6)}
    noise = FrameNoise(SEED).generate_noise(latent)
    sample(windows, latent, noise, torch.tensor([5.0, 0.0]))
    return asked


def looped():
    """A loop on the host's network, on the pack's with the same weights, and standalone."""
    state, prompts = wan_state(), texts()
    latent = {"samples": torch.zeros(1, 16, 7, 8, 6), "loop": True}
    noise = FrameNoise(SEED).generate_noise(latent)
    ours, other = our_wan(host, state), StandaloneHost(device="cpu")
    there = other.models.make_model(DiTWeights(CONFIG, WAN21_LATENT, state), dtype="fp32")
    euler = other.sampling.make_sampler(SOLVERS["euler"], {})
    native = sample(host.sampling.make_guider(native_wan(state), *prompts, 3.0), latent, noise)
    made = sample(host.sampling.make_guider(ours, *prompts, 3.0), latent, noise)
    alone = other.sampling.sample(
        other.sampling.make_guider(there, *prompts, 3.0), noise, euler, FLOW, latent, SEED
    )
    unclosed = sample(
        host.sampling.make_guider(native_wan(state), *prompts, 3.0),
        {**latent, "loop": False},
        noise,
    )
    return {
        "native": apart(native, alone),
        "ours": apart(made, alone),
        "unclosed": apart(unclosed, alone),
    }


def both_hosts():
    """Windows that move, over the pack's network, whole and as a loop, in the two hosts."""
    found, prompts = {}, texts()
    plan = WindowPlan(length=5, overlap=2, stride=2)
    for name, loop in {"open": False, "loop": True}.items():
        latent = {"samples": torch.zeros(1, 16, FRAMES, 8, 6), "fps": 16.0, "loop": loop}
        noise, made = FrameNoise(SEED).generate_noise(latent), []
        for each in (host, StandaloneHost(device="cpu")):
            model = each.models.make_model(dit_weights(), dtype="fp32")
            guider = each.sampling.make_guider(model, *prompts, 3.0)
            guider = each.sampling.with_wrapper(guider, context_windows(plan))
            euler = each.sampling.make_sampler(SOLVERS["euler"], {})
            made.append(each.sampling.sample(guider, noise, euler, FLOW, latent, SEED))
        found[name] = apart(*made)
    return found


with torch.inference_mode():
    report(
        windows={**wan(), **unets()},
        hints=hints(),
        looped=looped(),
        hosts=both_hosts(),
    )
