"""The nodes of guidance and the step cache: what they do, what they leave, what they refuse."""

from typing import Any, NamedTuple

import pytest
import torch

from spacetime_video.hosts import host
from spacetime_video.models.dit.network import VideoDiT
from spacetime_video.nodes.guidance.blocks import (
    SpacetimeAttentionGuidance,
    SpacetimeSkipLayerGuidance,
    blocks_to_skip,
)
from spacetime_video.nodes.guidance.guidance import (
    SpacetimeGuidanceInterval,
    SpacetimeGuidanceOverFrames,
    SpacetimeGuidanceOverSteps,
    SpacetimeGuidanceRescale,
)
from spacetime_video.nodes.guidance.rules import SpacetimeCFGZeroStar, SpacetimeProjectedGuidance
from spacetime_video.nodes.guidance.step_cache import SpacetimeStepCache
from spacetime_video.nodes.helpers.tokens import unpack
from spacetime_video.nodes.latent.latents import SpacetimeEmptyVideo
from spacetime_video.nodes.patches.patches import SpacetimePatchify
from spacetime_video.nodes.sampling.sampling import (
    SpacetimeDenoiser,
    SpacetimeSample,
    SpacetimeSamplePatches,
)
from spacetime_video.samplers.given import hold_given
from spacetime_video.samplers.schedules.flow import flow_sigmas

SCALE = 3.1


class Case(NamedTuple):
    """A node with values that do something, and with those that do nothing, if there are any."""

    node: Any
    acting: dict[str, Any]
    neutral: dict[str, Any] | None


CASES = {
    "interval": Case(
        SpacetimeGuidanceInterval, {"low": 0.3, "high": 0.95}, {"low": 0.0, "high": 1.0}
    ),
    "steps": Case(SpacetimeGuidanceOverSteps, {"last": 1.0}, {"last": SCALE}),
    "frames": Case(
        SpacetimeGuidanceOverFrames,
        {"first": 1.0, "both_ends": False},
        {"first": SCALE, "both_ends": True},
    ),
    "rescale": Case(SpacetimeGuidanceRescale, {"strength": 0.7}, {"strength": 0.0}),
    "projected": Case(
        SpacetimeProjectedGuidance,
        {"parallel": 0.0, "momentum": -0.5, "threshold": 0.2},
        {"parallel": 1.0, "momentum": 0.0, "threshold": 0.0},
    ),
    "zero_star": Case(SpacetimeCFGZeroStar, {"waiting_steps": 0}, None),
    "skipped": Case(
        SpacetimeSkipLayerGuidance,
        {"blocks": "1", "scale": 1.0, "low": 0.0, "high": 1.0},
        {"blocks": "0-1", "scale": 0.0, "low": 0.2, "high": 0.9},
    ),
    "attention": Case(
        SpacetimeAttentionGuidance,
        {"scale": 5.0, "limit": 2.5, "blend": 0.25},
        {"scale": 1.0, "limit": 0.5, "blend": 0.25},
    ),
    "cached": Case(
        SpacetimeStepCache,
        {"threshold": 1.0, "start": 0.0, "end": 1.0},
        {"threshold": 0.0, "start": 0.0, "end": 1.0},
    ),
}
every_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES)
neutral_cases = pytest.mark.parametrize(
    "case", [case for case in CASES.values() if case.neutral], ids=[n for n in CASES if CASES[n][2]]
)
RULES = ["steps", "frames", "rescale", "projected", "zero_star", "skipped"]


def change(guider, case, **values):
    return case.node.execute(guider, **(values or case.acting))[0]


def sampled(bench, guider, *, steps=5):
    latent = SpacetimeEmptyVideo.execute(32, 32, 9, 16.0)[0]
    return SpacetimeSample.execute(guider, *bench.parts(steps=steps)[1:], latent)[0]["samples"]


@pytest.fixture(scope="module")
def plain(bench):
    return sampled(bench, bench.guider(SCALE))


