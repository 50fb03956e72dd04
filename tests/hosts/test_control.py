"""What of its pictures a control follows in clips of any part of a video."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from spacetime_video.hosts.control import (
    Hint,
    Steering,
    appended,
    strength_over,
    weights_over,
    with_control,
)
from spacetime_video.hosts.keys import CLIP_TEXTS_KEY, SPANS_KEY
from spacetime_video.hosts.prompt_spans import PromptSpans, Span
from spacetime_video.models.latent_format import LatentFormat
from spacetime_video.models.patchify import PATCH, patchify
from spacetime_video.models.shapes import LatentShape
from spacetime_video.samplers.clips import Clip, Clips, Coverage, clips_of_tokens
from spacetime_video.samplers.control import ControlStrength, FrameCurve
from spacetime_video.samplers.curves import Curve
from spacetime_video.samplers.looping import close_loops
from spacetime_video.samplers.runs import Evaluation, SamplingRun, Wrapper
from spacetime_video.samplers.schedules.flow import flow_sigmas
from spacetime_video.samplers.window_plans import WindowPlan
from spacetime_video.samplers.windows import context_windows

from ..other_device import OTHER, other_device

FORM = LatentFormat(channels=3, mean=(0.1, 0.2, 0.3), std=(1.0, 2.0, 3.0))
SIZE = LatentShape(5, 2, 4)


class Encoder:
    """A causal code without weights: the mean colour of the pixels behind a place."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, ...]] = []

    def __call__(self, frames: Tensor, loop: bool) -> Tensor:
        self.calls.append(tuple(frames.shape))
        lone = 0 if loop else 1
        cells = frames.unfold(1, 8, 8).unfold(2, 8, 8).mean((-2, -1))  # (F, h, w, 3)
        groups = cells[lone:].unflatten(0, (-1, 4)).mean(1)
        return torch.cat([cells[:lone], groups]).movedim(-1, 0)[None]


def pictures(frames: int, height: int = 16, width: int = 32) -> Tensor:
    return torch.rand(frames, height, width, 3, generator=torch.Generator().manual_seed(frames))


def hint(frames: int, **size: int) -> tuple[Hint, Encoder]:
    encoder = Encoder()
    return Hint(pictures(frames, **size), encoder, FORM), encoder


def test_a_hint_is_encoded_once_for_a_size() -> None:
    made, encoder = hint(17)
    whole = made.latent(Clip(size=SIZE))
    assert torch.equal(whole, Encoder()(pictures(17), False))
    assert torch.equal(made.latent(Clip(size=SIZE)), whole)
    assert encoder.calls == [(17, 16, 32, 3)]
    made.latent(Clip(size=SIZE._replace(width=2)))
    assert encoder.calls[1:] == [(17, 16, 16, 3)]


def test_further_pictures_are_not_looked_at_and_one_holds_for_all() -> None:
    longer, _ = hint(30)
    assert torch.equal(longer.latent(Clip(size=SIZE)), Encoder()(pictures(30)[:17], False))
    one, _ = hint(1)
    assert torch.equal(
        one.latent(Clip(size=SIZE)), Encoder()(pictures(1).expand(17, -1, -1, -1), False)
    )


def test_too_few_pictures_are_refused_with_both_numbers() -> None:
    short, encoder = hint(16)
    with pytest.raises(ValueError, match=r"a hint of 16 frames for a video of 17.*Fit Video"):
        short.latent(Clip(size=SIZE))
    with pytest.raises(ValueError, match=r"a hint of 16 frames for a video of 20"):
        short.latent(Clip(size=SIZE, loop=True))
    assert encoder.calls == []


