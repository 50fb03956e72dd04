"""Loops with a network that knows no circle of time, on Gaussian videos and on tokens."""

from dataclasses import replace

import pytest
import torch

from spacetime_video.models.patchify import patchify
from spacetime_video.models.shapes import LatentShape
from spacetime_video.samplers.clips import Clip, Clips, clips_of_latent
from spacetime_video.samplers.given import hold_given
from spacetime_video.samplers.looping import close_loops, context_of
from spacetime_video.samplers.runs import Evaluation, SamplingRun, for_solver, wrapped
from spacetime_video.samplers.schedules.flow import flow_sigmas
from spacetime_video.samplers.solvers import SOLVERS, sample_euler, sample_heun
from spacetime_video.samplers.window_plans import WindowPlan
from spacetime_video.samplers.windows import context_windows

from .gaussian import Tracks

FRAMES = 21


def seeded(*shape, seed=0, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=dtype)


def run_of(frames=FRAMES, *, steps=30, loop=True, given=None):
    clip = Clip(size=LatentShape(frames, 2, 2), loop=loop)
    return SamplingRun(flow_sigmas(steps, shift=1.0), clips=Clips((clip,)), given=given)


def at(run, level=1.0, rows=1):
    return Evaluation(run, torch.full((rows,), level), clips=run.clips)


def sampled(*wrappers, steps=30, solve=sample_euler):
    run, tracks = run_of(steps=steps), Tracks.smooth(3.0)
    denoise = for_solver(wrapped(tracks.denoise, wrappers, run), run)
    return solve(denoise, seeded(128, 4, FRAMES, 4, 4, dtype=torch.float64), run.sigmas)


def seam(video):
    """Squared steps and bends at the wrap, and the largest step, in means of the inner ones."""
    closed = torch.cat([video, video[:, :, :2]], dim=2)
    steps = (closed.diff(dim=2) ** 2).mean((0, 1, 3, 4))[:FRAMES]
    bends = (closed.diff(dim=2, n=2) ** 2).mean((0, 1, 3, 4))[:FRAMES]
    inner = steps[:-1].mean()
    return (
        float(steps[-1] / inner),
        float(bends[-2:].max() / bends[:-2].mean()),
        steps.max() / inner,
    )


def test_a_loop_has_no_seam():
    step, bend, worst = seam(sampled(close_loops()))
    assert 0.9 <= step <= 1.1
    assert 0.7 <= bend <= 1.3
    assert worst <= 1.2
    open_step, *_ = seam(sampled())
    assert open_step > 10


def test_no_frame_of_a_loop_is_special():
    """The covariance of frames depends on their distance on the circle alone."""
    tracks = sampled(close_loops()).movedim(2, 0).flatten(1)
    covariance = torch.cov(tracks)
    turned = covariance.roll((1, 1), dims=(0, 1))
    assert float((covariance - turned).norm() / covariance.norm()) < 0.02


def test_few_steps_see_half_of_the_loop_on_either_side():
    assert [context_of(FRAMES, steps) for steps in (4, 7, 8, 30)] == [10, 10, 4, 4]
    assert [context_of(frames, 30) for frames in (1, 2, 4, 9, 12)] == [1, 1, 1, 3, 4]
    step, _, worst = seam(sampled(close_loops(), steps=4))
    assert 0.9 <= step <= 1.1
    assert worst <= 1.2


def test_what_the_network_sees():
    """A clip with two ends that begins elsewhere in each step, in the same place within one."""
    run, seen = run_of(8, steps=8), []
    x = torch.arange(8.0).reshape(1, 1, 8, 1, 1)

    def denoise(part, at):
        (clip,) = at.clips.each
        seen.append([int(frame) for frame in part.flatten()])
        assert clip.frames == tuple(seen[-1])
        assert not clip.closed
        assert clip.conditions(["loop"]) == {"loop": 0.0}
        return part

    closed = wrapped(denoise, [close_loops()], run)
    levels = run.sigmas[:-1].tolist()
    for level in (levels[0], levels[1], (levels[1] + levels[2]) / 2, levels[2]):
        assert torch.equal(closed(x, at(run, level)), x)
    around = [[6, 7, 0, 1, 2, 3, 4, 5, 6, 7, 0, 1], [2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5]]
    assert seen == [around[0], around[1], around[1], around[0]]


