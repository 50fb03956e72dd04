"""A host with control branches of both designs, and what it makes with them."""
# pyright: basic, reportMissingImports=false

from setting import dit_weights, random_state, seeded, text_weights, vae_weights  # isort: skip

from dataclasses import replace
from functools import partial

import torch

from spacetime_video.hosts.control import appended, with_control
from spacetime_video.model_loaders.load import ControlWeights
from spacetime_video.models.control.config import ControlConfig
from spacetime_video.models.control.network import build_control
from spacetime_video.models.patchify import patchify
from spacetime_video.samplers.clips import REFERENCES_KEY
from spacetime_video.samplers.control import ControlStrength, FrameCurve
from spacetime_video.samplers.curves import Curve
from spacetime_video.samplers.guidance.nag import AttentionGuidance
from spacetime_video.samplers.guidance.plan import SkipLayers
from spacetime_video.samplers.noise.frames import FrameNoise
from spacetime_video.samplers.schedules.flow import flow_sigmas
from spacetime_video.samplers.solvers import SOLVERS
from spacetime_video.samplers.window_plans import WindowPlan
from spacetime_video.samplers.windows import context_windows

SIGMAS = flow_sigmas(4, shift=3.0)
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
        levels="base",
    ),
}
VACE = replace(CONFIGS["residual"], hint_channels=96)
MASK = torch.linspace(0, 1, 17)[:, None, None].expand(17, 8, 8)
FALLING = Curve(((0.0, 1.0), (0.7, 0.0)))
TOLD = (
    ControlStrength(frames=(FrameCurve(Curve(((0.0, 1.0), (1.0, 0.2)), "ease"), "seconds"),)),
    ControlStrength(steps=(FALLING,)),
    ControlStrength(blocks=(1.0, 0.5)),
    ControlStrength(weights=(MASK[:1] + 0.3,)),
)
"""What nodes say of a ControlNet before it is applied."""


def control_weights(config):
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
        self.net, self.vace = (
            host.models.make_control(control_weights(config), dtype="fp32")
            for config in (CONFIGS[design], VACE)
        )
        self.euler = host.sampling.make_sampler(SOLVERS["euler"], {})

    @property
    def told(self):
        """The ControlNet, told how strongly it acts."""
        net = self.net
        for strength in TOLD:
            net = self.host.models.with_strength(net, strength)
        return net

    def controlled(self, prompts=None, images=None, net=None, references=None, **strength):
        images = pictures() if images is None else images
        net = self.net if net is None else net

        def apply(before):
            told = ControlStrength(**strength)
            return self.host.models.controlled(net, before, images, self.vae, told, references)

        return with_control(self.prompts if prompts is None else prompts, apply)

    def guider(self, prompts):
        return self.host.sampling.make_guider(self.model, *prompts, 3.0)

    def sample(self, prompts, given=None, wrapper=None, after=None, **plan):
        given = latent(fps=16.0) if given is None else given
        guider, noise = self.guider(prompts), FrameNoise(7).generate_noise(given)
        if plan:
            guider = self.host.sampling.with_plan(guider, partial(replace, **plan))
        if after is not None:
            guider = self.host.sampling.handed_over(guider, self.guider(after), 0.75)
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


def with_references(here):
    """What the Sample node makes of a clip with two reference pictures, as runs of a host."""
    prompts = here.controlled(net=here.vace, references=pictures(8, 2), weights=(MASK,))
    room = {REFERENCES_KEY: 2, "first_frame": -2}
    return here.sample(prompts, latent(7, fps=16.0, **room))[:, :, 2:]


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
        "references": with_references(here),
        "told": here.sample(here.controlled(net=here.told, weights=(MASK,))),
        "told, in windows": here.sample(here.controlled(net=here.told), wrapper=windows),
        "two": here.sample(here.controlled(once, pictures(4), factor=0.5)),
        "positive alone": here.sample([once[0], here.prompts[1]]),
        "still": here.sample(here.controlled(images=pictures(5, 1))),
        "windows": here.sample(once, wrapper=windows),
        "without guidance": here.sample(once, scale=1.0),
        "skipped layers": here.sample(once, skip=SkipLayers(blocks=(1,), low=0.0, high=1.0)),
        "negative attention": here.sample(once, scale=1.0, attention=AttentionGuidance()),
        "two experts": here.sample(once, after=here.controlled(images=pictures(9), factor=0.5)),
        "a batch": here.sample(once, {**latent(fps=16.0), "samples": torch.zeros(2, 16, 5, 8, 6)}),
        "one frame": here.sample(here.controlled(images=pictures(6, 1)), latent(1, fps=16.0)),
        "under a ceiling": here.sample(once, waiting()),
        "more than all": here.sample(here.controlled(factor=1.5)),
        "less than nothing": here.sample(here.controlled(factor=-0.5)),
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


def waiting():
    """A latent whose first frame is given and whose second one may change half of the way."""
    samples = torch.randn(1, 16, 5, 8, 6, generator=seeded(1))
    ceiling = torch.ones(1, 1, 5, 8, 6)
    ceiling[:, :, 0], ceiling[:, :, 1] = 0.0, 0.5
    return latent(fps=16.0) | {
        "samples": samples, "noise_mask": (ceiling > 0).float(), "noise_ceiling": ceiling
    }  # fmt: skip
