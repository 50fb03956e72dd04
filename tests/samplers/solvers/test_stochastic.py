"""Solvers that add noise: the law of their samples, their limits, where the noise is from."""

from functools import partial

import pytest
import torch

from spacetime_video.samplers.noise.frames import frame_noise
from spacetime_video.samplers.noise.steps import seeded_step_noise
from spacetime_video.samplers.process import NoiseProcess
from spacetime_video.samplers.schedules.flow import flow_sigmas
from spacetime_video.samplers.solvers import STOCHASTIC_SOLVERS, sample_euler
from spacetime_video.samplers.solvers.ancestral import renoise, sample_euler_ancestral
from spacetime_video.samplers.solvers.dpmpp import sample_dpmpp_2m, sample_dpmpp_2m_sde

from ...tables import stable_diffusion_table

EVERY_SOLVER = pytest.mark.parametrize("solve", STOCHASTIC_SOLVERS.values(), ids=STOCHASTIC_SOLVERS)
PROCESSES = pytest.mark.parametrize("process", NoiseProcess)
SDE = {
    "euler_ancestral": sample_euler_ancestral,
    "euler_ancestral_half": partial(sample_euler_ancestral, eta=0.5),
    "dpmpp_2m_sde": sample_dpmpp_2m_sde,
    "dpmpp_2m_sde_half": partial(sample_dpmpp_2m_sde, eta=0.5),
    "dpmpp_2m_sde_more": partial(sample_dpmpp_2m_sde, eta=1.5),
}


def schedule(process, steps):
    return (
        flow_sigmas(steps)
        if process is NoiseProcess.FLOW
        else stable_diffusion_table().karras(steps)
    )


@PROCESSES
@pytest.mark.parametrize("solve", SDE.values(), ids=SDE)
def test_samples_have_the_law_of_the_model(solve, process, video_model, many):
    sigmas = schedule(process, 80)
    noise = many * sigmas[0] + process.signal(sigmas[0].item()) * video_model.mean
    extra_args = {"seed": 3}
    sample = solve(video_model.denoiser(process), noise, sigmas, extra_args, process=process)
    off_mean, off_covariance = video_model.law(sample)
    assert off_mean < 0.03
    assert off_covariance < 0.06


@PROCESSES
@pytest.mark.parametrize(
    ("stochastic", "deterministic"),
    [
        (partial(sample_euler_ancestral, eta=0.0), sample_euler),
        (
            partial(sample_dpmpp_2m_sde, eta=0.0),
            partial(sample_dpmpp_2m, process=NoiseProcess.FLOW),
        ),
        (partial(STOCHASTIC_SOLVERS["lcm"], eta=0.0), sample_euler),
    ],
)
def test_without_noise_it_is_the_deterministic_solver(
    stochastic, deterministic, process, video_model, start
):
    if isinstance(deterministic, partial):
        deterministic = partial(deterministic.func, process=process)
    sigmas = schedule(process, 8)
    denoise = video_model.denoiser(process)
    made = stochastic(denoise, start, sigmas, process=process)
    torch.testing.assert_close(made, deterministic(denoise, start, sigmas), atol=1e-12, rtol=0)


@EVERY_SOLVER
@PROCESSES
@pytest.mark.parametrize("steps", [1, 2, 6])
def test_last_step_is_the_last_prediction(solve, process, steps, video_model, start):
    seen = []

    def denoise(x, sigma, **extra):
        seen.append(video_model.denoiser(process)(x, sigma))
        return seen[-1]

    result = solve(denoise, start.float(), schedule(process, steps), process=process)
    assert torch.equal(result, seen[-1])
    assert len(seen) == steps
    assert result.dtype == torch.float32


@EVERY_SOLVER
def test_the_seed_decides(solve, video_model, start):
    def run(seed):
        return solve(video_model.denoise, start, flow_sigmas(5), {"seed": seed})

    assert torch.equal(run(1), run(1))
    assert (run(1) - run(2)).abs().mean() > 0.01


@EVERY_SOLVER
def test_noise_belongs_to_the_frame(solve):
    """A model that sees each frame alone gives a window the frames of the whole clip."""

    def denoise(x, sigma, **extra):
        return torch.tanh(x)

    whole = torch.stack([frame_noise((3, 8, 2, 2), seed=9)])
    noise = seeded_step_noise(whole.shape, seed=9)
    window = seeded_step_noise((1, 3, 4, 2, 2), seed=9, first_frame=3)
    clip = solve(denoise, whole, flow_sigmas(5), noise=noise)
    part = solve(denoise, whole[:, :, 3:7], flow_sigmas(5), noise=window)
    assert torch.equal(clip[:, :, 3:7], part)
    again = solve(denoise, whole, flow_sigmas(5), {"seed": 9})
    assert torch.equal(clip, again)


@EVERY_SOLVER
def test_batch_elements_are_independent(solve, video_model, start):
    sigmas = flow_sigmas(4, shift=5.0)
    whole = solve(video_model.denoise, start, sigmas, {"seed": 2})
    for row in range(2):
        noise = seeded_step_noise((1, *start.shape[1:]), seed=2, clips=[row])
        alone = solve(video_model.denoise, start[row : row + 1], sigmas, noise=noise)
        torch.testing.assert_close(whole[row : row + 1], alone, atol=1e-12, rtol=0)


def test_noise_of_steps_differs_from_each_other_and_from_the_first():
    noise = seeded_step_noise((1, 4, 6, 16, 16), seed=0)
    drawn = [frame_noise((4, 6, 16, 16), seed=0)[None], noise(0), noise(1)]
    flat = torch.stack([each.flatten() for each in drawn])
    assert (torch.corrcoef(flat) - torch.eye(3)).abs().max() < 0.05


@pytest.mark.parametrize("shape", [(2, 9, 5), (2, 4, 8, 8)])
def test_states_without_frames_get_noise_per_row(shape):
    both = seeded_step_noise(shape, seed=4)(0)
    second = seeded_step_noise((1, *shape[1:]), seed=4, clips=[1])(0)
    assert both.shape == shape
    assert torch.equal(both[1:], second)
    assert not torch.equal(both[0], both[1])


@PROCESSES
@pytest.mark.parametrize(("low", "high"), [(0.0, 0.7), (0.3, 0.8), (0.5, 0.5)])
def test_renoised_states_have_the_higher_level(process, low, high):
    generator = torch.Generator().manual_seed(0)
    clean, first, second = torch.randn(3, 200_000, generator=generator, dtype=torch.float64)
    state = process.signal(low) * clean + low * first
    raised = renoise(state, second, low, high, process)
    noise = raised - process.signal(high) * clean
    assert noise.std().item() == pytest.approx(high, abs=0.01)
    assert torch.corrcoef(torch.stack([noise, clean]))[0, 1].abs() < 0.01


@pytest.mark.parametrize(
    ("solve", "eta"),
    [
        (sample_euler_ancestral, 1.1),
        (sample_euler_ancestral, -0.1),
        (sample_dpmpp_2m_sde, -0.1),
        (STOCHASTIC_SOLVERS["lcm"], 1.5),
    ],
)
def test_eta_out_of_range(solve, eta, video_model, start):
    with pytest.raises(ValueError, match="eta"):
        solve(video_model.denoise, start, flow_sigmas(2), eta=eta)


@EVERY_SOLVER
def test_does_not_touch_the_global_generator(solve, video_model, start):
    before = torch.random.get_rng_state()
    solve(video_model.denoise, start, flow_sigmas(3))
    assert torch.equal(before, torch.random.get_rng_state())
