"""Guidance: the identities of each rule, what it evaluates, and that given frames stay."""

from dataclasses import replace

import pytest
import torch

from spacetime_video.models.shapes import LatentShape
from spacetime_video.samplers.clips import Clip, Clips
from spacetime_video.samplers.denoiser import broadcast_sigma, output_of, to_velocity, x0_of
from spacetime_video.samplers.guidance.cfg import Predictions, affine, cfg, keep_given, remember
from spacetime_video.samplers.guidance.cfg_zero import cfg_zero, zero_init
from spacetime_video.samplers.guidance.projected import apg
from spacetime_video.samplers.guidance.rescale import rescale, spread
from spacetime_video.samplers.guidance.skip_layer import SkippedBlocks, skip_layers
from spacetime_video.samplers.process import NoiseProcess
from spacetime_video.samplers.regions import LATENT
from spacetime_video.samplers.runs import Evaluation, SamplingRun, for_solver
from spacetime_video.samplers.schedules.flow import flow_sigmas
from spacetime_video.samplers.solvers import sample_heun

POSITIVE, NEGATIVE = "a red cube", ""
RUN = SamplingRun(flow_sigmas(10, shift=3.0))


def zero_star_on_ve(sides, scale):
    run = SamplingRun(RUN.sigmas, NoiseProcess.VE)
    return cfg_zero(sides._replace(at=replace(sides.at, run=run)), scale)


RULES = {
    "cfg": lambda: affine,
    "apg": apg,
    "apg_limited": lambda: apg(threshold=0.1, parallel=0.5),
    "apg_momentum": lambda: apg(momentum=-0.5),
    "cfg_zero": lambda: cfg_zero,
    "cfg_zero_ve": lambda: zero_star_on_ve,
}
EVERY_RULE = pytest.mark.parametrize("rule", RULES.values(), ids=RULES)


class CountingPredictor:
    """Predictions that differ by prompt; remembers every set of conditions it was asked for."""

    def __init__(self, *, batched=False):
        self.asked = []
        self.batched = batched

    def __call__(self, x, at, conditions):
        self.asked.append((tuple(conditions), at.extra_args))
        sigma = at.levels
        weights = torch.tensor([self._weight(c) for c in conditions], dtype=x.dtype)
        level = broadcast_sigma(sigma, x)
        if self.batched:
            stacked = torch.stack([x] * len(weights)) * (1 - level)
            shift = weights.reshape(-1, *[1] * x.ndim) * level
            return list((stacked + shift * torch.cos(stacked)).unbind())
        return [x * (1 - level) + w * level * torch.cos(x * (1 - level)) for w in weights]

    def _weight(self, condition):
        if isinstance(condition, SkippedBlocks):
            return 0.5 * self._weight(condition.condition)
        return 0.1 * len(condition) + 0.05


def at(level, *, process=NoiseProcess.FLOW, **options):
    sigma = torch.full((2,), level, dtype=torch.float64)
    return Evaluation(SamplingRun(RUN.sigmas, process), sigma, **options)


@pytest.fixture
def half():
    return at(0.5)


@pytest.fixture
def sides(start, half):
    conditional, unconditional = CountingPredictor()(start, half, (POSITIVE, NEGATIVE))
    return Predictions(start, half, conditional, unconditional)


def frame_levels():
    """Two given frames of six."""
    levels = torch.tensor([0.0, 0.6, 0.6, 0.6, 0.6, 0.0], dtype=torch.float64)
    return levels.reshape(1, 6, 1, 1).expand(2, 6, 2, 2)


def close(ours, wanted, tolerance=1e-12):
    torch.testing.assert_close(ours, wanted, atol=tolerance, rtol=0)


@pytest.mark.parametrize("scale", [0.0, 0.5, 3.0, 7.5])
def test_cfg_equation(scale, start, half, sides):
    guided = cfg(CountingPredictor(), POSITIVE, NEGATIVE, scale)(start, half)
    wanted = sides.unconditional + scale * (sides.conditional - sides.unconditional)
    close(guided, wanted)


@pytest.mark.parametrize("process", NoiseProcess)
def test_cfg_is_the_same_in_every_space(process, sides):
    c = output_of(sides.x, sides.conditional, sides.at.sigma, process)
    u = output_of(sides.x, sides.unconditional, sides.at.sigma, process)
    close(affine(sides, 6.0), x0_of(sides.x, u + 6.0 * (c - u), sides.at.sigma, process))


@pytest.mark.parametrize(("scale", "conditions"), [(1, (POSITIVE,)), (4, (POSITIVE, NEGATIVE))])
@EVERY_RULE
def test_scale_one_never_evaluates_the_negative(rule, scale, conditions, start, half):
    predict = CountingPredictor()
    guided = cfg(predict, POSITIVE, NEGATIVE, scale, combine=rule())
    for _ in range(3):
        guided(start, replace(half, extra_args={"fps": 24}))
    assert predict.asked == [(conditions, {"fps": 24})] * 3


