"""A run that is stopped after any step and resumed ends in the same bits."""

import inspect
from functools import partial

import pytest
import torch

from spacetime_video.samplers.checkpoint import Checkpoint, SolverState, showing_what_will_be
from spacetime_video.samplers.schedules.flow import flow_sigmas
from spacetime_video.samplers.solvers import SOLVERS, STOCHASTIC_SOLVERS
from spacetime_video.samplers.solvers.dpmpp import sample_dpmpp_2m_sde
from spacetime_video.samplers.solvers.unipc import sample_unipc

EVERY = {
    **SOLVERS,
    **STOCHASTIC_SOLVERS,
    "unipc_bh1": partial(sample_unipc, order=3, variant="bh1"),
    "sde_half": partial(sample_dpmpp_2m_sde, eta=0.5),
}
EVERY_SOLVER = pytest.mark.parametrize("solve", EVERY.values(), ids=EVERY)
STEPS = 6


@pytest.fixture
def run(video_model, start):
    """Solve a schedule of six steps, from float32 noise."""

    def solve_it(solve, checkpoint=None, **options):
        sigmas = flow_sigmas(STEPS, shift=3.0)
        extra_args = {"seed": 5}
        x = start.float()
        return solve(video_model.denoise, x, sigmas, extra_args, checkpoint=checkpoint, **options)

    return solve_it


@EVERY_SOLVER
@pytest.mark.parametrize("stop", range(STEPS + 1))
def test_resumed_equals_uninterrupted(solve, stop, run):
    whole = run(solve)
    first = Checkpoint(stop=stop)
    paused = run(solve, first)
    if stop == 0:
        assert first.state is None
        return
    assert first.state is not None
    assert first.state.step == stop
    assert torch.equal(first.state.x, paused)
    assert torch.equal(run(solve, Checkpoint(first.state)), whole)


@EVERY_SOLVER
def test_stopped_twice(solve, run):
    checkpoint = Checkpoint(stop=2)
    run(solve, checkpoint)
    checkpoint.stop = 4
    run(solve, checkpoint)
    checkpoint.stop = None
    assert torch.equal(run(solve, checkpoint), run(solve))


@EVERY_SOLVER
def test_an_interruption_leaves_the_last_finished_step(solve, run):
    def stop(report):
        if report["i"] == 3:
            raise KeyboardInterrupt

    checkpoint = Checkpoint()
    with pytest.raises(KeyboardInterrupt):
        run(solve, checkpoint, callback=stop)
    assert checkpoint.state is not None
    assert checkpoint.state.step == 3
    assert torch.equal(run(solve, checkpoint), run(solve))


@pytest.mark.parametrize(
    ("name", "remembered"),
    [("euler", 0), ("heun", 0), ("lcm", 0), ("dpmpp_2m", 1), ("unipc", 3), ("unipc_3", 4)],
)
def test_how_much_is_remembered(name, remembered, run):
    checkpoint = Checkpoint(stop=4)
    run(EVERY[name], checkpoint)
    assert checkpoint.state is not None
    assert len(checkpoint.state.history) == remembered


@EVERY_SOLVER
def test_a_finished_run_has_nothing_left_to_do(solve, run):
    checkpoint = Checkpoint()
    whole = run(solve, checkpoint)
    reports = []
    assert torch.equal(run(solve, checkpoint, callback=reports.append), whole)
    assert reports == []


@pytest.mark.parametrize(
    "state",
    [SolverState(7, torch.zeros(2, 3, 6, 2, 2)), SolverState(1, torch.zeros(1, 3, 6, 2, 2))],
)
def test_a_state_of_another_run_is_refused(state, run):
    with pytest.raises(ValueError, match="was saved with"):
        run(SOLVERS["euler"], Checkpoint(state))


@EVERY_SOLVER
def test_where_it_stops_it_shows_what_was_predicted(solve, run):
    reports, checkpoint = [], Checkpoint(stop=3)
    shown = run(showing_what_will_be(solve), checkpoint, callback=reports.append)
    assert [report["i"] for report in reports] == [0, 1, 2]
    assert torch.equal(shown, reports[-1]["denoised"])
    assert checkpoint.state is not None
    assert not torch.allclose(shown, checkpoint.state.x, atol=0.1)
    rest = run(showing_what_will_be(solve), Checkpoint(checkpoint.state))
    assert torch.equal(rest, run(solve))


def test_a_solver_that_shows_takes_the_same_options():
    shown = showing_what_will_be(STOCHASTIC_SOLVERS["lcm"])
    assert inspect.signature(shown) == inspect.signature(STOCHASTIC_SOLVERS["lcm"])