def test_a_part_of_a_video_gets_the_pictures_of_its_frames() -> None:
    """An extension begins anywhere; it may make more than the video shows, on either side."""
    made, _ = hint(30)
    at = Clip(size=SIZE._replace(frames=3), covers=Coverage(11, 30, 3, (0, 1, 2)))
    assert torch.equal(made.latent(at), Encoder()(pictures(30)[11:20], False))
    behind = Clip(size=SIZE._replace(frames=3), covers=Coverage(24, 30, 3, (0, 1, 2)))
    held = [24, 25, 26, 27, 28, 29, 29, 29, 29]
    assert torch.equal(made.latent(behind), Encoder()(pictures(30)[held], False))
    before = Clip(size=SIZE._replace(frames=2), covers=Coverage(-3, 30, 2, (0, 1)))
    assert torch.equal(made.latent(before), Encoder()(pictures(30)[[0, 0, 0, 0, 1]], False))
    closing = Clip(size=SIZE._replace(frames=3), covers=Coverage(26, 30, 3, (0, 1, 2), closes=True))
    held = [26, 27, 28, 29, 0, 1, 2, 3, 4]
    assert torch.equal(made.latent(closing), Encoder()(pictures(30)[held], False))
    later = Clip(size=SIZE._replace(frames=2), first_frame=3)
    assert torch.equal(made.latent(later), Encoder()(pictures(30)[9:14], False))


def test_chunks_share_what_was_encoded_for_the_whole() -> None:
    made, encoder = hint(33)
    whole = made.latent(Clip(size=SIZE._replace(frames=9)))
    chunk = Clip(size=SIZE._replace(frames=4), covers=Coverage(0, 33, 9, (0, 5, 6, 7)))
    assert torch.equal(made.latent(chunk), whole[:, :, [0, 5, 6, 7]])
    assert len(encoder.calls) == 1


def test_pictures_of_another_shape_are_cropped() -> None:
    made, _ = hint(5, height=16, width=64)
    clip = Clip(size=LatentShape(2, 2, 4))
    assert torch.equal(made.latent(clip), Encoder()(pictures(5, 16, 64)[:, :, 16:48], False))


@pytest.mark.parametrize("loop", [False, True])
def test_weights_are_the_mean_behind_a_place(loop: bool) -> None:
    size = LatentShape(3, 2, 4)
    clip = Clip(size=size, loop=loop)
    mask = pictures(12 if loop else 9)[..., 0]
    wanted = Encoder()(mask[..., None], loop)[:, 0]
    torch.testing.assert_close(weights_over(mask, clip), wanted)
    torch.testing.assert_close(weights_over(5 * mask, clip), 5 * wanted)
    still = weights_over(mask[:1], clip)
    torch.testing.assert_close(still, wanted[:, :1].expand(-1, 3, -1, -1) if not loop else still)
    ramp = torch.arange(len(mask)).float()[:, None, None]
    over = weights_over(ramp, clip)
    assert over[0, :, 0, 0].tolist() == ([1.5, 5.5, 9.5] if loop else [0.0, 2.5, 6.5])
    with pytest.raises(ValueError, match=r"control mask of 8 frames for a video of"):
        weights_over(mask[:8], clip)


def steering(*hints: Hint, channels: int = 3, **strength) -> Steering:
    network = SimpleNamespace(control=SimpleNamespace(hint_channels=channels))
    return Steering(network, FORM, hints, ControlStrength(**strength))  # pyright: ignore[reportArgumentType]


def test_a_vace_branch_gets_grey_the_pictures_and_a_mask() -> None:
    made, encoder = hint(17)
    clips = Clips((Clip(size=SIZE),))
    state = steering(made, channels=6 + 64).state(clips, PATCH)
    grey = Encoder()(torch.full((17, 16, 32, 3), 0.5), False)
    torch.testing.assert_close(state.hint[:, :3], FORM.normalise(grey))
    assert torch.equal(state.hint[:, 3:6], FORM.normalise(made.latent(clips.each[0])))
    assert state.hint.shape[1] == 70
    assert bool((state.hint[:, 6:] == 1).all())
    steering(made, channels=6 + 64).state(clips, PATCH)
    assert len(encoder.calls) == 2


def test_references_come_first_as_what_is_kept() -> None:
    """Each by itself, whole, and white where it has another shape; masks do not reach them."""
    plain, encoder = hint(17)
    references = pictures(2, 16, 16)
    made = replace(plain, references=references)
    clips = Clips((Clip(size=SIZE._replace(frames=7), first_frame=-2, references=2),))
    mask = pictures(17)[..., 1]
    state = steering(made, channels=6 + 64, weights=(mask,)).state(clips, PATCH)
    alone = steering(plain, channels=6 + 64, weights=(mask,)).state(
        Clips((Clip(size=SIZE),)), PATCH
    )
    assert torch.equal(state.hint[:, :, 2:], alone.hint)
    assert bool((state.weights[:, :2] == 1).all())
    assert torch.equal(state.weights[:, 2:], alone.weights)
    white = torch.ones(2, 16, 8, 3)
    canvas = torch.cat([white, references, white], dim=2)
    wanted = torch.cat([Encoder()(each, False) for each in canvas.split(1)], dim=2)
    torch.testing.assert_close(state.hint[:, :3, :2], FORM.normalise(wanted))
    assert not bool(state.hint[:, 3:, :2].any())
    assert [calls[0] for calls in encoder.calls].count(1) == 2


