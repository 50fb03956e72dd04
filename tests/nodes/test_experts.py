"""Two experts are one run: exactly handed over, resumable, and each with its own guidance."""

from dataclasses import replace

import pytest
import torch

from spacetime_video.models.latent_format import LatentFormat
from spacetime_video.nodes.guidance.guidance import SpacetimeGuidanceInterval
from spacetime_video.nodes.latent.latents import SpacetimeEmptyVideo
from spacetime_video.nodes.patches.patches import SpacetimePatchify, SpacetimeUnpatchify
from spacetime_video.nodes.sampling.experts import SpacetimeTwoExperts
from spacetime_video.nodes.sampling.sampling import SpacetimeSample
from spacetime_video.nodes.sampling.sampling_state import (
    SpacetimeResumeSampling,
    SpacetimeSampleSteps,
)
from spacetime_video.nodes.timeline.flow_edit import SpacetimeFlowEdit
from spacetime_video.samplers.solvers import SOLVERS, STOCHASTIC_SOLVERS

STEPS = 6
EVERY_SOLVER = [*SOLVERS, *STOCHASTIC_SOLVERS]


def experts(bench, boundary=0.7, high=3.0, low=3.0):
    return SpacetimeTwoExperts.execute(bench.guider(high), bench.guider(low), boundary)[0]


@pytest.fixture
def clip():
    latent = SpacetimeEmptyVideo.execute(32, 32, 9, 16.0)[0]
    generator = torch.Generator().manual_seed(1)
    mask = torch.ones(1, 1, 3, 1, 1)
    mask[:, :, 0] = 0
    samples = torch.randn(latent["samples"].shape, generator=generator)
    return {**latent, "samples": samples, "noise_mask": mask}


@pytest.mark.parametrize("solver", EVERY_SOLVER)
@pytest.mark.parametrize("boundary", [0.0, 0.5, 0.75, 1.0])
def test_the_same_model_twice_is_one_run(bench, clip, solver, boundary):
    """Multistep solvers keep their memory, stochastic ones their noise."""
    made = bench.sample(clip, guider=experts(bench, boundary), solver=solver, steps=STEPS)
    wanted = bench.sample(clip, solver=solver, steps=STEPS)
    assert torch.equal(made["samples"], wanted["samples"])


def test_steps_that_begin_at_the_boundary_are_the_first_ones(bench, clip, network_calls):
    levels = bench.parts(steps=STEPS)[3]
    boundary = float(levels[2])
    bench.sample(clip, guider=experts(bench, boundary, 3.0, 1.0), steps=STEPS)
    sizes = [shape[0] for shape in network_calls]
    assert sizes == [2] * 3 + [1] * (STEPS - 3)  # guided and not


@pytest.mark.parametrize("solver", ["euler", "dpmpp_2m", "lcm"])
@pytest.mark.parametrize("stop", [1, 3, 5])
def test_a_stopped_run_goes_on_with_the_right_expert(bench, clip, solver, stop):
    parts = bench.parts(guider=experts(bench, 0.75, 3.0, 1.0), solver=solver, steps=STEPS)
    state = SpacetimeSampleSteps.execute(*parts, clip, stop)[0]
    assert state.at.step == stop
    resumed = SpacetimeResumeSampling.execute(*parts[:3], state)[0]
    whole = SpacetimeSample.execute(*parts, clip)[0]
    assert torch.equal(resumed["samples"], whole["samples"])


def test_what_is_done_to_them_is_done_to_both(bench, clip):
    both = SpacetimeGuidanceInterval.execute(experts(bench), 0.0, 0.2)[0]
    alone = SpacetimeGuidanceInterval.execute(bench.guider(), 0.0, 0.2)[0]
    made = bench.sample(clip, guider=both, steps=STEPS)
    assert torch.equal(made["samples"], bench.sample(clip, guider=alone, steps=STEPS)["samples"])
    edited = [
        SpacetimeFlowEdit.execute(each, bench.prompt("a blue cube moves right"))[0]
        for each in (experts(bench), bench.guider())
    ]
    results = [bench.sample(clip, guider=each, steps=STEPS)["samples"] for each in edited]
    assert torch.equal(*results)


def test_patches_are_handed_over_too(bench, clip):
    guider = experts(bench, 0.75, 3.0, 1.0)
    tokens = SpacetimePatchify.execute([clip])[0]
    (made,) = SpacetimeUnpatchify.execute(bench.sample_patches(tokens, guider=guider))[0]
    wanted = bench.sample(clip, guider=guider)
    torch.testing.assert_close(made["samples"], wanted["samples"], atol=1e-5, rtol=1e-5)


def test_experts_that_do_not_belong_together_are_refused(bench):
    with pytest.raises(ValueError, match="already has two experts"):
        SpacetimeTwoExperts.execute(experts(bench), bench.guider(), 0.9)
    model = bench.models.model
    other = replace(model, latent=LatentFormat(channels=48))
    with pytest.raises(ValueError, match="work on different latents"):
        SpacetimeTwoExperts.execute(bench.guider(), bench.guider(model=other), 0.9)
