"""FlowEdit as a wrapper: the identities of its paper hold under any solver without noise."""

from itertools import count

import pytest
import torch

from spacetime_video.models.shapes import LatentShape
from spacetime_video.samplers.ceilings import under_ceiling
from spacetime_video.samplers.clips import Clip, Clips
from spacetime_video.samplers.flow_edit import SOURCE, flow_edit
from spacetime_video.samplers.process import NoiseProcess
from spacetime_video.samplers.runs import SamplingRun, for_solver, wrapped
from spacetime_video.samplers.schedules.flow import flow_sigmas
from spacetime_video.samplers.solvers import SOLVERS

from .conftest import GaussianVideo

CLIPS = Clips((Clip(size=LatentShape(6, 2, 2)),))
BEFORE, AFTER = 0.7, -0.4


def seeded(like, seed):
    return torch.randn(like.shape, generator=torch.Generator().manual_seed(seed), dtype=like.dtype)


def by_frame(model):
    def denoise(x, at):
        frames = at.levels_like(x[:, 0])[..., 0, 0].expand(len(x), x.shape[2])
        return model.denoise_frames(x, frames)

    return denoise


def of(mean, process=NoiseProcess.FLOW):
    model = GaussianVideo(6, mean=mean)
    return lambda x, at: model.denoiser(process)(x, at.sigma)


def edit(
    given,
    sigmas,
    *,
    solver="euler",
    seed=1,
    source=None,
    target=None,
    process=NoiseProcess.FLOW,
    outside=(),
    takes_levels=False,
    **options,
):
    noise = seeded(given, seed)
    run = SamplingRun(
        sigmas,
        process,
        CLIPS,
        given,
        takes_levels=takes_levels,
        noise=noise,
        draws=lambda number: seeded(given, 100 * seed + number),
        further={SOURCE: source or of(BEFORE, process)},
    )
    inner = target or of(AFTER, process)
    denoise = for_solver(wrapped(inner, [flow_edit(**options), *outside], run), run)
    start = process.signal(float(sigmas[0])) * given + sigmas[0] * noise
    return SOLVERS[solver](denoise, start, sigmas, extra_args={"seed": seed})


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("averages", [1, 3])
def test_equal_prompts_change_nothing(solver, averages, start):
    same = of(BEFORE)
    made = edit(start, flow_sigmas(5), solver=solver, source=same, target=same, averages=averages)
    torch.testing.assert_close(made, start)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("steps", [1, 2, 7])
def test_equal_covariances_move_by_the_difference_of_the_means(solver, steps, start):
    made = edit(start, flow_sigmas(steps), solver=solver)
    torch.testing.assert_close(made, start + AFTER - BEFORE)


def test_from_a_lower_level_it_moves_less(start):
    """In one direction of variance k: delta (1 - (1 - a) sqrt(k) / sd(a))."""
    model, level = GaussianVideo(6), 0.6
    model.covariance = 0.5 * torch.eye(6, dtype=torch.float64)
    model.variances, model.directions = torch.linalg.eigh(model.covariance)
    moved = GaussianVideo(6, mean=AFTER)
    moved.variances, moved.directions = model.variances, model.directions
    sigmas = torch.linspace(level, 0, 2001)
    made = edit(
        start,
        sigmas,
        source=lambda x, at: model.denoise(x, at.sigma),
        target=lambda x, at: moved.denoise(x, at.sigma),
    )
    spread = ((1 - level) ** 2 * 0.5 + level**2) ** 0.5
    share = 1 - (1 - level) * 0.5**0.5 / spread
    torch.testing.assert_close(made, start + share * (AFTER - BEFORE), atol=2e-4, rtol=0)


def test_the_change_does_not_depend_on_the_noise(start):
    sigmas = torch.tensor([0.7, 0.4, 0.2, 0.0])
    torch.testing.assert_close(edit(start, sigmas, seed=1), edit(start, sigmas, seed=2))


def test_an_eps_model_is_edited_too(start):
    sigmas = torch.tensor([400.0, 30.0, 4.0, 1.0, 0.0])
    made = edit(start, sigmas, process=NoiseProcess.VE)
    torch.testing.assert_close(made, start + AFTER - BEFORE, atol=5e-3, rtol=0)


@pytest.mark.parametrize("takes_levels", [True, False])
def test_given_places_stay(takes_levels, start):
    models = (
        {
            "source": by_frame(GaussianVideo(6, mean=BEFORE)),
            "target": by_frame(GaussianVideo(6, mean=AFTER)),
        }
        if takes_levels
        else {}
    )

    def changed(level):
        ceiling = torch.tensor([0.0, 0.0, 0.7, 0.7, level, 0.7]).reshape(1, 1, 6, 1, 1)
        made = edit(
            start,
            torch.tensor([0.7, 0.4, 0.2, 0.0]),
            outside=[under_ceiling(ceiling.expand(1, 1, 6, 2, 2))],
            takes_levels=takes_levels,
            **models,
        )
        assert torch.equal(made[:, :, :2], start[:, :, :2])
        return (made - start)[:, :, 4].abs().mean()

    assert 0.01 < changed(0.1) < changed(0.3) < changed(0.7)


def test_the_last_steps_may_follow_the_prompts_alone(start):
    """Some of the schedule is then a plain run from the edited clip with the first noise on it."""
    sigmas, asked = flow_sigmas(4), count()

    def source(x, at):
        next(asked)
        return of(BEFORE)(x, at)

    made = edit(start, sigmas, source=source, refine=0.5)
    assert next(asked) == 2
    assert not torch.allclose(made, edit(start, sigmas))
    noise, target = seeded(start, 1), of(AFTER)
    plain = edit(start, sigmas, refine=1.0)
    run = SamplingRun(sigmas, clips=CLIPS)
    assert torch.equal(plain, SOLVERS["euler"](for_solver(target, run), noise, sigmas))


def test_draws_are_new_in_every_step_and_of_the_runs_seed_without_others(start):
    seen = []

    def source(x, at):
        seen.append((x - (1 - at.level) * start) / at.level)
        return of(BEFORE)(x, at)

    edit(start, torch.tensor([0.9, 0.6, 0.3, 0.0]), source=source, averages=2)
    for number, noise in enumerate(seen):
        torch.testing.assert_close(noise, seeded(start, 100 + number))
    assert len(seen) == 6


def test_runs_that_cannot_be_edited(start):
    nothing = SamplingRun(flow_sigmas(2), clips=CLIPS, given=start * 0, noise=start)
    with pytest.raises(ValueError, match="the latent is empty: connect Encode Video"):
        wrapped(of(AFTER), [flow_edit()], nothing)
    with pytest.raises(ValueError, match="prompts that describe the given clip"):
        wrapped(of(AFTER), [flow_edit()], SamplingRun(flow_sigmas(2), given=start, noise=start))