@pytest.mark.parametrize("solver", SOLVERS)
def test_every_solver_closes_loops_and_repeats_itself(solver):
    run = run_of(9, steps=8)
    tracks, noise = Tracks.smooth(1.5), seeded(16, 4, 9, 4, 4, dtype=torch.float64)
    once, again = (
        SOLVERS[solver](
            for_solver(wrapped(tracks.denoise, [close_loops()], run), run), noise, run.sigmas
        )
        for _ in range(2)
    )
    assert torch.equal(once, again)
    closed = torch.cat([once, once[:, :, :1]], dim=2).diff(dim=2).pow(2).mean((0, 1, 3, 4))
    assert float(closed[-1] / closed[:-1].mean()) < 1.5


def test_levels_and_given_frames_go_round_with_the_state():
    given = seeded(1, 3, 8, 2, 2)
    run = replace(run_of(8, given=given), takes_levels=True)
    known = torch.zeros(1, 8, 2, 2, dtype=torch.bool)
    known[:, 0] = True
    told = []

    def denoise(x, at):
        told.append((at.places == 0).flatten(2).all(2)[0].nonzero().flatten().tolist())
        assert torch.equal(at.part(given)[:, :, told[-1]], x[:, :, told[-1]])
        return torch.zeros_like(x)

    held = wrapped(denoise, [close_loops(), hold_given(known)], run)
    made = held(seeded(1, 3, 8, 2, 2, seed=1), at(run, run.sigmas[1].item()))
    assert torch.equal(made[:, :, 0], given[:, :, 0])
    assert told == [[6]]


def test_clips_with_two_ends_and_windows_of_loops_are_left_as_they_are():
    x = seeded(1, 3, 20, 2, 2)
    for run, frames in ((run_of(20, loop=False), 20), (run_of(20), 16)):
        seen = []
        inner = [close_loops()] + [context_windows(WindowPlan())] * (frames < 20)
        denoise = wrapped(lambda x, at, seen=seen: seen.append(x.shape[2]) or x, inner, run)
        torch.testing.assert_close(denoise(x, at(run)), x)
        assert set(seen) == {frames}


def test_packed_loops_and_frames_along_the_batch_are_closed_as_their_latents_are():
    def neighbours(x, at):
        """What follows each frame in what the network sees."""
        layout = at.clips.layout
        if layout is None:
            return x.roll(-1, dims=at.clips.axis(x))
        each = [x[:, span].unflatten(1, (-1, 4)).roll(-1, dims=1) for span in layout.spans]
        return torch.cat(each, dim=1).flatten(1, 2)

    clips = [seeded(1, 3, 6, 4, 4, seed=seed) for seed in (1, 2)]
    loop, compression = {"loop": True}, Clip(size=LatentShape(1, 1, 1)).compression
    tokens = patchify(clips)
    each = tuple(clips_of_latent(loop, clip, compression).each[0] for clip in clips)
    frames = clips[0][0].transpose(0, 1)
    states = {
        "latent": (clips[0], clips_of_latent(loop, clips[0], compression)),
        "tokens": (tokens.values, Clips(each, tokens.layout)),
        "batch": (frames, clips_of_latent(loop, frames, compression)),
    }
    for name, (x, known) in states.items():
        run = replace(run_of(6), clips=known)
        made = close_loops()(neighbours, run)(x, at(run, run.sigmas[1].item(), len(x)))
        wanted = patchify([clip.roll(-1, dims=2) for clip in clips]).values
        if name != "tokens":
            wanted = x.roll(-1, dims=known.axis(x))
        torch.testing.assert_close(made, wanted, msg=name)


def test_loops_among_other_clips_are_refused():
    each = tuple(Clip(size=LatentShape(8, 2, 2), loop=loop) for loop in (True, False))
    layout = patchify([torch.zeros(1, 3, 8, 2, 2)] * 2).layout
    run = replace(run_of(), clips=Clips(each, layout))
    with pytest.raises(ValueError, match="loops packed with other clips: this model has no"):
        close_loops()(None, run)


def test_a_second_evaluation_of_a_step_belongs_to_the_level_it_is_made_at():
    steps = []
    run = run_of(8, steps=4)
    sample_heun(
        for_solver(lambda x, at: steps.append(run.step_in_progress(at.level)) or x, run),
        seeded(1, 3, 8, 2, 2),
        run.sigmas,
    )
    assert steps == [0, 1, 1, 2, 2, 3, 3]
    assert run.step_in_progress(2.0) == 0
