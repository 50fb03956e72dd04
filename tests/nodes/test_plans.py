"""Recipes of a guider: the same on latents and on packed patches, and none by default."""

from dataclasses import replace
from functools import partial

import pytest
import torch

from spacetime_video.hosts import host
from spacetime_video.nodes.latent.latents import SpacetimeEmptyVideo
from spacetime_video.nodes.patches.patches import SpacetimePatchify, SpacetimeUnpatchify
from spacetime_video.nodes.sampling.sampling import SpacetimeSample, SpacetimeSamplePatches
from spacetime_video.samplers.checkpoint import Checkpoint
from spacetime_video.samplers.guidance.nag import AttentionGuidance
from spacetime_video.samplers.guidance.plan import Projection, SkipLayers, ZeroStar
from spacetime_video.samplers.guidance.step_cache import StepCache

PLANS = {
    "over_frames": {"first_frame_scale": 1.0},
    "projected": {"rule": Projection(threshold=0.2)},
    "zero_star": {"rule": ZeroStar()},
    "rescaled": {"rescale": 0.7},
    "skipped": {"skip": SkipLayers(blocks=(1,), low=0.0, high=1.0)},
    "attention": {"scale": 1.0, "attention": AttentionGuidance()},
}


def latent(frames=5):
    return SpacetimeEmptyVideo.execute(32, 32, frames, 16.0)[0]


@pytest.mark.parametrize("changes", PLANS.values(), ids=PLANS)
def test_patches_and_latents_give_the_same(changes, bench):
    guider, *parts = bench.parts()
    changed = host().sampling.with_plan(guider, partial(replace, **changes))
    clips = [latent(), latent(9)]
    tokens = SpacetimePatchify.execute(clips)[0]
    packed = SpacetimeUnpatchify.execute(
        SpacetimeSamplePatches.execute(changed, *parts, tokens)[0]
    )[0]
    for clip, made in zip(clips, packed, strict=True):
        alone = SpacetimeSample.execute(changed, *parts, clip)[0]["samples"]
        torch.testing.assert_close(made["samples"], alone, atol=1e-4, rtol=1e-4)
        plain = SpacetimeSample.execute(guider, *parts, clip)[0]["samples"]
        assert (alone - plain).abs().max() > 1e-4


def test_a_cache_without_budget_is_bit_equal(bench):
    guider, *parts = bench.parts(steps=8)
    cached = host().sampling.with_plan(guider, partial(replace, cache=StepCache(threshold=0.0)))
    made = [
        SpacetimeSample.execute(each, *parts, latent())[0]["samples"] for each in (guider, cached)
    ]
    assert torch.equal(*made)


@pytest.mark.parametrize("solver", ["euler", "unipc_3", "dpmpp_2m_sde"])
def test_a_stopped_run_goes_on_to_the_same_bits(solver, bench):
    guider, noise, sampler, sigmas = bench.parts(steps=6, solver=solver)
    whole = SpacetimeSample.execute(guider, noise, sampler, sigmas, latent())[0]["samples"]
    checkpoint = Checkpoint(stop=3)
    stopped = host().sampling.with_options(sampler, {"checkpoint": checkpoint})
    SpacetimeSample.execute(guider, noise, stopped, sigmas, latent())
    checkpoint.stop = None
    resumed = SpacetimeSample.execute(guider, noise, stopped, sigmas, latent())[0]["samples"]
    assert torch.equal(whole, resumed)