@every_case
def test_it_changes_the_clip_and_not_the_guider_it_came_from(bench, plain, case):
    guider = bench.guider(SCALE)
    assert (sampled(bench, change(guider, case)) - plain).abs().max() > 1e-4
    assert torch.equal(sampled(bench, guider), plain)


@neutral_cases
def test_neutral_settings_give_the_bits_of_no_node(bench, plain, case):
    guider = change(bench.guider(SCALE), case, **case.neutral)
    assert torch.equal(sampled(bench, guider), plain)


@pytest.mark.parametrize("name", RULES)
def test_at_guidance_one_the_negative_prompt_is_not_evaluated(
    bench, network_calls, monkeypatch, name
):
    prepared, original = [], VideoDiT.prepare
    monkeypatch.setattr(
        VideoDiT,
        "prepare",
        lambda self, text, image: prepared.append(text) or original(self, text, image),
    )
    sampled(bench, change(bench.guider(1.0), CASES[name]), steps=4)
    weak = 4 if name == "skipped" else 0
    assert [shape[0] for shape in network_calls] == [1] * (4 + weak)
    assert [torch.equal(text, bench.positive[0][0]) for text in prepared] == [True]


def test_outside_of_the_interval_the_negative_prompt_is_not_evaluated(bench, network_calls):
    guider = SpacetimeGuidanceInterval.execute(bench.guider(SCALE), 0.5, 0.9)[0]
    sampled(bench, guider, steps=6)
    guided = [0.5 <= sigma <= 0.9 for sigma in flow_sigmas(6, shift=3.0)[:-1].tolist()]
    assert [shape[0] == 2 for shape in network_calls] == guided
    assert len(set(guided)) == 2


def test_waiting_steps_evaluate_nothing(bench, network_calls):
    sampled(bench, SpacetimeCFGZeroStar.execute(bench.guider(SCALE), 2)[0], steps=6)
    assert len(network_calls) == 4


def test_a_cache_skips_evaluations_and_more_with_a_larger_budget(bench, network_calls):
    counts = []
    for threshold in (0.0, 0.1, 1.0):
        guider = SpacetimeStepCache.execute(bench.guider(SCALE), threshold, 0.1, 0.95)[0]
        before = len(network_calls)
        sampled(bench, guider, steps=16)
        counts.append(len(network_calls) - before)
    assert counts[0] == 16
    assert counts[0] > counts[2]
    assert counts == sorted(counts, reverse=True)


@every_case
@pytest.mark.parametrize("scale", [1.0, SCALE])
def test_given_frames_stay_and_the_others_are_made(bench, case, scale):
    samples = torch.randn(1, 16, 3, 4, 4, generator=torch.Generator().manual_seed(3))
    tokens = SpacetimePatchify.execute([{"samples": samples, "fps": 16.0}])[0]
    known = tokens.tokens.layout.coordinates[None, :, 0] == 0
    guider = host().sampling.with_wrapper(change(bench.guider(scale), case), hold_given(known))
    made = SpacetimeSamplePatches.execute(guider, *bench.parts(steps=5)[1:], tokens)[0]
    (made,) = (latent["samples"] for latent in unpack(made))
    torch.testing.assert_close(made[:, :, 0], samples[:, :, 0])
    assert not torch.allclose(made[:, :, 1:], samples[:, :, 1:], atol=0.01)


def test_the_order_of_nodes_makes_no_difference(bench):
    names = ["interval", "projected", "rescale", "skipped", "attention", "cached", "frames"]
    results = []
    for order in (names, names[::-1]):
        guider = bench.guider(SCALE)
        for name in order:
            guider = change(guider, CASES[name])
        results.append(sampled(bench, guider))
    assert torch.equal(*results)


@neutral_cases
def test_the_later_of_two_equal_nodes_counts(bench, plain, case):
    twice = change(change(bench.guider(SCALE), case), case, **case.neutral)
    assert torch.equal(sampled(bench, twice), plain)


