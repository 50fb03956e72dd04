"""Each place follows what is given down to its ceiling and is free from there."""

import pytest
import torch

from spacetime_video.models.patchify import patchify
from spacetime_video.models.shapes import LatentShape
from spacetime_video.samplers.ceilings import (
    ceiling_of,
    ceilings_of_tokens,
    cut_levels,
    highest_ceiling,
    under_ceiling,
)
from spacetime_video.samplers.clips import Clip, Clips
from spacetime_video.samplers.given import hold_given
from spacetime_video.samplers.process import NoiseProcess
from spacetime_video.samplers.runs import SamplingRun, for_solver, wrapped
from spacetime_video.samplers.schedules.flow import flow_sigmas
from spacetime_video.samplers.solvers import SOLVERS, STOCHASTIC_SOLVERS

SIGMAS = flow_sigmas(8, shift=3.0)
EVERY_SOLVER = {**SOLVERS, **STOCHASTIC_SOLVERS}
CLIPS = Clips((Clip(size=LatentShape(6, 2, 2)),))


def seeded(like, seed):
    return torch.randn(like.shape, generator=torch.Generator().manual_seed(seed), dtype=like.dtype)


def run_of(given, sigmas=SIGMAS, *, clips=CLIPS, takes_levels=True):
    return SamplingRun(sigmas, clips=clips, given=given, takes_levels=takes_levels)


def of(model, seen=None):
    """The Gaussian's denoiser with a level for each frame, all its places alike."""

    def denoise(x, at):
        if seen is not None:
            seen.append((x, at))
        frames = at.levels_like(x[:, 0])[..., 0, 0].expand(len(x), x.shape[2])
        return model.denoise_frames(x, frames)

    return denoise


def sample(solver, model, given, noise, *wrappers, sigmas=SIGMAS, seen=None, takes_levels=True):
    run = run_of(given, sigmas, takes_levels=takes_levels)
    denoise = for_solver(wrapped(of(model, seen), wrappers, run), run)
    start = (1 - sigmas[0]) * given + sigmas[0] * noise
    return EVERY_SOLVER[solver](denoise, start, sigmas, extra_args={"seed": 3})


def per_frame(*levels):
    return torch.tensor(levels).reshape(1, 1, -1, 1, 1)


@pytest.mark.parametrize("solver", EVERY_SOLVER)
@pytest.mark.parametrize("takes_levels", [True, False])
def test_a_ceiling_of_one_is_the_plain_run(solver, takes_levels, video_model, start):
    noise, how = seeded(start, 1), {"takes_levels": takes_levels}
    held = sample(solver, video_model, start, noise, under_ceiling(per_frame(*[1.0] * 6)), **how)
    assert torch.equal(held, sample(solver, video_model, start, noise, **how))


@pytest.mark.parametrize("solver", EVERY_SOLVER)
def test_ceilings_of_zero_and_one_are_what_is_given(solver, video_model, start):
    noise, ceiling = seeded(start, 1), per_frame(0.0, 0.0, 1.0, 1.0, 0.0, 1.0)
    held = sample(solver, video_model, start, noise, under_ceiling(ceiling))
    known = (ceiling[:, 0] == 0).expand(2, 6, 2, 2)
    wanted = sample(solver, video_model, start, noise, hold_given(known))
    assert torch.equal(held, wanted)
    assert torch.equal(held[:, :, :2], start[:, :, :2])


@pytest.mark.parametrize("solver", EVERY_SOLVER)
def test_a_place_follows_what_is_given_down_to_its_ceiling(solver, video_model, start):
    """Shown at its ceiling's level: what is given, with as much noise as the state holds of it."""
    seen, ceiling = [], per_frame(0.4, 0.4, 1.0, 1.0, 0.0, 1.0)
    noise = seeded(start, 1)
    sample(solver, video_model, start, noise, under_ceiling(ceiling), seen=seen)
    waiting = [(x, at) for x, at in seen if at.level > 0.4]
    assert len(waiting) > 3
    for number, (x, at) in enumerate(waiting):
        assert torch.equal(at.places[:, 4:5], torch.zeros_like(at.places[:, 4:5]))
        assert at.places[:, 0, 0, 0].tolist() == pytest.approx([0.4, 0.4])
        torch.testing.assert_close(at.places[:, 2, 0, 0], at.sigma)
        if solver == "heun" and at.level == waiting[-1][1].level:
            continue  # the step before has looked ahead to this level, from where it is free
        eps = (x[:, :, :2] - 0.6 * start[:, :, :2]) / 0.4
        if solver in SOLVERS or number == 0:
            torch.testing.assert_close(eps, noise[:, :, :2])
        assert 0.6 < eps.std() < 1.5
    assert all(at.places[:, 0].max() == at.level for _, at in seen if at.level <= 0.4)


