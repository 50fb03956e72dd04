"""What a ControlNet was told of frames and places, in windows, loops, extensions, chunks and packs.

Every case compares the factors that the residuals get, place by place, with those over the whole
clip at the places that the evaluation shows.
"""

import pytest
import torch
from einops import reduce

from spacetime_video.hosts import host
from spacetime_video.hosts.control import strength_over
from spacetime_video.models.patchify import to_patches
from spacetime_video.models.shapes import LatentShape
from spacetime_video.nodes.control.clips import SpacetimeAppendConditioning
from spacetime_video.nodes.control.region import SpacetimeControlInRegion
from spacetime_video.nodes.control.strength import SpacetimeControlOverFrames
from spacetime_video.nodes.latent.latents import SpacetimeEmptyVideo
from spacetime_video.nodes.patches.patches import SpacetimePatchify
from spacetime_video.nodes.timeline.extend import SpacetimeCloseLoop, SpacetimeExtendForward
from spacetime_video.nodes.timeline.long import SpacetimeSampleLongVideo
from spacetime_video.nodes.timeline.windows import SpacetimeContextWindows
from spacetime_video.samplers.clips import COVERAGE_KEY, Clip
from spacetime_video.samplers.control import BoundControl

from .controlled import Controlled, hint_of, latent, pictures

LONG = 33


@pytest.fixture
def seen(monkeypatch):
    """Hints (1, C, F, H, W) or (1, L, E), and factors of their places, of every evaluation."""
    calls, original = [], BoundControl.__call__

    def watch(bound, inside):
        calls.append((bound.state.hint, bound.state.weights))
        return original(bound, inside)

    monkeypatch.setattr(BoundControl, "__call__", watch)
    return calls


def moving(frames):
    """A mask that differs in every frame and place."""
    return torch.rand(frames, 32, 32, generator=torch.Generator().manual_seed(7)) / 2 + 0.5


@pytest.fixture
def told(bench, control_net):
    """Prompts that follow pictures in a moving region, less from second to second."""

    def make(frames, seed=0, mask=None):
        over = SpacetimeControlOverFrames.execute(control_net, "0: 1, 4: 0.1", "seconds", "linear")
        mask = moving(frames) if mask is None else mask
        net = SpacetimeControlInRegion.execute(over[0], mask, False, 0.0, 0.0)[0]
        return Controlled(bench, net), pictures(frames, seed=seed)

    return make


def whole_of(controlled, images, prompts, *, loop=False):
    """Hint (1, C, F, H, W) and factors (1, F, H, W) over a whole clip of these pictures."""
    hint = hint_of(controlled, images, loop=loop)
    clip = Clip(size=LatentShape(*hint.shape[2:]), fps=16.0, loop=loop)
    (control,) = host().models.controls_of(prompts[0])
    return hint, strength_over(control.strength, clip)


def frames_of(whole, hint):
    """Numbers in a whole clip of the latent frames of a hint, found by their contents."""
    found = []
    for frame in hint.unbind(2):
        apart = (whole - frame[:, :, None]).abs().amax((0, 1, 3, 4))
        assert float(apart.min()) < 1e-4
        found.append(int(apart.argmin()))
    return found


def check(whole, factors, seen):
    """The parts of a clip that were seen, each with the factors of its own frames."""
    parts = [frames_of(whole, hint) for hint, _ in seen]
    for (_, weights), frames in zip(seen, parts, strict=True):
        torch.testing.assert_close(weights, factors[:, frames])
    return parts


def test_windows(told, bench, seen):
    controlled, images = told(LONG)
    prompts = controlled.prompts(images)
    guider = controlled.guider(*prompts)
    guider = SpacetimeContextWindows.execute(guider, 4, 2, "uniform", "pyramid")[0]
    bench.sample(latent(9), guider=guider)
    parts = check(*whole_of(controlled, images, prompts), seen)
    assert {len(part) for part in parts} == {4}
    assert {frame for part in parts for frame in part} == set(range(9))