@EVERY_RULE
def test_scale_one_is_the_conditional_prediction(rule, start, half, sides):
    one = cfg(CountingPredictor(), POSITIVE, NEGATIVE, 1.0, combine=rule())(start, half)
    assert torch.equal(one, sides.conditional)
    close(rule()(sides, 1.0), sides.conditional)


@EVERY_RULE
def test_one_batch_or_two_calls_agree(rule, start, half):
    apart = cfg(CountingPredictor(), POSITIVE, NEGATIVE, 6.0, combine=rule())(start, half)
    joint = CountingPredictor(batched=True)
    together = cfg(joint, POSITIVE, NEGATIVE, 6.0, combine=rule())(start, half)
    assert torch.equal(apart, together)


@EVERY_RULE
def test_equal_conditions_leave_the_prediction(rule, start, half, sides):
    close(rule()(sides._replace(unconditional=sides.conditional), 9.0), sides.conditional)


@EVERY_RULE
def test_batch_elements_are_independent(rule, sides):
    whole = rule()(sides, 5.0)
    rows = [
        rule()(
            Predictions(
                sides.x[row],
                replace(sides.at, sigma=sides.at.sigma[row]),
                sides.conditional[row],
                sides.unconditional[row],
            ),
            5.0,
        )
        for row in (slice(0, 1), slice(1, 2))
    ]
    close(whole, torch.cat(rows))


@EVERY_RULE
@pytest.mark.parametrize("scale", [1.0, 5.0])
def test_given_frames_are_never_changed(rule, scale, video_model, start):
    def predict(x, at, conditions):
        exact = video_model.denoise_frames(x, at.places[:, :, 0, 0])
        made = at.places[:, None] > 0
        return [exact + 0.1 * len(c) * torch.cos(x) * made for c in conditions]

    guided = cfg(predict, POSITIVE, NEGATIVE, scale, combine=rule())
    weak = SkippedBlocks(POSITIVE, frozenset({1}))
    guided = skip_layers(guided, lambda x, at, cs: predict(x, at, ["a"] * len(cs)), weak, 2.0)
    guided = rescale(guided, predict, POSITIVE, 0.7)
    made = guided(start, at(0.6, places=frame_levels()))
    assert torch.equal(made[:, :, [0, 5]], start[:, :, [0, 5]])
    assert not torch.allclose(made[:, :, 1:5], start[:, :, 1:5], atol=0.01)


@pytest.mark.parametrize("rule", ["apg", "apg_limited", "cfg_zero"])
def test_given_frames_do_not_count(rule, start, sides):
    """What the given frames hold makes no difference to the others."""
    here = at(0.6, places=frame_levels())
    given = here.places[:, None] == 0
    other = sides._replace(
        at=here,
        x=torch.where(given, 5 * start, start),
        conditional=torch.where(given, 5 * start, sides.conditional),
        unconditional=torch.where(given, 5 * start, sides.unconditional),
    )
    plain = sides._replace(
        at=here,
        conditional=torch.where(given, start, sides.conditional),
        unconditional=torch.where(given, start, sides.unconditional),
    )
    combine = RULES[rule]
    close(combine()(other, 5.0)[:, :, 1:5], combine()(plain, 5.0)[:, :, 1:5])


def test_projected_guidance_with_everything_kept_is_cfg(sides):
    close(apg(parallel=1.0)(sides, 7.0), affine(sides, 7.0))


def test_projected_difference_is_orthogonal_to_the_prediction(sides):
    difference = apg()(sides, 4.0) - sides.conditional
    along = (difference * sides.conditional).flatten(1).sum(1)
    close(along, torch.zeros_like(along), 1e-10)


def test_threshold_limits_each_frame(sides):
    limited = apg(parallel=1.0, threshold=0.01)(sides, 2.0) - sides.conditional
    size = limited.square().mean((1, 3, 4)).sqrt()
    close(size, torch.full_like(size, 0.01))
    loose = apg(parallel=1.0, threshold=1e6)(sides, 2.0)
    close(loose, affine(sides, 2.0))


def test_momentum_runs_over_steps_and_not_into_the_next_run(sides):
    rule = apg(parallel=1.0, momentum=-0.5)
    first = rule(sides, 3.0)
    close(first, affine(sides, 3.0))
    clips = Clips((Clip(size=LatentShape(6, 2, 2)),))
    lower = sides._replace(at=at(0.25))
    difference = sides.conditional - sides.unconditional
    close(rule(lower, 3.0), sides.conditional + 2.0 * 0.5 * difference)
    close(rule(lower._replace(at=at(0.25, clips=clips)), 3.0), affine(sides, 3.0))
    close(rule(sides, 3.0), first)


