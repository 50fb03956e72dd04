"""A run and its evaluations: where the run stands, what wrappers see, and what rules go by."""

from dataclasses import replace

import pytest
import torch

from spacetime_video.models.hooks import BlockHooks
from spacetime_video.models.patchify import patchify
from spacetime_video.models.shapes import LatentShape
from spacetime_video.samplers.clips import Clip, Clips
from spacetime_video.samplers.guidance.cfg import cfg
from spacetime_video.samplers.guidance.cfg_zero import zero_init
from spacetime_video.samplers.guidance.scales import over_frames, over_steps, value_of, within
from spacetime_video.samplers.guidance.skip_layer import SkippedBlocks, skip_layers
from spacetime_video.samplers.guidance.step_cache import StepCache, easy_cache
from spacetime_video.samplers.runs import Evaluation, SamplingRun, for_solver, wrapped
from spacetime_video.samplers.schedules.flow import flow_sigmas
from spacetime_video.samplers.solvers import sample_euler, sample_heun

RUN = SamplingRun(flow_sigmas(5, shift=3.0), clips=Clips((Clip(size=LatentShape(6, 2, 2)),)))
CEILING = 0.5
"""Of half of the frames: these are never noisier than that."""


def at(level, run=RUN, **options):
    return Evaluation(run, torch.full((2,), level), clips=run.clips, **options)


def lowered(denoiser, run):
    """A wrapper: three of six frames stay below a ceiling, and the others are given."""

    def denoise(x, at):
        levels = torch.zeros(2, 6, 2, 2)
        levels[:, 3:] = at.sigma.clamp(max=CEILING).reshape(-1, 1, 1, 1)
        return denoiser(x, replace(at, places=levels))

    return denoise


class Predictor:
    def __init__(self):
        self.asked = []

    def __call__(self, x, at, conditions):
        self.asked.append((round(at.level, 4), len(conditions)))
        return [0.9 * x + len(str(each)) for each in conditions]


def test_steps_are_counted_by_the_runs_level():
    levels = RUN.sigmas[:-1].tolist()
    assert [at(level).step for level in levels] == [0, 1, 2, 3, 4]
    assert at((levels[1] + levels[2]) / 2).step is None
    assert [at(level).progress for level in levels] == pytest.approx([0, 0.25, 0.5, 0.75, 1])
    assert at((levels[1] + levels[2]) / 2).progress == pytest.approx(0.375)
    assert at(2.0).progress == 0
    assert at(0.0).progress == 1
    assert SamplingRun(torch.tensor([1.0, 0.0])).progress(1.0) == 0


@pytest.mark.parametrize("solve", [sample_euler, sample_heun])
@pytest.mark.parametrize("rule", ["zero_init", "within", "over_steps", "skip_layers", "cache"])
def test_rules_go_by_the_run_and_not_by_its_noisiest_place(rule, solve, start):
    """With everything at half the run's level they act at the same steps."""
    counts = []
    for wrappers in ((), (lowered,)):
        predict = Predictor()
        make = {
            "zero_init": lambda p: zero_init(cfg(p, "a", "", 3.0), 2),
            "within": lambda p: cfg(p, "a", "", within(3.0, 0.55, 0.93)),
            "over_steps": lambda p: cfg(p, "a", "", lambda x, at: over_steps(3.0, 1.0)(x, at)),
            "skip_layers": lambda p: skip_layers(
                cfg(p, "a", "", 1.0), p, SkippedBlocks("a", frozenset({1})), 1.0, low=0.6, high=0.95
            ),
            "cache": lambda p: cfg(
                easy_cache(p, StepCache(threshold=1e9, start=0.3, end=0.8)), "a", "", 2.0
            ),
        }[rule]
        denoiser = for_solver(wrapped(make(predict), wrappers, RUN), RUN)
        solve(denoiser, start.float(), RUN.sigmas)
        counts.append(predict.asked)
    assert counts[0] == counts[1]
    assert len(set(counts[0])) > 1