def test_references_without_room_are_refused() -> None:
    made = replace(hint(17)[0], references=pictures(1))
    with pytest.raises(ValueError, match=r"room for 0 reference images.* has 1: .*the Sample node"):
        steering(made, channels=6 + 64).state(Clips((Clip(size=SIZE),)), PATCH)


def test_a_window_of_a_hint_is_that_of_the_whole() -> None:
    made, _ = hint(17)
    mask = pictures(17)[..., 1]
    clips = Clips((Clip(size=SIZE),))
    state = steering(made, weights=(mask,)).state(clips, PATCH)
    assert torch.equal(state.hint, FORM.normalise(made.latent(clips.each[0])))
    for frames in ((1, 2, 3), (4, 0), (3, 4, 0, 1)):
        window = clips.window(frames)
        assert window.index is not None
        seen = state.seen(lambda values, at=window: at.take(values, at.index))
        assert torch.equal(seen.hint, state.hint[:, :, list(frames)])
        assert torch.equal(seen.weights, state.weights[:, list(frames)])


def test_packed_hints_are_those_of_each_clip() -> None:
    """Clips of two sizes, with one hint for both or with one each; weights of one of them."""
    latents = [torch.zeros(1, 3, 5, 2, 4), torch.zeros(1, 3, 3, 4, 2)]
    tokens = patchify(latents)
    clips = clips_of_tokens(tokens, [{}, {}], FORM.compression)
    made, _ = hint(17)
    other, _ = hint(9)
    for hints in ((made, made), (made, other)):
        state = steering(*dict.fromkeys(hints)).state(clips, PATCH)
        alone = [
            FORM.normalise(each.latent(clip)) for each, clip in zip(hints, clips.each, strict=True)
        ]
        assert torch.equal(state.hint, patchify(alone).values)
        assert state.weights is None
    masked = steering(made, weights=(pictures(17)[..., 1],)).state(clips, PATCH)
    assert masked.weights.shape == masked.hint.shape[:2]
    with pytest.raises(ValueError, match="hints for 3 clips, but 2 packed clips"):
        steering(made, other, made).state(clips, PATCH)


def test_pictures_of_another_device_meet_masks_of_the_cpu() -> None:
    """A VAE may leave its latents on the GPU; one of the packed clips has a mask."""
    tokens = patchify([torch.zeros(1, 3, 5, 2, 4)] * 2)
    clips = clips_of_tokens(tokens, [{}, {}], FORM.compression)
    encoder = Encoder()
    with other_device():
        made = Hint(pictures(17), lambda *given: encoder(*given).to(OTHER), FORM)
        places = (ControlStrength(weights=(pictures(17)[..., 1],)), ControlStrength())
        weights = replace(steering(made), places=places).state(clips, PATCH).weights
        assert weights is not None
        first, second = (weights[:, span].cpu() for span in clips.layout.spans)  # pyright: ignore
        everywhere = FrameCurve(Curve(((0.0, 0.5),)))
        mixed = ControlStrength(
            frames=(everywhere,), weights=(torch.full((1, 2, 4), 0.5).to(OTHER),)
        )
        both = strength_over(mixed, clips.each[0])
        assert both is not None
    assert float(first.max()) < 1
    assert bool((second == 1).all())
    assert bool((both == 0.25).all())


def test_a_mask_of_ones_is_no_mask() -> None:
    made, _ = hint(17)
    clips = Clips((Clip(size=SIZE),))
    assert steering(made, weights=(torch.ones(1, 7, 9),)).state(clips, PATCH).weights is None