@pytest.mark.parametrize("solver", EVERY_SOLVER)
def test_one_ceiling_for_all_is_a_run_from_there(solver, video_model, start):
    """The schedule is cut, so that every place is free from the first step on."""
    levels = cut_levels(SIGMAS, 0.55, NoiseProcess.FLOW)
    assert levels[0] == torch.tensor(0.55)
    assert torch.equal(levels[1:], SIGMAS[SIGMAS < 0.55])
    noise, ceiling = seeded(start, 1), per_frame(*[0.55] * 6)
    held = sample(
        solver,
        video_model,
        start,
        noise,
        under_ceiling(ceiling.expand(1, 1, 6, 2, 2)),
        sigmas=levels,
    )
    assert torch.equal(held, sample(solver, video_model, start, noise, sigmas=levels))


@pytest.mark.parametrize("solver", sorted(EVERY_SOLVER.keys() - {"lcm"}))
def test_what_is_made_under_ceilings_follows_the_law(solver, video_model, many):
    """Given frames drawn from the law itself: what is made beside them follows it too."""
    noise = many.reshape(2, 64, 6, 8, 8)
    root = torch.linalg.cholesky(video_model.covariance)
    given = 0.7 + torch.einsum("fg,bcghw->bcfhw", root, seeded(noise, 2))
    ceiling = per_frame(0.0, 0.3, 0.6, 0.8, 0.8, 0.0)
    sigmas = cut_levels(flow_sigmas(60, shift=3.0), float(ceiling.max()), NoiseProcess.FLOW)
    made = sample(solver, video_model, given, noise, under_ceiling(ceiling), sigmas=sigmas)
    off_mean, off_covariance = video_model.law(made)
    assert off_mean < 0.02
    assert off_covariance < 0.08  # 0.14 and more where the network is shown the run's level


def test_a_step_across_a_ceiling_makes_the_part_below_it(video_model, start):
    """As if the schedule had a level there: exact for Euler's method."""
    noise, ceiling = seeded(start, 1), per_frame(*[0.5] * 6)
    crossing, exact = torch.tensor([0.8, 0.3, 0.0]), torch.tensor([0.8, 0.5, 0.3, 0.0])
    made, wanted = (
        sample("euler", video_model, start, noise, under_ceiling(ceiling), sigmas=levels)
        for levels in (crossing, exact)
    )
    torch.testing.assert_close(made, wanted)


@pytest.mark.parametrize("process", NoiseProcess)
def test_an_eps_model_has_its_ceilings_in_its_own_levels(process, video_model, start):
    seen = []
    sigmas = torch.tensor([0.8, 0.4, 0.0]) if process is NoiseProcess.FLOW else None
    sigmas = torch.tensor([4.0, 2 / 3, 0.0]) if sigmas is None else sigmas
    run = SamplingRun(sigmas, process, CLIPS, start, takes_levels=True)

    def denoise(x, at):
        seen.append(at)
        return torch.zeros_like(x)

    held = wrapped(denoise, [under_ceiling(per_frame(*[0.5] * 6))], run)
    SOLVERS["euler"](for_solver(held, run), seeded(start, 1), sigmas)
    assert [float(at.levels.max()) for at in seen] == pytest.approx(
        [0.5, 0.4] if process is NoiseProcess.FLOW else [1.0, 2 / 3]
    )


