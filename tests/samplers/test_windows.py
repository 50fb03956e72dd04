"""Windows fused to a clip: on a Gaussian video whose statistics are known, and on tokens."""

from dataclasses import replace

import pytest
import torch

from spacetime_video.models.patchify import patchify, unpatchify
from spacetime_video.models.shapes import LatentShape
from spacetime_video.samplers.clips import Clip, Clips, clips_of_latent
from spacetime_video.samplers.given import hold_given
from spacetime_video.samplers.guidance.cfg import cfg
from spacetime_video.samplers.guidance.plan import GuidancePlan, Projection, guided
from spacetime_video.samplers.guidance.step_cache import StepCache, easy_cache
from spacetime_video.samplers.process import NoiseProcess
from spacetime_video.samplers.runs import Evaluation, SamplingRun, for_solver, wrapped
from spacetime_video.samplers.schedules.flow import flow_sigmas
from spacetime_video.samplers.solvers import sample_euler, sample_heun
from spacetime_video.samplers.window_plans import BLENDS, SCHEDULES, Window, WindowPlan
from spacetime_video.samplers.windows import context_windows, fuse

from .gaussian import Tracks

FRAMES, STEPS = 48, 20
SHAPE = LatentShape(FRAMES, 2, 2)


def seeded(*shape, seed=0, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=dtype)


def run_of(frames=FRAMES, *, loop=False, steps=STEPS, given=None, first=0):
    clip = Clip(size=LatentShape(frames, 2, 2), loop=loop, first_frame=first)
    return SamplingRun(flow_sigmas(steps, shift=1.0), clips=Clips((clip,)), given=given)


def at(run, level=0.5, rows=1):
    return Evaluation(run, torch.full((rows,), level), clips=run.clips)


def sampled(plan, tracks, *, loop=False, noise=None):
    run = run_of(loop=loop)
    start = noise if noise is not None else seeded(64, 4, FRAMES, 2, 2, dtype=torch.float64)
    wrappers = [] if plan is None else [context_windows(plan)]
    denoise = for_solver(wrapped(tracks.denoise, wrappers, run), run)
    return sample_euler(denoise, start, run.sigmas)


def correlation(video, lag):
    tracks = video.movedim(2, 0).flatten(1)
    centred = tracks - tracks.mean(1, keepdim=True)
    both = (centred[lag:] * centred[:-lag]).mean()
    return float(both / (centred**2).mean())


def roughness(video):
    """The largest mean step between frames, in means of all."""
    steps = video.diff(dim=2).abs().mean((0, 1, 3, 4))
    return float(steps.max() / steps.mean())


def test_a_clip_that_fits_is_left_whole():
    x, seen, run = seeded(1, 3, 16, 2, 2), [], run_of(16)
    denoise = context_windows(WindowPlan())(lambda x, at: seen.append((x, at)) or x * 0.9, run)
    here = at(run)
    assert torch.equal(denoise(x, here), x * 0.9)
    assert seen[0][0] is x
    assert seen[0][1] is here


@pytest.mark.parametrize("loop", [False, True])
@pytest.mark.parametrize("blend", BLENDS)
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_what_is_constant_stays_constant(schedule, blend, loop):
    run, x = run_of(37, loop=loop), seeded(2, 3, 37, 2, 2)
    plan = WindowPlan(length=9, overlap=3, schedule=schedule, blend=blend, stride=2)
    made = context_windows(plan)(lambda x, at: torch.full_like(x, 3.0), run)(x, at(run, rows=2))
    torch.testing.assert_close(made, torch.full_like(x, 3.0))


def test_the_order_of_windows_does_not_matter():
    run, x = run_of(), seeded(1, 3, FRAMES, 2, 2)
    windows = [
        Window(tuple(range(start, start + 16)), tuple(BLENDS["pyramid"](16, 4, (True, True))))
        for start in (0, 12, 24, 32)
    ]
    one, other = (
        fuse(lambda x, at: x.cumsum(2), x, at(run), order) for order in (windows, windows[::-1])
    )
    torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-6)