def test_masks_and_frames_multiply_in_the_places_of_the_latent() -> None:
    """Masks of different sizes, still and moving, and a curve over the frames."""
    clip = Clip(size=SIZE, fps=16.0)
    still, moving = pictures(1, 40, 80)[..., 0], pictures(17)[..., 1]
    fading = FrameCurve(Curve(((0, 1.0), (16, 0.0))))
    factors = [weights_over(each, clip) for each in (still, moving, fading.over(17, None))]
    wanted = factors[0] * factors[1] * factors[2]
    for weights in ((still, moving), (moving, still)):
        told = ControlStrength(weights=weights, frames=(fading,))
        torch.testing.assert_close(strength_over(told, clip), wanted)
    assert strength_over(ControlStrength(frames=(FrameCurve(Curve(((3, 1.0),))),)), clip) is None
    later = Clip(size=SIZE._replace(frames=3), fps=16.0, covers=Coverage(0, 17, 5, (0, 3, 4)))
    told = ControlStrength(weights=(still, moving), frames=(fading,))
    part = strength_over(told, later)
    assert part is not None
    torch.testing.assert_close(part, wanted[:, [0, 3, 4]])


def test_prompts_over_time_are_not_cut_short_by_others_behind_them() -> None:
    """A text that another node has put in their place holds all the time."""
    first, later, other = torch.zeros(1, 2, 4), torch.ones(1, 2, 4), torch.full((1, 2, 4), 2.0)
    spans = PromptSpans((Span(0.0, first, {}), Span(1.0, later, {})))
    timed, plain = [[first, {SPANS_KEY: spans}]], [[other, {}]]
    for one, behind in ((timed, plain), (plain, timed)):
        with pytest.raises(ValueError, match=r"2 prompts over time.*Encode Prompt"):
            appended([one], [behind], lambda *given: None)
    (made,) = appended([[[later, {SPANS_KEY: spans}]]], [plain], lambda *given: None)
    assert SPANS_KEY not in made[0][1]
    assert made[0][1][CLIP_TEXTS_KEY] == [later, other]


def test_prompts_that_share_controls_go_on_sharing() -> None:
    """ComfyUI evaluates prompts together that have one control, and not two alike."""
    before = object()
    with_one, without = [["a", {"control": before}]], [["b", {"x": 1}]]
    both = [with_one, [["c", {"control": before}]], without]
    positive, negative, other = with_control(both, lambda control: [control])
    assert positive[0][1]["control"] is negative[0][1]["control"]
    assert positive[0][1]["control"] == [before]
    assert other[0][1] == {"x": 1, "control": [None], "control_apply_to_uncond": False}
    assert without[0][1] == {"x": 1}


LONGER = WindowPlan(length=3, overlap=1, schedule="uniform", blend="pyramid")


@pytest.mark.parametrize("loop", [False, True], ids=["open", "loop"])
@pytest.mark.parametrize("packed", [False, True], ids=["latent", "packed"])
@pytest.mark.parametrize("wrapper", [close_loops(), context_windows(LONGER)], ids=["circle", "cut"])
def test_whatever_is_shown_of_a_state_is_shown_of_its_hint(
    loop: bool, packed: bool, wrapper: Wrapper
) -> None:
    """A state that is its own hint goes through windows and round a loop, some frames twice."""
    made, _ = hint(20 if loop else 17)
    clip = Clip(size=SIZE, loop=loop)
    both = patchify([torch.zeros(1, 3, *SIZE)] * 2, loops=(loop, loop))
    clips = Clips((clip, clip), both.layout) if packed else Clips((clip,))
    mask = pictures(20 if loop else 17)[..., 1]
    state = steering(made, weights=(mask,)).state(clips, PATCH)
    run, seen = SamplingRun(flow_sigmas(4), clips=clips), []

    def denoiser(x: Tensor, at: Evaluation) -> Tensor:
        part = state.seen(at.part)
        assert torch.equal(part.hint, x)
        assert part.weights is not None
        assert part.weights.shape == (x.shape[:2] if packed else (1, *x.shape[2:]))
        seen.append(x.shape[1 if packed else 2])
        return x

    denoise = wrapper(denoiser, run)
    for level in run.sigmas[:-1]:
        at = Evaluation(run, level[None], clips=clips)
        torch.testing.assert_close(denoise(state.hint, at), state.hint)
    assert len(seen) >= 4