def test_two_rules_are_refused(bench):
    projected, star = CASES["projected"], CASES["zero_star"]
    with pytest.raises(ValueError, match=r"CFG-Zero\* after Projected Guidance.*remove one"):
        change(change(bench.guider(), projected), star)
    with pytest.raises(ValueError, match=r"Projected Guidance after CFG-Zero\*.*remove one"):
        change(change(bench.guider(), star), projected)


def test_attention_guidance_makes_the_negative_prompt_act_at_guidance_one(bench):
    model, positive = bench.models.model, bench.positive
    guiders = [
        SpacetimeDenoiser.execute(model, positive, bench.prompt(text), 1.0)[0]
        for text in ("", "a blue cube moves right")
    ]
    bare = [sampled(bench, each) for each in guiders]
    changed = [sampled(bench, change(each, CASES["attention"])) for each in guiders]
    assert torch.equal(*bare)
    assert (changed[0] - bare[0]).abs().max() > 1e-4
    assert (changed[0] - changed[1]).abs().max() > 1e-4


@pytest.mark.parametrize(
    ("node", "values", "problem"),
    [
        (SpacetimeGuidanceInterval, (0.9, 0.2), "from 0.9 to 0.2: use 0 <= low <= high <= 1"),
        (SpacetimeGuidanceInterval, (0.0, 1.5), "use 0 <= low <= high <= 1"),
        (SpacetimeSkipLayerGuidance, ("3, x", 0.2, 0.9), "'x' is not a number"),
        (SpacetimeSkipLayerGuidance, ("3", 0.9, 0.2), "use 0 <= low <= high <= 1"),
        (SpacetimeSkipLayerGuidance, ("x", None, 0.2), "'x' is not a number"),
        (SpacetimeStepCache, (0.05, 0.9, 0.1), "0 <= start <= end <= 1"),
        (SpacetimeStepCache, (-1.0, 0.1, 0.9), "threshold of at least 0"),
    ],
)
def test_wrong_values_are_refused_before_the_graph_runs(node, values, problem):
    assert problem in node.validate_inputs(*values)


@pytest.mark.parametrize(
    ("node", "values"),
    [
        (SpacetimeGuidanceInterval, (0.2, 0.9)),
        (SpacetimeGuidanceInterval, (0.9, None)),
        (SpacetimeSkipLayerGuidance, ("7-9", 0.2, 0.9)),
        (SpacetimeSkipLayerGuidance, (None, None, None)),
        (SpacetimeStepCache, (0.05, 0.1, 0.9)),
        (SpacetimeStepCache, (None, 0.1, 0.9)),
    ],
)
def test_good_values_and_wires_pass(node, values):
    assert node.validate_inputs(*values) is True


def test_wrong_values_over_wires_are_refused_in_the_run(bench):
    with pytest.raises(ValueError, match="use 0 <= low <= high <= 1"):
        SpacetimeGuidanceInterval.execute(bench.guider(), 0.9, 0.2)


def test_a_block_that_the_model_does_not_have_is_refused_before_sampling(bench, network_calls):
    with pytest.raises(ValueError, match=r"no block 2, 3 in this model, which has blocks 0 to 1"):
        SpacetimeSkipLayerGuidance.execute(bench.guider(), "1-3", 1.0, 0.2, 0.9)
    with pytest.raises(ValueError, match=r"no blocks that can be skipped"):
        blocks_to_skip("", 0)
    assert network_calls == []


@pytest.mark.parametrize(("count", "block"), [(1, 0), (2, 0), (6, 2), (30, 10), (40, 13)])
def test_without_a_text_one_block_is_left_out(count, block):
    assert blocks_to_skip(" ", count) == (block,)


def test_the_host_counts_the_blocks(bench):
    assert host().sampling.about(bench.guider()).blocks == 2