def test_windows_of_a_loop_go_round(told, bench, seen):
    controlled, images = told(36)
    prompts = controlled.prompts(images)
    guider = controlled.guider(*prompts)
    guider = SpacetimeContextWindows.execute(guider, 4, 2, "uniform", "pyramid")[0]
    bench.sample(latent(9, loop=True), guider=guider)
    parts = check(*whole_of(controlled, images, prompts, loop=True), seen)
    assert any(part[0] > part[-1] for part in parts)
    assert {frame for part in parts for frame in part} == set(range(9))


def test_chunks_of_an_extended_clip(told, bench, seen):
    """The extension begins at frame 12 of the video, and is made in chunks."""
    controlled, images = told(40)
    given = pictures(20, seed=3)
    extended = SpacetimeExtendForward.execute(given, controlled.vae, 20, 16.0, 9)[0]
    prompts = controlled.prompts(images)
    guider = controlled.guider(*prompts)
    SpacetimeSampleLongVideo.execute(*bench.parts(guider=guider), extended, 13, 5, resumable=False)
    total = extended["samples"].shape[2]
    clip = Clip(
        size=LatentShape(*extended["samples"].shape[2:]),
        fps=16.0,
        covers=extended[COVERAGE_KEY],
    )
    start = clip.coverage.start
    assert start > 0
    held = [min(frame, 39) for frame in range(start, start + 1 + 4 * (total - 1))]
    (control,) = host().models.controls_of(prompts[0])
    whole = hint_of(controlled, images[held])
    parts = check(whole, strength_over(control.strength, clip), seen)
    assert len({tuple(part) for part in parts}) > 1
    assert {frame for part in parts for frame in part} == set(range(total))


def test_the_transition_of_a_closed_clip_leads_back_to_its_beginning(told, bench, seen):
    """After the video's last frame come its first ones, with their own pictures and factors."""
    controlled, images = told(32)
    closing = SpacetimeCloseLoop.execute(pictures(20, seed=3), controlled.vae, 12, 16.0, 9)[0]
    prompts = controlled.prompts(images)
    bench.sample(closing, guider=controlled.guider(*prompts))
    start, frames, count, *_ = closing[COVERAGE_KEY]
    held = [frame % frames for frame in range(start, start + 1 + 4 * (count - 1))]
    assert held[-8:] == list(range(8))
    whole = hint_of(controlled, images[held])
    (control,) = host().models.controls_of(prompts[0])
    clip = Clip(size=LatentShape(*whole.shape[2:]), fps=16.0, covers=closing[COVERAGE_KEY])
    factors = strength_over(control.strength, clip)
    assert float(factors[0, -1].mean()) > 0.6 > 0.5 > float(factors[0, -3].mean())
    for hint, weights in seen:
        torch.testing.assert_close(hint, whole)
        torch.testing.assert_close(weights, factors)


def test_packed_clips(told, bench, seen):
    """Two clips of different sizes and lengths, each with pictures and a moving mask of its own."""
    first, images = told(17)
    second, others = told(9, seed=5, mask=moving(9).flip(2))
    prompts = first.prompts(images), second.prompts(others)
    joined = SpacetimeAppendConditioning.execute(*prompts[0], *prompts[1])
    sizes = [(32, 32, 17), (64, 32, 9)]
    clips = [SpacetimeEmptyVideo.execute(*size, 16.0)[0] for size in sizes]
    tokens = SpacetimePatchify.execute(clips)[0]
    bench.sample_patches(tokens, guider=first.guider(joined[0], joined[1]))
    assert seen
    for hint, weights in seen:
        for pair, span, clip in zip(prompts, tokens.tokens.layout.spans, clips, strict=True):
            (control,) = host().models.controls_of(pair[0])
            size = LatentShape(*clip["samples"].shape[2:])
            factors = strength_over(control.strength, Clip(size=size, fps=16.0))
            of_tokens = reduce(factors, "B F (h ph) (w pw) -> B (F h w)", "mean", ph=2, pw=2)
            torch.testing.assert_close(weights[:, span], of_tokens)
        torch.testing.assert_close(
            hint[:, tokens.tokens.layout.spans[0]], to_patches(hint_of(first, images))
        )
