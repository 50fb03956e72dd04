"""Repeated steps on the Gaussian video: what is made follows what is given better."""

import inspect

import pytest
import torch

from spacetime_video.samplers.checkpoint import Checkpoint
from spacetime_video.samplers.given import hold_given
from spacetime_video.samplers.process import NoiseProcess
from spacetime_video.samplers.resampling import resampled
from spacetime_video.samplers.runs import SamplingRun, for_solver, wrapped
from spacetime_video.samplers.schedules.flow import flow_sigmas
from spacetime_video.samplers.solvers import SOLVERS, STOCHASTIC_SOLVERS

from .conftest import GaussianVideo

EVERY_SOLVER = {**SOLVERS, **STOCHASTIC_SOLVERS}
FRAMES, GIVEN = 12, 4


def seeded(like, seed):
    return torch.randn(like.shape, generator=torch.Generator().manual_seed(seed), dtype=like.dtype)


def test_what_is_made_follows_what_is_given():
    """By the relative error of the conditional mean."""
    model = GaussianVideo(FRAMES, mean=0.0, reach=3.0)
    clip = torch.linalg.cholesky(model.covariance) @ seeded(torch.empty(FRAMES, 64).double(), 0)
    given = clip.T.reshape(1, 1, 8, 8, FRAMES).permute(0, 1, 4, 2, 3).repeat(64, 1, 1, 1, 1)
    noise = seeded(given, 1)
    known = torch.zeros(64, FRAMES, 8, 8, dtype=torch.bool)
    known[:, :GIVEN] = True
    sigmas = flow_sigmas(30, shift=3.0)
    run = SamplingRun(sigmas, given=given)
    held = wrapped(lambda x, at: model.denoise(x, at.sigma), [hold_given(known, noise=noise)], run)
    first, rest = model.covariance[:GIVEN, :GIVEN], model.covariance[GIVEN:, :GIVEN]
    wanted = rest @ torch.linalg.solve(first, clip[:GIVEN])
    errors = {}
    for times in (1, 3, 8):
        solve = resampled(SOLVERS["euler"], process=NoiseProcess.FLOW, times=times)
        made = solve(for_solver(held, run), noise, sigmas, extra_args={"seed": 3})
        mean = made[:, 0, GIVEN:].mean(0).flatten(1)
        errors[times] = float((mean - wanted).norm() / wanted.norm())
        assert torch.equal(made[:, :, :GIVEN], given[:, :, :GIVEN])
    assert errors[8] < errors[3]
    assert errors[3] < 0.9 * errors[1]


@pytest.mark.parametrize("name", EVERY_SOLVER)
def test_once_is_the_solver_and_repetitions_keep_the_law(name, video_model, many):
    solver, sigmas = EVERY_SOLVER[name], flow_sigmas(20, shift=3.0)
    once = resampled(solver, process=NoiseProcess.FLOW, times=1)
    extra = {"extra_args": {"seed": 3}}
    few = many[:2]
    wanted = solver(video_model.denoise, few, sigmas, **extra)
    assert torch.equal(once(video_model.denoise, few, sigmas, **extra), wanted)
    thrice = resampled(solver, process=NoiseProcess.FLOW)
    if name != "lcm":  # of a model that was distilled
        off_mean, off_covariance = video_model.law(
            thrice(video_model.denoise, many, sigmas, **extra)
        )
        assert off_mean < 0.03
        assert off_covariance < 0.25  # 2.4 where repetitions add the same noise


def test_steps_are_counted_once_and_evaluated_three_times():
    told, levels = [], []

    def denoise(x, sigma, **extra):
        levels.append(round(sigma.item(), 2))
        return torch.zeros_like(x)

    sigmas = torch.tensor([1.0, 0.9, 0.6, 0.2, 0.0])
    solve = resampled(SOLVERS["euler"], process=NoiseProcess.FLOW)
    solve(denoise, torch.ones(1, 2), sigmas, callback=lambda step: told.append(step["i"]))
    assert levels == [1.0, 0.9, 0.9, 0.9, 0.6, 0.6, 0.6, 0.2]
    assert told == [0, 1, 2, 3]


def test_noise_before_a_repetition_is_none_of_the_solvers():
    asked = []

    def draws(number):
        asked.append(number)
        return torch.zeros(1, 2)

    solve = resampled(SOLVERS["euler"], process=NoiseProcess.FLOW, draws=draws)
    solve(lambda x, sigma: torch.zeros_like(x), torch.ones(1, 2), torch.tensor([0.9, 0.6, 0.2]))
    assert asked == [1, 3, 7, 9]


@pytest.mark.parametrize("name", ["euler", "lcm", "euler_ancestral"])
def test_it_stops_and_goes_on_bit_for_bit(name, video_model, start):
    solve, sigmas = resampled(EVERY_SOLVER[name], process=NoiseProcess.FLOW), flow_sigmas(6)
    assert "checkpoint" in inspect.signature(solve).parameters
    extra = {"extra_args": {"seed": 3}}
    whole = solve(video_model.denoise, start, sigmas, **extra)
    for stop in range(1, 6):
        checkpoint = Checkpoint(stop=stop)
        solve(video_model.denoise, start, sigmas, checkpoint=checkpoint, **extra)
        assert checkpoint.state.step == stop
        rest = Checkpoint(checkpoint.state)
        resumed = solve(video_model.denoise, start * 0, sigmas, checkpoint=rest, **extra)
        assert torch.equal(resumed, whole)
