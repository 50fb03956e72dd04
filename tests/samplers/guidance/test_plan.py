"""A plan builds the same denoiser as its parts by hand."""

import pytest
import torch

from spacetime_video.samplers.guidance.cfg import cfg
from spacetime_video.samplers.guidance.cfg_zero import cfg_zero
from spacetime_video.samplers.guidance.nag import AttentionGuidance, NegativeAttention
from spacetime_video.samplers.guidance.plan import (
    GuidancePlan,
    Projection,
    SkipLayers,
    ZeroStar,
    guided,
)
from spacetime_video.samplers.guidance.projected import apg
from spacetime_video.samplers.guidance.scales import over_frames, over_steps, within
from spacetime_video.samplers.guidance.skip_layer import SkippedBlocks
from spacetime_video.samplers.guidance.step_cache import StepCache
from spacetime_video.samplers.process import NoiseProcess
from spacetime_video.samplers.runs import Evaluation, SamplingRun
from spacetime_video.samplers.schedules.flow import flow_sigmas

RUN = SamplingRun(flow_sigmas(5))
SIGMA = torch.full((2,), 0.6)


class Predictor:
    def __init__(self):
        self.asked = []

    def __call__(self, x, at, conditions):
        self.asked.append(list(conditions))
        return [torch.tanh(x) * self.weight(condition) for condition in conditions]

    def weight(self, condition):
        if isinstance(condition, SkippedBlocks | NegativeAttention):
            return 0.5 * self.weight(condition.condition)
        return 1.0 + len(condition)


def by_recipe(x, *, run=RUN, predict=None, sigma=SIGMA, **options):
    predict = predict or Predictor()
    denoiser = guided(GuidancePlan(**options), predict, "abc", "", run.process)
    return denoiser(x, Evaluation(run, sigma))


def by_hand(x, scale, **options):
    return cfg(Predictor(), "abc", "", scale, **options)(x, Evaluation(RUN, SIGMA))


@pytest.mark.parametrize(
    ("options", "scale", "rule"),
    [
        ({"scale": 3.0}, 3.0, None),
        ({"scale": 6.0, "last_scale": 2.0}, over_steps(6.0, 2.0), None),
        ({"scale": 2.5, "first_frame_scale": 1.0}, over_frames(1.0, 2.5), None),
        ({"scale": 3.0, "low": 0.7}, within(3.0, 0.7, 1.0), None),
        ({"scale": 3.0, "high": 0.7}, 3.0, None),
        ({"scale": 3.0, "rule": Projection(threshold=0.1)}, 3.0, apg(threshold=0.1)),
        ({"scale": 3.0, "rule": ZeroStar()}, 3.0, cfg_zero),
    ],
)
def test_parts_by_hand(options, scale, rule, start):
    hand = by_hand(start, scale, **({"combine": rule} if rule else {}))
    torch.testing.assert_close(by_recipe(start, **options), hand)


def test_by_default_only_the_positive_is_evaluated(start):
    predict = Predictor()
    by_recipe(start, predict=predict)
    assert predict.asked == [["abc"]]


def test_zero_star_waits(start):
    waiting = by_recipe(start, scale=3.0, rule=ZeroStar(waiting_steps=1), sigma=torch.ones(2))
    assert torch.equal(waiting, start)


def test_everything_at_once_evaluates_three_conditions(start):
    predict = Predictor()
    made = by_recipe(
        start,
        predict=predict,
        scale=4.0,
        rule=Projection(),
        rescale=0.7,
        skip=SkipLayers(blocks=(1,)),
        attention=AttentionGuidance(),
        cache=StepCache(threshold=0.1),
    )
    assert made.isfinite().all()
    assert [len(conditions) for conditions in predict.asked] == [2, 1]
    (against, negative), (weak,) = predict.asked
    assert (against.condition, against.negative, negative) == ("abc", "", "")
    assert weak.condition is against
    assert weak.blocks == {1}


def test_levels_of_other_paths_have_the_same_share_of_noise(start):
    """Flow's 0.5 is VE's 1."""
    run = SamplingRun(torch.tensor([5.0, 1.1, 0.9, 0.0]), NoiseProcess.VE)
    for level, asked in ((1.1, 1), (0.9, 2)):
        predict = Predictor()
        sigma = torch.full((2,), level)
        by_recipe(start, run=run, predict=predict, sigma=sigma, scale=3.0, high=0.5)
        assert len(predict.asked[0]) == asked


def test_no_blocks_to_skip():
    with pytest.raises(ValueError, match="at least one"):
        SkipLayers(blocks=())


@pytest.mark.parametrize(
    "options",
    [
        {"rule": Projection(parallel=1.0)},
        {"attention": AttentionGuidance(scale=1.0, limit=0.5)},
        {"attention": AttentionGuidance(blend=0.0)},
        {"skip": SkipLayers(blocks=(1,), scale=0.0)},
        {"rescale": 0.0},
        {"cache": StepCache(threshold=0.0)},
    ],
)
def test_what_does_nothing_evaluates_nothing_more_and_keeps_the_bits(options, start):
    plain, neutral = Predictor(), Predictor()
    made = by_recipe(start, predict=neutral, scale=3.1, **options)
    assert torch.equal(made, by_recipe(start, predict=plain, scale=3.1))
    assert neutral.asked == plain.asked == [["abc", ""]]


@pytest.mark.parametrize(("low", "high"), [(0.6, 0.5), (-0.1, 1.0), (0.0, 1.1)])
def test_levels_that_are_none(low, high):
    for make in (GuidancePlan, lambda **levels: SkipLayers(blocks=(1,), **levels)):
        with pytest.raises(ValueError, match="0 <= low <= high <= 1"):
            make(low=low, high=high)


def test_predictions_of_the_cache_are_watched_too(start):
    """Twice the same state: the second time nothing is evaluated, and the watcher sees it."""
    predict, seen = Predictor(), []
    plan = GuidancePlan(scale=3.0, cache=StepCache(threshold=10.0, start=0.0, end=1.0))
    sigmas = torch.tensor([0.9, 0.8, 0.7, 0.6, 0.0])
    denoiser = guided(
        plan, predict, "abc", "", NoiseProcess.FLOW, watch=lambda *told: seen.append(told)
    )
    for level in sigmas[:-1]:
        denoiser(start * level, Evaluation(SamplingRun(sigmas), level.expand(2)))
    assert len(predict.asked) < len(seen) == 4
    assert all(conditions == ("abc", "") and len(made) == 2 for conditions, made in seen)
