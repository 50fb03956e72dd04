"""Wrappers around a GUIDER of the standalone host, on latents and on packed tokens."""

from dataclasses import replace

import pytest
import torch

from spacetime_video.hosts.standalone.guiding import Prompts, _predict
from spacetime_video.model_loaders.load import read_dit
from spacetime_video.models.dit.network import VideoDiT
from spacetime_video.models.hooks import BlockHooks
from spacetime_video.models.patchify import patchify, unpatchify
from spacetime_video.samplers.given import hold_given
from spacetime_video.samplers.guidance.plan import GuidancePlan, Projection, SkipLayers
from spacetime_video.samplers.guidance.skip_layer import SkippedBlocks
from spacetime_video.samplers.noise.frames import FrameNoise
from spacetime_video.samplers.schedules.flow import flow_sigmas
from spacetime_video.samplers.solvers import SOLVERS

SIGMAS = flow_sigmas(3, shift=3.0)
WINDOWS = (range(4), range(4, 9))
PLANS = {
    "plain": GuidancePlan(scale=3.0),
    "rules": GuidancePlan(
        scale=3.0,
        rule=Projection(threshold=0.2, momentum=-0.3),
        rescale=0.5,
        skip=SkipLayers(blocks=(1,), low=0.0, high=1.0),
    ),
}
every_plan = pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)