def test_tokens_are_held_as_their_latents_are(start):
    patch = (1, 2, 2)
    given, noise = torch.cat([start] * 2, dim=1).float(), None
    tokens = patchify([given], patch=patch)
    latent = {
        "noise_ceiling": torch.rand(1, 1, 6, 2, 2, generator=torch.Generator().manual_seed(4))
    }
    ceiling = ceiling_of(latent, given)
    packed = ceilings_of_tokens(tokens, [latent], 4)
    noise, seen = seeded(given, 1), []

    def record(x, at):
        seen.append((x, at.places))
        return torch.zeros_like(x)

    made, sigmas = [], torch.tensor([0.5, 0.2, 0.0])
    clips = Clips(CLIPS.each, tokens.layout)
    for state, held, known in (
        (noise, ceiling, CLIPS),
        (patchify([noise], patch=patch).values, packed, clips),
    ):
        values = given if known is CLIPS else tokens.values
        run = run_of(values, sigmas, clips=known)
        denoise = for_solver(wrapped(record, [under_ceiling(held)], run), run)
        made.append(denoise(state, torch.full((2,), 0.5)))
    torch.testing.assert_close(patchify([made[0]], patch=patch).values, made[1])
    torch.testing.assert_close(patchify([seen[0][0]], patch=patch).values, seen[1][0])
    assert torch.equal(seen[0][1].amax((2, 3)).expand(2, 6), seen[1][1])


def test_a_window_has_its_own_ceilings(start):
    seen = []
    run = run_of(start, torch.tensor([0.5, 0.3, 0.0]))

    def windows(denoiser, run):
        return lambda x, at: torch.cat(
            [denoiser(*at.window(x, frames)) for frames in ((0, 1, 2), (3, 4, 5))], dim=2
        )

    def record(x, at):
        seen.append(at.places)
        return torch.zeros_like(x)

    held = under_ceiling(per_frame(0.0, 0.1, 0.2, 0.3, 1.0, 1.0).expand(1, 1, 6, 2, 2))
    made = for_solver(wrapped(record, [held, windows], run), run)(start, torch.full((2,), 0.5))
    assert torch.equal(made[:, :, :4], start[:, :, :4])
    assert not made[:, :, 4:].any()
    told = torch.cat(seen, dim=1)[0, :, 0, 0]
    torch.testing.assert_close(told, torch.tensor([0.0, 0.1, 0.2, 0.3, 0.5, 0.5]))


def test_what_a_latent_says():
    half = torch.full((1, 1, 2, 1, 1), 0.5)
    mask = torch.zeros(1, 1, 2, 1, 1)
    assert highest_ceiling([{}]) == 1
    assert highest_ceiling([{"noise_mask": mask}]) == 0
    assert highest_ceiling([{"noise_mask": mask + 0.2}]) == 1
    assert highest_ceiling([{"noise_mask": mask + 1, "noise_ceiling": half}]) == 0.5
    assert highest_ceiling([{"noise_mask": mask}, {"noise_ceiling": half}]) == 0.5
    assert len(cut_levels(SIGMAS, 0.0, NoiseProcess.FLOW)) == 1
    assert cut_levels(SIGMAS, 1.0, NoiseProcess.FLOW) is SIGMAS
    karras = torch.tensor([14.0, 1.0, 0.0])
    assert cut_levels(karras, 1.0, NoiseProcess.VE) is karras
    assert cut_levels(karras, 0.75, NoiseProcess.VE).tolist() == [3, 1, 0]


@pytest.mark.parametrize(
    ("run", "problem"),
    [
        (SamplingRun(SIGMAS), "no clip to start from"),
        (run_of(torch.zeros(2, 3, 5, 2, 2)), "do not fit a state"),
        (run_of(torch.zeros(2, 8, 3)), "do not fit a state"),
    ],
)
def test_runs_that_cannot_hold_anything(run, problem):
    with pytest.raises(ValueError, match=problem):
        wrapped(None, [under_ceiling(torch.ones(1, 1, 6, 2, 2))], run)


def test_a_picture_is_refused():
    with pytest.raises(ValueError, match="not a video latent"):
        ceiling_of({"noise_ceiling": torch.ones(1, 1, 1, 1)}, torch.zeros(1, 4, 8, 8))