def test_frames_keep_their_absolute_numbers():
    run, told = run_of(20, first=7), []
    denoise = context_windows(WindowPlan(schedule="static"))(
        lambda x, at: told.append(at.clips.each[0].frames) or x, run
    )
    x = seeded(1, 3, 20, 2, 2)
    torch.testing.assert_close(denoise(x, at(run)), x)
    assert told == [tuple(range(7, 23)), tuple(range(11, 27))]


def test_a_loop_that_is_rolled_by_a_hop_gives_a_rolled_result():
    tracks, plan = Tracks.smooth(3.0), WindowPlan(length=16, overlap=4)
    noise = seeded(2, 3, FRAMES, 2, 2, dtype=torch.float64)
    made = sampled(plan, tracks, loop=True, noise=noise)
    rolled = sampled(plan, tracks, loop=True, noise=noise.roll(12, dims=2))
    torch.testing.assert_close(rolled, made.roll(12, dims=2), atol=1e-10, rtol=0)
    steps = torch.cat([made, made[:, :, :1]], dim=2).diff(dim=2).abs().mean((0, 1, 3, 4))
    assert float(steps[-1] / steps.mean()) < 1.6
    unclosed = sampled(plan, tracks, noise=noise)
    assert float((unclosed[:, :, 0] - unclosed[:, :, -1]).abs().mean() / steps.mean()) > 3


def test_windows_forget_and_pyramids_hide_it_best():
    """A third of the resemblance over 16 frames is left, so windows warn where nothing is given."""
    tracks = Tracks.rough(0.95)
    whole = sampled(None, tracks)
    assert correlation(whole, 16) == pytest.approx(0.95**16, abs=0.03)
    made = {
        (schedule, blend): sampled(WindowPlan(schedule=schedule, blend=blend), tracks)
        for schedule, blend in (
            ("static", "flat"),
            ("static", "pyramid"),
            ("static", "overlap-linear"),
            ("uniform", "pyramid"),
        )
    }
    memory = {name: correlation(each, 16) for name, each in made.items()}
    assert max(memory.values()) < 0.4 * correlation(whole, 16)
    rough = {name: roughness(each) for name, each in made.items()}
    assert rough["static", "flat"] == max(rough.values())
    assert rough["static", "flat"] > 1.15 * rough["static", "overlap-linear"]
    assert rough["uniform", "pyramid"] < 1.4


def test_a_strided_plan_remembers_more():
    tracks = Tracks.rough(0.95)
    near = sampled(WindowPlan(length=12), tracks)
    far = sampled(WindowPlan(length=12, stride=3), tracks)
    assert correlation(far, 24) > 1.2 * correlation(near, 24)


def test_packed_clips_are_cut_as_their_latents_are():
    clips = [seeded(1, 3, 11, 4, 4), seeded(1, 3, 11, 2, 6, seed=1)]
    tokens, plan = patchify(clips), WindowPlan(length=5, overlap=2)
    each = tuple(Clip(size=LatentShape(*clip.shape[2:])) for clip in clips)

    def mean_of_window(x, at):
        layout = at.clips.layout
        if layout is None:
            return x.mean(dim=2, keepdim=True).expand_as(x)
        made = torch.empty_like(x)
        for span in layout.spans:
            frames = x[:, span].unflatten(1, (len(layout.coordinates[span, 0].unique()), -1))
            made[:, span] = frames.mean(1, keepdim=True).expand_as(frames).flatten(1, 2)
        return made

    packed = SamplingRun(flow_sigmas(5), clips=Clips(each, tokens.layout))
    made = context_windows(plan)(mean_of_window, packed)(tokens.values, at(packed))
    for clip, ours in zip(clips, unpatchify(tokens.with_values(made)), strict=True):
        run = SamplingRun(flow_sigmas(5), clips=clips_of_latent({}, clip, each[0].compression))
        theirs = context_windows(plan)(mean_of_window, run)(clip, at(run))
        torch.testing.assert_close(ours, theirs)


