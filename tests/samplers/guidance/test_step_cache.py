"""EasyCache: exact at threshold 0, fewer evaluations above, memories that do not mix."""

import pytest
import torch

from spacetime_video.models.shapes import LatentShape
from spacetime_video.samplers.clips import Clip, Clips
from spacetime_video.samplers.guidance.cfg import cfg
from spacetime_video.samplers.guidance.step_cache import StepCache, easy_cache
from spacetime_video.samplers.process import NoiseProcess
from spacetime_video.samplers.runs import Evaluation, SamplingRun, for_solver
from spacetime_video.samplers.schedules.flow import flow_sigmas
from spacetime_video.samplers.solvers import sample_euler, sample_heun

from ...tables import stable_diffusion_table

STEPS = 40


class Predictor:
    """The Gaussian model, with a prompt that shifts its mean; counts evaluations by prompt."""

    def __init__(self, model, process=NoiseProcess.FLOW):
        self.model, self.process = model, process
        self.count = {"a": 0, "b": 0}

    def __call__(self, x, at, conditions):
        made, sigma = [], at.sigma
        for condition in conditions:
            self.count[condition] += 1
            shift = 0.5 if condition == "a" else 0.0
            clean = x - shift * self._signal(sigma)
            made.append(self.model.denoiser(self.process)(clean, sigma) + shift)
        return made

    def _signal(self, sigma):
        signal = 1 - sigma if self.process is NoiseProcess.FLOW else torch.ones_like(sigma)
        return signal.reshape(-1, *[1] * 4)


def run_of(process):
    sigmas = (
        flow_sigmas(STEPS)
        if process is NoiseProcess.FLOW
        else stable_diffusion_table().karras(STEPS)
    )
    return SamplingRun(sigmas, process)


def sample(model, start, *, scale=3.0, process=NoiseProcess.FLOW, solve=sample_euler, **options):
    predict, run = Predictor(model, process), run_of(process)
    wrapped = easy_cache(predict, StepCache(**options)) if options else predict
    guided = for_solver(cfg(wrapped, "a", "b", scale), run)
    made = solve(guided, start * run.sigmas[0], run.sigmas)
    return made, predict.count


@pytest.mark.parametrize("process", NoiseProcess)
@pytest.mark.parametrize("solve", [sample_euler, sample_heun])
def test_threshold_zero_is_bit_equal(process, solve, video_model, start):
    plain, count = sample(video_model, start, process=process, solve=solve)
    cached, cached_count = sample(video_model, start, process=process, solve=solve, threshold=0.0)
    assert torch.equal(plain, cached)
    assert count == cached_count


@pytest.mark.parametrize("process", NoiseProcess)
def test_more_budget_fewer_evaluations_larger_error(process, video_model, start):
    plain, _ = sample(video_model, start, process=process, scale=1.0)
    counts, errors = [], []
    for threshold in (0.02, 0.05, 0.1, 0.2, 0.4):
        made, count = sample(video_model, start, process=process, scale=1.0, threshold=threshold)
        counts.append(count["a"])
        errors.append((made - plain).square().mean().sqrt().item() / plain.std().item())
    assert counts == sorted(counts, reverse=True)
    assert errors == sorted(errors)
    assert counts[0] < STEPS
    assert counts[-1] < 0.25 * STEPS
    assert errors[0] < 0.01
    assert errors[1] < 0.05


def test_first_and_last_steps_are_evaluated(video_model, start):
    levels = []
    predict = Predictor(video_model)

    def watch(x, at, conditions):
        levels.append(at.level)
        return predict(x, at, conditions)

    run = run_of(NoiseProcess.FLOW)
    wrapped = easy_cache(watch, StepCache(threshold=1e9, start=0.0, end=0.9))
    sample_euler(for_solver(cfg(wrapped, "a", "b", 1.0), run), start, run.sigmas)
    first, last = run.sigmas[:2].tolist(), run.sigmas[36:-1].tolist()
    assert levels == [*first, *last]


def test_a_second_run_equals_the_first(video_model, start):
    """A level that rises begins a new run."""
    run = run_of(NoiseProcess.FLOW)
    predict = Predictor(video_model)
    cached = easy_cache(predict, StepCache(threshold=0.1))
    guided = for_solver(cfg(cached, "a", "b", 2.0), run)
    runs = []
    for _ in range(2):
        before = predict.count["a"]
        runs.append((sample_euler(guided, start, run.sigmas), predict.count["a"] - before))
    assert torch.equal(runs[0][0], runs[1][0])
    assert runs[0][1] == runs[1][1]


def test_a_level_that_rises_is_evaluated_and_forgets_the_run_before(video_model, start):
    """However large the budget, the first two steps of a run tell what follows."""
    run, levels = run_of(NoiseProcess.FLOW), []
    predict = Predictor(video_model)

    def watch(x, at, conditions):
        levels.append(at.level)
        return predict(x, at, conditions)

    cached = easy_cache(watch, StepCache(threshold=1e9, start=0.0, end=1.0))
    for x in (start, 3 * start):
        for level in run.sigmas[:10].tolist():
            cached(x, Evaluation(run, torch.full((2,), level)), ("a",))
            x = 0.9 * x
    assert levels == [*run.sigmas[:2].tolist()] * 2


def test_conditions_do_not_mix(video_model, start):
    """Guided with both, each condition is told as if it were alone."""
    run = run_of(NoiseProcess.FLOW)
    wrapped = easy_cache(Predictor(video_model), StepCache(threshold=0.1))
    alone = {name: easy_cache(Predictor(video_model), StepCache(threshold=0.1)) for name in "ab"}
    x = start
    for level, after in zip(run.sigmas[:-1], run.sigmas[1:], strict=True):
        at = Evaluation(run, level.expand(2))
        both = wrapped(x, at, ("a", "b"))
        for name, made in zip("ab", both, strict=True):
            assert torch.equal(made, alone[name](x, at, (name,))[0])
        x = both[0] + after / level * (x - both[0])


def test_windows_do_not_mix(video_model, start):
    run = run_of(NoiseProcess.FLOW)
    shared = easy_cache(Predictor(video_model), StepCache(threshold=0.1))
    alone = [easy_cache(Predictor(video_model), StepCache(threshold=0.1)) for _ in range(2)]
    states = [start, start.flip(0) * 2]
    windows = [Clips((Clip(size=LatentShape(6, 2, 2)),)) for _ in range(2)]
    for level, after in zip(run.sigmas[:-1], run.sigmas[1:], strict=True):
        for number in range(2):
            x, at = states[number], Evaluation(run, level.expand(2), clips=windows[number])
            (made,) = shared(x, at, ("a",))
            assert torch.equal(made, alone[number](x, at, ("a",))[0])
            states[number] = made + after / level * (x - made)


@pytest.mark.parametrize("options", [{"threshold": -0.1}, {"start": 0.6, "end": 0.5}, {"end": 1.5}])
def test_out_of_range(options):
    with pytest.raises(ValueError, match="step cache"):
        StepCache(**options)