def test_guidance_over_frames_in_a_window_sees_its_places():
    scale = over_frames(1.0, 3.0)
    run = SamplingRun(RUN.sigmas, clips=Clips((Clip(size=LatentShape(9, 2, 2)),)))
    x, here = at(0.5, run).window(torch.zeros(2, 3, 9, 2, 2), range(4, 9))
    assert value_of(scale, x, here).flatten().tolist() == [2.0, 2.25, 2.5, 2.75, 3.0]


def test_a_window_cuts_the_state_and_its_levels(start):
    places = torch.rand(2, 6, 2, 2)
    x, here = at(0.5, places=places).window(start, (4, 5, 0))
    assert torch.equal(x, start[:, :, [4, 5, 0]])
    assert torch.equal(here.places, places[:, [4, 5, 0]])
    assert torch.equal(here.part(start), x)
    assert torch.equal(here.part(places), here.places)
    assert at(0.5).part(start) is start
    again, inner = here.window(x, (0, 5))
    assert torch.equal(again, start[:, :, [0, 5]])
    assert torch.equal(inner.part(start), again)


def test_a_window_of_tokens_cuts_the_same():
    clips = [torch.randn(2, 3, 4, 2, 2), torch.randn(2, 3, 6, 4, 2)]
    tokens = patchify(clips)
    each = tuple(Clip(size=LatentShape(*clip.shape[2:])) for clip in clips)
    run = SamplingRun(RUN.sigmas, clips=Clips(each, tokens.layout))
    levels = patchify([clip[:, :1] for clip in clips]).values[..., 0]
    x, here = at(0.5, run, places=levels).window(tokens.values, (2, 3, 4))
    wanted = patchify([clips[0][:, :, 2:4], clips[1][:, :, 2:5]])
    assert torch.equal(x, wanted.values)
    assert torch.equal(here.places, wanted.values[..., 0])
    assert torch.equal(here.part(tokens.values), x)


def test_no_window_where_nobody_knows_the_frames(start):
    with pytest.raises(
        ValueError, match=r"state of shape \(2, 3, 6, 2, 2\) whose frames are unknown"
    ):
        Evaluation(SamplingRun(RUN.sigmas), torch.ones(2)).window(start, (0, 1))


def test_the_last_wrapper_is_the_outermost(start):
    order = []

    def named(name):
        def wrapper(denoiser, run):
            assert run is RUN
            return lambda x, at: order.append(name) or denoiser(x, at)

        return wrapper

    wrapped(lambda x, at: x, (named("inner"), named("outer")), RUN)(start, at(0.5))
    assert order == ["outer", "inner"]


def test_what_the_solver_was_given_arrives(start):
    told = []
    denoiser = for_solver(lambda x, at: told.append(at) or x, RUN)
    sample_euler(denoiser, start, RUN.sigmas, {"seed": 3})
    assert [each.extra_args for each in told] == [{"seed": 3}] * 5
    assert {each.clips for each in told} == {RUN.clips}


def test_repeated_rows():
    hooks = BlockHooks(residuals={1: torch.rand(2, 7, 5)})
    here = at(0.5, places=torch.rand(2, 6, 2, 2), hooks=hooks)
    twice = here.repeated(2)
    assert torch.equal(twice.sigma, torch.full((4,), 0.5))
    for ours, theirs in (
        (twice.places, here.places),
        (twice.hooks.residuals[1], hooks.residuals[1]),
    ):
        assert torch.equal(ours, torch.cat([theirs, theirs]))
    assert here.repeated(1) is here


def test_an_evaluation_moves_to_a_copy_of_the_network_as_a_whole():
    places = torch.rand(2, 6, 2, 2)
    hooks = BlockHooks(residuals={0: torch.zeros(2, 24, 8)})
    here = at(0.5, places=places, hooks=hooks)
    there = here.to(torch.device("meta"))
    moved = (there.sigma, there.places, *there.hooks.residuals.values())
    assert {each.device.type for each in moved if each is not None} == {"meta"}
    assert here.to(torch.device("cpu")) is here
