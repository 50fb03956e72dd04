"""The solvers against a model whose ODE has a closed form."""

import math
from functools import partial

import pytest
import torch

from spacetime_video.samplers.process import NoiseProcess
from spacetime_video.samplers.schedules.flow import flow_sigmas
from spacetime_video.samplers.solvers import SOLVERS
from spacetime_video.samplers.solvers.unipc import sample_unipc

from ...tables import stable_diffusion_table

VARIANTS = {**SOLVERS, "unipc_bh1": partial(sample_unipc, variant="bh1")}
EVERY_SOLVER = pytest.mark.parametrize("solve", VARIANTS.values(), ids=VARIANTS)
PROCESSES = pytest.mark.parametrize("process", NoiseProcess)


def on(solve, process):
    """The solver on a process, where it has to know."""
    return (
        solve if process is NoiseProcess.FLOW or plain(solve) else partial(solve, process=process)
    )


def plain(solve):
    return solve in (SOLVERS["euler"], SOLVERS["heun"])


def middle_levels(process, steps):
    """Levels without the two ends, where every method loses its order."""
    if process is NoiseProcess.FLOW:
        return torch.linspace(0.95, 0.05, steps + 1, dtype=torch.float64)
    return torch.logspace(0.7, -1.2, steps + 1, dtype=torch.float64)


def measured_order(solve, model, x, process, steps):
    def error(n):
        sigmas = middle_levels(process, n)
        exact = model.solve(x, sigmas[0].item(), sigmas[-1].item(), process)
        return (solve(model.denoiser(process), x, sigmas) - exact).abs().max().item()

    return math.log2(error(steps) / error(2 * steps))


@PROCESSES
@pytest.mark.parametrize(
    ("name", "lowest", "highest"),
    [
        ("euler", 0.9, 1.1),
        ("heun", 1.9, 2.1),
        ("dpmpp_2m", 1.85, 2.15),
        ("unipc", 2.6, 3.1),  # the corrector adds one to the order asked for
        ("unipc_bh1", 2.6, 3.1),
        ("unipc_3", 3.4, 4.1),
    ],
)
def test_order_of_convergence(name, lowest, highest, process, video_model, start):
    # Not down to 0: there every method ends with one first-order step to the prediction.
    measured = measured_order(on(VARIANTS[name], process), video_model, start, process, 64)
    assert lowest < measured < highest


@EVERY_SOLVER
@PROCESSES
def test_reaches_the_exact_solution(solve, process, video_model, start):
    sigmas = middle_levels(process, 100)
    exact = video_model.solve(start, sigmas[0].item(), sigmas[-1].item(), process)
    solved = on(solve, process)(video_model.denoiser(process), start, sigmas)
    torch.testing.assert_close(solved, exact, atol=0.03, rtol=0)


@EVERY_SOLVER
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("steps", [1, 2, 5])
def test_last_step_is_the_last_prediction(solve, dtype, steps, video_model, start):
    seen = []

    def denoise(x, sigma):
        seen.append(video_model.denoise(x, sigma))
        return seen[-1]

    result = solve(denoise, start.to(dtype), flow_sigmas(steps, shift=3.0))
    assert torch.equal(result, seen[-1])
    assert result.dtype == dtype


@EVERY_SOLVER
def test_a_constant_prediction_is_reached_along_a_straight_line(solve, start):
    goal = torch.full_like(start, 2.0)
    sigmas = torch.tensor([1.0, 0.8, 0.5, 0.3, 0.25])
    result = solve(lambda x, sigma: goal, start, sigmas)
    torch.testing.assert_close(result, goal + 0.25 * (start - goal))


@EVERY_SOLVER
def test_batch_elements_are_independent(solve, video_model, start):
    sigmas = flow_sigmas(6, shift=5.0)
    whole = solve(video_model.denoise, start, sigmas)
    alone = [solve(video_model.denoise, start[i : i + 1], sigmas) for i in range(2)]
    torch.testing.assert_close(whole, torch.cat(alone), atol=1e-12, rtol=0)


@EVERY_SOLVER
def test_tokens_run_like_latents(solve, start):
    def denoise(x, sigma):
        return torch.tanh(x * (1 - sigma.reshape(-1, *[1] * (x.ndim - 1))))

    sigmas = flow_sigmas(6)
    tokens = start.flatten(2).transpose(1, 2)
    result = solve(denoise, tokens, sigmas).transpose(1, 2).reshape(start.shape)
    assert torch.equal(result, solve(denoise, start, sigmas))