def test_frames_along_the_batch_are_cut_with_their_levels():
    x, seen = seeded(20, 4, 2, 2), []
    clips = clips_of_latent({}, x, Clip(size=SHAPE).compression)
    run = SamplingRun(flow_sigmas(5), clips=clips, given=x)
    places = torch.rand(20, 2, 2)
    here = Evaluation(run, torch.linspace(0.2, 0.5, 20), places=places, clips=clips)

    def denoise(part, at):
        seen.append(at.clips.each[0].frames)
        assert torch.equal(at.part(x), part)
        assert torch.equal(at.part(places), at.places)
        assert torch.equal(at.sigma, here.sigma[list(at.clips.each[0].frames)])
        return part * 2

    made = context_windows(WindowPlan(schedule="static"))(denoise, run)(x, here)
    torch.testing.assert_close(made, x * 2)
    assert seen == [tuple(range(16)), tuple(range(4, 20))]


def test_what_is_given_is_given_in_every_window():
    given = seeded(1, 3, 20, 2, 2)
    run = replace(run_of(20, given=given), takes_levels=True)
    known = torch.zeros(1, 20, 2, 2, dtype=torch.bool)
    known[:, 10] = True
    levels = []
    denoise = wrapped(
        lambda x, at: levels.append((at.places == 0).nonzero()[0, 1].item()) or torch.zeros_like(x),
        [hold_given(known), context_windows(WindowPlan(schedule="static"))],
        run,
    )
    made = denoise(seeded(1, 3, 20, 2, 2, seed=1), at(run))
    torch.testing.assert_close(made[:, :, 10], given[:, :, 10])
    assert levels == [10, 6]


@pytest.mark.parametrize("solve", [sample_euler, sample_heun])
def test_guidance_remembers_each_window_by_itself(solve):
    """As runs of each window alone, and no more windows than one level looks at are kept."""
    noise = seeded(1, 3, 20, 2, 2)
    plan = GuidancePlan(scale=3.0, rule=Projection(momentum=-0.5), cache=StepCache(threshold=0.1))

    def denoiser(run, *wrappers):
        predict = easy_cache(
            lambda x, at, names: [x * (0.5 if name == "a" else 0.4) for name in names],
            plan.cache or StepCache(),
        )
        inner = guided(replace(plan, cache=None), predict, "a", "", NoiseProcess.FLOW)
        return for_solver(wrapped(inner, wrappers, run), run)

    run = run_of(20)
    side_by_side = context_windows(WindowPlan(length=10, overlap=0, schedule="batched"))
    whole = solve(denoiser(run, side_by_side), noise, run.sigmas)
    halves = [
        solve(denoiser(run_of(10)), noise[:, :, half], run.sigmas)
        for half in (slice(0, 10), slice(10, 20))
    ]
    torch.testing.assert_close(whole, torch.cat(halves, dim=2))


def test_windows_that_never_come_back_are_forgotten():
    predict = easy_cache(
        lambda x, at, names: [x * 0.5 for _ in names], StepCache(threshold=0.1, start=0.0, end=1.0)
    )
    run, kept = run_of(FRAMES, steps=16), predict.__closure__
    denoise = for_solver(
        wrapped(cfg(predict, "a", "", 1.0), [context_windows(WindowPlan())], run), run
    )
    sample_euler(denoise, seeded(1, 3, FRAMES, 2, 2), run.sigmas)
    (memory,) = (each.cell_contents for each in kept if hasattr(each.cell_contents, "of"))
    assert len(memory._kept) <= 2 * 5


def test_windows_from_nothing_are_told_once():
    told = []
    wrapper = context_windows(WindowPlan(), from_nothing=lambda: told.append(1))
    for frames, given in ((FRAMES, None), (16, None), (FRAMES, seeded(1, 3, FRAMES, 2, 2))):
        wrapper(lambda x, at: x, run_of(frames, given=given))
    wrapper(lambda x, at: x, run_of(given=torch.zeros(1, 3, FRAMES, 2, 2)))
    assert len(told) == 2


def test_clips_that_cannot_be_cut_are_refused():
    each = tuple(Clip(size=LatentShape(frames, 2, 2)) for frames in (20, 30))
    layout = patchify([torch.zeros(1, 3, *clip.size) for clip in each]).layout
    with pytest.raises(ValueError, match="packed clips of 20 and 30 latent frames"):
        context_windows(WindowPlan())(None, replace(run_of(), clips=Clips(each, layout)))
    with pytest.raises(ValueError, match="which are unknown in this run: use a video latent"):
        context_windows(WindowPlan())(None, replace(run_of(), clips=None))