def seeded(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def model(standalone, models_dir):
    return standalone.models.make_model(
        read_dit(models_dir / "diffusion_models/random_dit.safetensors"), dtype="fp32"
    )


class Runs:
    """Samples latents, or the same clips as packed tokens."""

    def __init__(self, host, model, plan=PLANS["plain"], *wrappers):
        self.host = host
        positive, negative = ([[seeded(1, 12, 16, seed=seed), {}]] for seed in (1, 2))
        self.guider = host.sampling.with_plan(
            host.sampling.make_guider(model, positive, negative, 3.0), lambda _: plan
        )
        for wrapper in wrappers:
            self.guider = host.sampling.with_wrapper(self.guider, wrapper)
        self.euler = host.sampling.make_sampler(SOLVERS["euler"], {})

    def latent(self, samples, noise):
        latent = {"samples": samples, "fps": 16.0}
        with torch.inference_mode():
            return self.host.sampling.sample(self.guider, noise, self.euler, SIGMAS, latent, 7)

    def packed(self, clips, noises):
        told = [{"fps": 16.0}] * len(clips)
        with torch.inference_mode():
            made = self.host.sampling.sample_tokens(
                self.guider, patchify(noises), self.euler, SIGMAS, patchify(clips), told, 7
            )
        return unpatchify(made)


def noise(frames):
    return FrameNoise(7).generate_noise({"samples": torch.zeros(1, 16, frames, 4, 4)})


def windowed(denoiser, run):
    """A wrapper: every window for itself."""

    def denoise(x, at):
        made = torch.zeros_like(x)
        for frames in WINDOWS:
            part = denoiser(*at.window(x, frames))
            made.index_copy_(at.clips.axis(x), at.clips.find(frames), part)
        return made

    return denoise


@every_plan
def test_a_given_first_frame_stays_on_latents_and_on_tokens(standalone, model, plan):
    samples = seeded(1, 16, 3, 4, 4)
    known = torch.zeros(1, 3, 4, 4, dtype=torch.bool)
    known[:, 0] = True
    of_latent = Runs(standalone, model, plan, hold_given(known)).latent(samples, noise(3))
    here = patchify([known[:, None].float()]).values[..., 0] > 0
    tokens = Runs(standalone, model, plan, hold_given(here))
    (of_tokens,) = tokens.packed([samples], [noise(3)])
    torch.testing.assert_close(of_latent[:, :, 0], samples[:, :, 0])
    torch.testing.assert_close(of_tokens, of_latent, atol=1e-5, rtol=0)
    free = Runs(standalone, model, plan).latent(samples, noise(3))
    assert (of_latent - free)[:, :, 1:].abs().max() > 1e-3


@every_plan
def test_windows_of_a_latent_are_clips_of_their_own(standalone, model, plan):
    """Duration and positions too: nothing tells them from runs on as many frames."""
    if plan.rescale:
        plan = replace(plan, first_frame_scale=3.0)
    whole = Runs(standalone, model, plan, windowed).latent(torch.zeros(1, 16, 9, 4, 4), noise(9))
    for frames in WINDOWS:
        alone = Runs(standalone, model, plan).latent(
            torch.zeros(1, 16, len(frames), 4, 4), noise(9)[:, :, list(frames)]
        )
        torch.testing.assert_close(whole[:, :, list(frames)], alone, atol=1e-5, rtol=0)


def test_windows_of_packed_tokens_are_those_of_their_latents(standalone, model):
    """The second clip lies in the first window only, and as a whole."""
    long, short = (torch.zeros(1, 16, frames, 4, 4) for frames in (9, 3))
    runs = Runs(standalone, model, PLANS["plain"], windowed)
    made = runs.packed([long, short], [noise(9), noise(3)])
    wanted = runs.latent(long, noise(9)), Runs(standalone, model).latent(short, noise(3))
    for ours, theirs in zip(made, wanted, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)


def test_the_network_is_told_the_windows_duration(standalone, model, monkeypatch):
    told, original = [], VideoDiT.forward_tokens

    def watch(self, *arguments, conditions, **named):
        told.append(conditions["duration"].flatten()[0].item())
        return original(self, *arguments, conditions=conditions, **named)

    monkeypatch.setattr(VideoDiT, "forward_tokens", watch)
    clip = torch.zeros(1, 16, 9, 4, 4)
    Runs(standalone, model, PLANS["plain"], windowed).latent(clip, noise(9))
    Runs(standalone, model, PLANS["plain"], windowed).packed([clip], [noise(9)])
    assert told == [13 / 16, 17 / 16] * 6


def test_hooks_of_a_wrapper_reach_the_network(standalone, model):
    residual = seeded(1, 12, model.dit.config.dim)

    def nudged(denoiser, run):
        hooks = BlockHooks(residuals={0: residual})
        return lambda x, at: denoiser(x, replace(at, hooks=hooks))

    clip = torch.zeros(1, 16, 3, 4, 4)
    plain = Runs(standalone, model).latent(clip, noise(3))
    made = Runs(standalone, model, PLANS["plain"], nudged).latent(clip, noise(3))
    (packed,) = Runs(standalone, model, PLANS["plain"], nudged).packed([clip], [noise(3)])
    assert (made - plain).abs().max() > 1e-3
    torch.testing.assert_close(packed, made, atol=1e-5, rtol=0)


def test_a_start_of_zeros_is_nothing_and_stays_zeros(standalone, model):
    """The model's latents have another mean; what is there is brought to it."""
    given = []

    def seen(denoiser, run):
        given.append(run.given)
        return denoiser

    runs = Runs(standalone, model, PLANS["plain"], seen)
    for clip in (torch.zeros(1, 16, 3, 4, 4), torch.ones(1, 16, 3, 4, 4)):
        runs.latent(clip, noise(3))
        runs.packed([clip], [noise(3)])
    ones = model.latent.normalise(torch.ones(1, 16, 3, 4, 4))
    wanted = [torch.zeros_like(ones), patchify([torch.zeros_like(ones)]).values]
    wanted += [ones, patchify([ones]).values]
    assert all(torch.equal(a, b) for a, b in zip(given, wanted, strict=True))


def test_skipped_blocks_inside_skipped_blocks_are_all_skipped(standalone, model):
    made = {}
    first, second = frozenset({0}), frozenset({1})

    def skipping(denoiser, run):
        predict = _predict(Prompts(model, 1, None, None))
        positive = [[seeded(1, 12, 16, seed=1), {}]]
        conditions = {
            "none": positive,
            "first": SkippedBlocks(positive, first),
            "second": SkippedBlocks(positive, second),
            "both": SkippedBlocks(positive, first | second),
            "nested": SkippedBlocks(SkippedBlocks(positive, first), second),
            "turned": SkippedBlocks(SkippedBlocks(positive, second), first),
        }

        def denoise(x, at):
            made.update(zip(conditions, predict(x, at, list(conditions.values())), strict=True))
            return denoiser(x, at)

        return denoise

    Runs(standalone, model, PLANS["plain"], skipping).latent(torch.zeros(1, 16, 3, 4, 4), noise(3))
    assert torch.equal(made["nested"], made["both"])
    assert torch.equal(made["turned"], made["both"])
    for name in ("none", "first", "second"):
        assert (made["nested"] - made[name]).abs().max() > 1e-3


def test_a_model_with_one_level_for_all_is_refused(standalone, model):
    known = torch.ones(1, 3, 4, 4, dtype=torch.bool)
    runs = Runs(standalone, replace(model, info={}), PLANS["plain"], hold_given(known))
    with pytest.raises(ValueError, match="takes a single noise level"):
        runs.latent(seeded(1, 16, 3, 4, 4), noise(3))