def test_zero_star_equation(sides):
    c = to_velocity(sides.x, sides.conditional, sides.at.sigma)
    u = to_velocity(sides.x, sides.unconditional, sides.at.sigma)
    fit = (c * u).flatten(1).sum(1) / (u * u).flatten(1).sum(1)
    fit = fit.reshape(-1, 1, 1, 1, 1)
    velocity = fit * u + 4.0 * (c - fit * u)
    close(cfg_zero(sides, 4.0), sides.x - 0.5 * velocity)


def test_zero_star_in_x0_would_be_something_else(sides):
    c, u = sides.conditional, sides.unconditional
    fit = ((c * u).flatten(1).sum(1) / (u * u).flatten(1).sum(1)).reshape(-1, 1, 1, 1, 1)
    assert (cfg_zero(sides, 4.0) - (fit * u + 4.0 * (c - fit * u))).abs().max() > 0.01


@pytest.mark.parametrize("steps", [0, 1, 3])
def test_waiting_steps_evaluate_nothing(steps, start):
    predict = CountingPredictor()
    guided = zero_init(cfg(predict, POSITIVE, NEGATIVE, 4.0), steps)
    for number, level in enumerate(RUN.sigmas[:-1]):
        made = guided(start, Evaluation(RUN, level.expand(2)))
        assert torch.equal(made, start) == (number < steps)
    assert len(predict.asked) == 10 - steps


@pytest.mark.parametrize("process", NoiseProcess)
def test_rescaled_spread(process, start):
    predict, here = remember(CountingPredictor()), at(0.5, process=process)
    guided = cfg(predict, POSITIVE, NEGATIVE, 6.0)
    full = rescale(guided, predict, POSITIVE, 1.0)(start, here)
    (c,) = predict(start, here, (POSITIVE,))
    wanted = spread(output_of(start, c, here.sigma, process), None, LATENT)
    close(spread(output_of(start, full, here.sigma, process), None, LATENT), wanted, 1e-10)
    none = rescale(guided, predict, POSITIVE, 0.0)(start, here)
    close(none, guided(start, here))


def test_rescale_of_an_unguided_prediction_changes_nothing(start, half):
    counting = CountingPredictor()
    predict = remember(counting)
    plain = rescale(cfg(predict, POSITIVE, NEGATIVE, 1.0), predict, POSITIVE, 0.7)
    (c,) = CountingPredictor()(start, half, (POSITIVE,))
    assert torch.equal(plain(start, half), c)
    assert len(counting.asked) == 1


def test_skip_layers_equation_and_evaluations(start, half):
    counting = CountingPredictor()
    predict = remember(counting)
    weak = SkippedBlocks(POSITIVE, frozenset({3}))
    guided = skip_layers(cfg(predict, POSITIVE, NEGATIVE, 4.0), predict, weak, 1.5)
    made = guided(start, half)
    assert [len(conditions) for conditions, _ in counting.asked] == [2, 1]
    c, u, p = CountingPredictor()(start, half, (POSITIVE, NEGATIVE, weak))
    close(made, u + 4.0 * (c - u) + 1.5 * (c - p))


@pytest.mark.parametrize(("scale", "level"), [(0.0, 0.5), (1.0, 0.95), (1.0, 0.1)])
def test_skip_layers_off(scale, level, start):
    predict = CountingPredictor()
    weak = SkippedBlocks(POSITIVE, frozenset({3}))
    here = at(level)
    base = cfg(predict, POSITIVE, NEGATIVE, 1.0)
    made = skip_layers(base, predict, weak, scale)(start, here)
    assert torch.equal(made, base(start, here))
    assert len(predict.asked) == 2


def test_remembered_predictions_are_of_the_last_state_only(start, half):
    counting = CountingPredictor()
    predict = remember(counting)
    predict(start, half, (POSITIVE,))
    predict(start, half, (NEGATIVE, POSITIVE))
    assert [conditions for conditions, _ in counting.asked] == [(POSITIVE,), (NEGATIVE,)]
    below = at(0.25)
    (lower,) = predict(start, below, (POSITIVE,))
    assert torch.equal(lower, CountingPredictor()(start, below, (POSITIVE,))[0])
    (moved,) = predict(start + 1, below, (POSITIVE,))
    assert torch.equal(moved, CountingPredictor()(start + 1, below, (POSITIVE,))[0])


def test_a_guided_denoiser_under_a_solver(start):
    predict = CountingPredictor()
    guided = for_solver(cfg(predict, POSITIVE, NEGATIVE, 3.0), RUN)
    sample_heun(guided, start, flow_sigmas(4), {"seed": 3})
    assert predict.asked == [((POSITIVE, NEGATIVE), {"seed": 3})] * 7


def test_one_level_for_all_gives_nothing_back(start, half):
    assert keep_given(start + 1, start, half) is not start
    close(keep_given(start + 1, start, half), start + 1)
