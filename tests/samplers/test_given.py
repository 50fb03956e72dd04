"""What is given is clean, at level 0 and never changed, under every solver and in windows."""

import pytest
import torch

from spacetime_video.models.patchify import patchify
from spacetime_video.models.shapes import LatentShape
from spacetime_video.samplers.clips import Clip, Clips
from spacetime_video.samplers.given import hold_given
from spacetime_video.samplers.runs import SamplingRun, for_solver, wrapped
from spacetime_video.samplers.schedules.flow import flow_sigmas
from spacetime_video.samplers.solvers import SOLVERS

SHAPE = LatentShape(5, 4, 4)
SIGMAS = flow_sigmas(4, shift=3.0)
CLIPS = Clips((Clip(size=SHAPE),))


def seeded(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def known():
    return torch.rand(2, *SHAPE, generator=torch.Generator().manual_seed(2)) < 0.4


def run_of(given, clips=CLIPS):
    return SamplingRun(SIGMAS, clips=clips, given=given, takes_levels=True)


def zeros(seen):
    def denoise(x, at):
        seen.append((x, at.places))
        return torch.zeros_like(x)

    return denoise


@pytest.mark.parametrize("solver", SOLVERS)
def test_given_positions_are_clean_and_never_change(solver, known):
    given, seen = seeded(2, 3, *SHAPE), []
    run = run_of(given)
    denoise = for_solver(wrapped(zeros(seen), [hold_given(known)], run), run)
    made = SOLVERS[solver](denoise, seeded(2, 3, *SHAPE, seed=1), SIGMAS)
    spread = known[:, None].expand_as(given)
    assert torch.equal(made[spread], given[spread])
    assert (made[~spread] == 0).all()
    for x, levels in seen:
        assert torch.equal(x[spread], given[spread])
        assert levels.shape == (2, *SHAPE)
        assert torch.equal(levels > 0, ~known)
    assert (seen[0][1][~known] == 1).all()


def test_what_is_given_in_part_is_mixed_at_a_lower_level():
    given, seen = seeded(2, 3, *SHAPE), []
    run = run_of(given)
    quarter = torch.full((2, *SHAPE), 0.25)
    x = seeded(2, 3, *SHAPE, seed=1)
    x0 = for_solver(wrapped(zeros(seen), [hold_given(quarter)], run), run)(x, torch.ones(2))
    torch.testing.assert_close(seen[0][0], 0.75 * x + 0.25 * given)
    assert (seen[0][1] == 0.75).all()
    torch.testing.assert_close(x0, 0.25 * given)


def test_tokens_hold_what_their_latents_do(known):
    patches = known[:, :, ::2, ::2].repeat_interleave(2, 2).repeat_interleave(2, 3)
    tokens = patchify([seeded(2, 3, *SHAPE)])
    here, seen = patchify([patches[:, None].float()]).values[..., 0] > 0, []
    run = run_of(tokens.values, Clips(CLIPS.each, tokens.layout))
    denoise = for_solver(wrapped(zeros(seen), [hold_given(here)], run), run)
    made = SOLVERS["euler"](denoise, torch.randn_like(tokens.values), SIGMAS)
    wanted = tokens.values * here[..., None]
    torch.testing.assert_close(made, wanted)
    assert torch.equal(seen[0][1], (~here).float())


def test_inside_of_windows_each_holds_its_own_part(known):
    given, seen = seeded(2, 3, *SHAPE), []
    run, frames = run_of(given), (3, 4)

    def windows(denoiser, run):
        def denoise(x, at):
            part = denoiser(*at.window(x, frames))
            return torch.zeros_like(x).index_copy(2, at.clips.find(frames), part)

        return denoise

    denoise = wrapped(zeros(seen), [hold_given(known), windows], run)
    made = for_solver(denoise, run)(seeded(2, 3, *SHAPE, seed=1), torch.ones(2))
    spread = known[:, None, 3:].expand(2, 3, 2, 4, 4)
    assert torch.equal(made[:, :, 3:][spread], given[:, :, 3:][spread])
    assert not made[:, :, :3].any()


def test_a_level_below_the_runs_stays(known):
    """Two wrappers: what one has lowered, the other leaves where nothing is given."""
    seen = []
    run = run_of(seeded(2, 3, *SHAPE))
    inner, outer = hold_given(known), hold_given(~known)
    wrapped(zeros(seen), [inner, outer], run)
    for_solver(wrapped(zeros(seen), [inner, outer], run), run)(run.given, torch.ones(2))
    assert not seen[0][1].any()


def test_with_noise_a_network_of_one_level_sees_what_is_given_as_noisy_as_the_rest(known):
    given, noise, seen = seeded(2, 3, *SHAPE), seeded(2, 3, *SHAPE, seed=1), []
    run = SamplingRun(SIGMAS, clips=CLIPS, given=given)
    denoise = wrapped(zeros(seen), [hold_given(known, noise=noise)], run)
    made = for_solver(denoise, run)(torch.full_like(given, 9.0), torch.tensor([0.25, 0.5]))
    spread = known[:, None].expand_as(given)
    ((x, places),) = seen
    levels = torch.tensor([0.25, 0.5]).reshape(2, 1, 1, 1, 1)
    torch.testing.assert_close(x[spread], torch.lerp(given, noise, levels)[spread])
    assert (x[~spread] == 9).all()
    assert places is None
    assert torch.equal(made[spread], given[spread])
    assert (made[~spread] == 0).all()


def test_with_noise_the_velocity_of_a_partly_known_place_counts_from_the_runs_level():
    given, seen = seeded(2, 3, *SHAPE), []
    run = run_of(given)
    quarter, x = torch.full((2, *SHAPE), 0.25), seeded(2, 3, *SHAPE, seed=1)
    held = hold_given(quarter, noise=seeded(2, 3, *SHAPE, seed=2))
    x0 = for_solver(wrapped(zeros(seen), [held], run), run)(x, torch.full((2,), 0.8))
    mixed = 0.75 * x + 0.25 * given
    torch.testing.assert_close(seen[0][0], mixed)
    torch.testing.assert_close(seen[0][1], torch.full((2, *SHAPE), 0.75 * 0.8))
    velocity = mixed / (0.75 * 0.8)  # of a prediction of zeros
    torch.testing.assert_close(x0, 0.75 * (mixed - 0.8 * velocity) + 0.25 * given)


@pytest.mark.parametrize(
    ("run", "problem"),
    [
        (SamplingRun(SIGMAS, given=torch.zeros(2, 3, *SHAPE)), "takes a single noise level"),
        (SamplingRun(SIGMAS, takes_levels=True), "no clip to start from"),
        (run_of(torch.zeros(2, 3, 5, 8, 4)), "do not fit a state"),
    ],
)
def test_runs_that_cannot_hold_anything(run, problem, known):
    with pytest.raises(ValueError, match=problem):
        wrapped(zeros([]), [hold_given(known)], run)