@EVERY_SOLVER
def test_callback_once_per_step(solve, video_model, start):
    reports = []
    sigmas = flow_sigmas(7, shift=2.0)
    solve(video_model.denoise, start, sigmas, callback=reports.append, disable=True)
    assert [report["i"] for report in reports] == list(range(7))
    assert all(set(report) == {"x", "i", "sigma", "sigma_hat", "denoised"} for report in reports)
    assert torch.equal(torch.stack([report["sigma"] for report in reports]), sigmas[:-1])


@EVERY_SOLVER
def test_interruption_passes_through(solve, video_model, start):
    def stop(report):
        if report["i"] == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        solve(video_model.denoise, start, flow_sigmas(5), None, stop)


@pytest.mark.parametrize(
    ("name", "evaluations"),
    [("euler", 5), ("heun", 9), ("dpmpp_2m", 5), ("unipc", 5), ("unipc_3", 5)],
)
def test_evaluations_and_extra_args(name, evaluations, video_model, start):
    calls = []

    def denoise(x, sigma, **extra):
        assert sigma.shape == (2,)
        calls.append(extra)
        return video_model.denoise(x, sigma)

    SOLVERS[name](denoise, start, flow_sigmas(5), extra_args={"prompt": "cube"})
    assert calls == [{"prompt": "cube"}] * evaluations


@EVERY_SOLVER
def test_input_state_is_not_changed(solve, video_model, start):
    before = start.clone()
    solve(video_model.denoise, start, flow_sigmas(4))
    assert torch.equal(start, before)


@EVERY_SOLVER
@pytest.mark.parametrize("sigmas", [torch.zeros(0), torch.tensor([0.5])])
def test_schedule_without_steps_returns_the_state(solve, sigmas, video_model, start):
    assert solve(video_model.denoise, start, sigmas) is start


@EVERY_SOLVER
@pytest.mark.parametrize(
    "sigmas", [[1.0, 0.0, 0.0], [1.0, -0.1], [1.0, float("nan")], [[1.0, 0.0]], [0.0, 0.5]]
)
def test_broken_schedules(solve, sigmas, video_model, start):
    with pytest.raises(ValueError, match="sigmas"):
        solve(video_model.denoise, start, torch.tensor(sigmas))


@pytest.mark.parametrize("name", ["dpmpp_2m", "unipc"])
@pytest.mark.parametrize(
    ("sigmas", "wanted"),
    [([14.6, 1.0, 0.0], "flow model"), ([0.9, 0.9, 0.0], "decreasing"), ([0.2, 0.9], "decreasing")],
)
def test_multistep_solvers_want_levels_of_their_path(name, sigmas, wanted, video_model, start):
    with pytest.raises(ValueError, match=wanted):
        SOLVERS[name](video_model.denoise, start, torch.tensor(sigmas))


@pytest.mark.parametrize("options", [{"order": 4}, {"variant": "bh3"}])
def test_unknown_unipc_options(options, video_model, start):
    with pytest.raises(ValueError, match="UniPC"):
        sample_unipc(video_model.denoise, start, flow_sigmas(2), **options)


def test_heun_runs_the_path_backwards(video_model, start):
    sigmas = torch.linspace(0.9, 0.1, 101, dtype=torch.float64)
    clean = SOLVERS["heun"](video_model.denoise, start, sigmas)
    back = SOLVERS["heun"](video_model.denoise, clean, sigmas.flip(0))
    torch.testing.assert_close(back, start, atol=1e-3, rtol=0)


@EVERY_SOLVER
@PROCESSES
def test_samples_have_the_law_of_the_model(solve, process, video_model, many):
    sigmas = flow_sigmas(30, shift=2.0)
    if process is NoiseProcess.VE:
        sigmas = stable_diffusion_table().karras(30)
    noise = many * sigmas[0] + process.signal(sigmas[0].item()) * video_model.mean
    sample = on(solve, process)(video_model.denoiser(process), noise, sigmas)
    off_mean, off_covariance = video_model.law(sample)
    assert off_mean < 0.03
    assert off_covariance < 0.06
