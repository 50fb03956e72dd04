"""Every task's timeline: exact lengths, given frames untouched, whole latent frames held."""

from itertools import product

import pytest
import torch

from spacetime_video.models.shapes import VideoShape
from spacetime_video.timeline import Piece, Timeline, assembled, latent_of, softened
from spacetime_video.timeline.encode import STAND_IN_CHANGE
from spacetime_video.timeline.plans import (
    animated,
    closed,
    connected,
    dragged,
    edited,
    extended_backward,
    extended_forward,
    fresh,
    outpainted,
    with_frames,
)
from spacetime_video.timeline.record import MADE

SIDE, CHANNELS = 16, 4
MARK = 0.5
"""Of what is decoded."""


def clip(frames: int, first: int = 0) -> torch.Tensor:
    """Frames that are told apart by their values."""
    return (torch.arange(first, first + frames) / 1000)[:, None, None, None].expand(
        -1, SIDE, SIDE, 3
    )


def encode(frames: torch.Tensor) -> torch.Tensor:
    """A causal code: the value of the last frame behind each latent frame."""
    assert len(frames) % 4 == 1
    last = frames[::4, 0, 0, 0]
    return last[None, None, :, None, None].expand(1, CHANNELS, -1, 2, 2)


def check(timeline: Timeline, made: range, clips: dict[int, torch.Tensor], length: int) -> None:
    """The result has the length, the clips in their places and decoded frames in between."""
    latent = latent_of(timeline, encode, CHANNELS)
    decoded = torch.full((len(timeline.stretch), SIDE, SIDE, 3), MARK)
    result = assembled(timeline, decoded, fade=0)
    assert len(result) == length
    for start, frames in clips.items():
        assert torch.equal(result[start : start + len(frames)], frames)
    for frame in made:
        assert float(result[frame, 0, 0, 0]) == MARK
    assert latent["samples"].shape == (1, CHANNELS, *timeline.latent_shape)
    mask, ceilings = latent["noise_mask"][0, 0, :, 0, 0], ceilings_of(latent)
    for number, (free, ceiling) in enumerate(zip(mask.tolist(), ceilings, strict=True)):
        shown = timeline.shown(number)
        assert bool(free) == (None in shown), "masked exactly where something is shown throughout"
        stands_in = bool(set(timeline.behind(number)) & set(made))
        assert ceiling == torch.tensor(MADE if free else STAND_IN_CHANGE * stands_in), number
        if not free:
            kept = float(latent["samples"][0, 0, number, 0, 0])
            assert kept == float(shown[-1].pixels[0, 0, 0])


def ceilings_of(latent) -> torch.Tensor:
    """Ceiling of the upper left place of each latent frame."""
    ceiling = latent.get("noise_ceiling", latent["noise_mask"])
    assert torch.equal(softened(latent)["noise_mask"], ceiling.gt(0).float())
    return ceiling[0, 0, :, 0, 0]


LENGTHS = (1, 2, 4, 5, 7, 9, 17)
GAPS = (1, 2, 3, 4, 5, 8, 11)


@pytest.mark.parametrize("context", [1, 5, 8, 9])
def test_extending_gives_exact_lengths_on_either_side(context: int) -> None:
    for length, gap in product(LENGTHS, GAPS):
        given = clip(length)
        ahead = extended_forward(given, gap, 16.0, context=context)
        check(ahead, range(length, length + gap), {0: given}, length + gap)
        assert [join.frame for join in ahead.joins()] == [length]
        before = extended_backward(given, gap, 16.0, context=context)
        check(before, range(gap), {gap: given}, length + gap)
        assert [tuple(join) for join in before.joins()] == [(gap, False)]


@pytest.mark.parametrize("context", [1, 5, 9])
def test_connecting_and_closing_give_exact_lengths(context: int) -> None:
    for one, two, gap in product(LENGTHS, LENGTHS, GAPS):
        first, second = clip(one), clip(two, 100)
        whole = one + gap + two
        timeline = connected(first, second, gap, 16.0, context=context)
        check(timeline, range(one, one + gap), {0: first, one + gap: second}, whole)
        assert [join.frame for join in timeline.joins()] == [one, one + gap]
        ring = closed(first, gap, 16.0, context=context)
        check(ring, range(one, one + gap), {0: first}, one + gap)
        assert [join.frame for join in ring.joins()] == [one, one + gap]


def test_a_picture_comes_to_life_and_ends_in_another() -> None:
    for frames in (1, 2, 5, 6, 17, 18, 33):
        start, end = clip(1), clip(1, 100)
        check(animated(start[0], frames, 16.0), range(1, frames), {0: start}, frames)
        if frames > 5:
            both = animated(start[0], frames, 16.0, end=end[0])
            check(both, range(1, frames - 1), {0: start, frames - 1: end}, frames)


def test_a_whole_clip_is_edited_at_any_length() -> None:
    for frames in (1, 3, 5, 8, 17):
        timeline = edited(clip(frames), 16.0, change=torch.full((1, SIDE, SIDE), 0.7))
        latent = latent_of(timeline, encode, CHANNELS)
        assert torch.all(latent["noise_ceiling"] == torch.tensor(0.7))
        assert torch.all(latent["noise_mask"] == 1)
        decoded = torch.full((len(timeline.stretch), SIDE, SIDE, 3), MARK)
        assert torch.equal(assembled(timeline, decoded), decoded[:frames])


def test_nothing_given_leaves_nothing_to_hold() -> None:
    latent = latent_of(fresh(VideoShape(10, SIDE, SIDE), 8.0), encode, CHANNELS)
    assert latent["samples"].shape == (1, CHANNELS, 4, 2, 2)
    assert latent["fps"] == 8.0
    assert not {"noise_mask", "noise_ceiling"} & set(latent)


def test_a_part_of_the_picture_is_made() -> None:
    side = 48
    frames = torch.rand(5, side, side, 3, generator=torch.Generator().manual_seed(0))
    change = torch.zeros(1, side, side)
    change[:, 20:30, 33:40] = 1
    timeline = edited(frames, 16.0, change=change)
    latent = latent_of(timeline, lambda x: torch.ones(1, CHANNELS, 2, 6, 6), CHANNELS)
    expected = torch.zeros(6, 6)
    expected[2:4, 4:6] = 1
    assert torch.equal(latent["noise_mask"][0, 0], expected.expand(2, 6, 6))
    assert torch.all(latent["samples"][0, 0, :, 2:4, 4:6] == 0)
    decoded = torch.rand(5, side, side, 3, generator=torch.Generator().manual_seed(1))
    result = assembled(timeline, decoded)
    assert torch.equal(result[:, change[0] == 0], frames[:, change[0] == 0])


def test_frames_that_nobody_makes_are_refused() -> None:
    shape = VideoShape(20, SIDE, SIDE)
    with pytest.raises(ValueError, match="frame 0 of a timeline of 20 frames"):
        Timeline(shape, 16.0, 5, start=3)
    with pytest.raises(ValueError, match="frame 17 of a timeline"):
        Timeline(shape, 16.0, 5)
    begun = extended_forward(torch.zeros(20, SIDE, SIDE, 3), 8, 16.0, context=9)
    hole = torch.ones(1, SIDE, SIDE)
    with pytest.raises(ValueError, match=r"frame 2 .* more context"):
        with_frames(begun, torch.zeros(1, SIDE, SIDE, 3), 2, hole)
    with pytest.raises(ValueError, match="Fit Video"):
        Timeline(shape._replace(frames=17), 16.0, 5, pieces=(Piece(torch.zeros(1, 8, 8, 3)),))


def test_a_rough_animation_moves_under_a_lower_ceiling_than_what_is_around_it():
    """A place belongs to what moves if any pixel of its patch does in any frame behind it."""
    rough = torch.rand(9, 32, 48, 3, generator=torch.Generator().manual_seed(1))
    moving = torch.zeros(9, 32, 48, dtype=torch.bool)
    moving[0, 2:6, 2:6] = True
    moving[3, 20, 30] = True
    moving[5:, 20, 47] = True
    timeline = dragged(rough, moving, 16.0, change=0.5, change_around=0.9)

    def zeros(frames):
        return torch.zeros(1, CHANNELS, len(frames[::4]), 4, 6)

    ceiling = latent_of(timeline, zeros, CHANNELS)["noise_ceiling"][0, 0, :, ::2, ::2]
    assert ceiling[0].eq(0).all()
    assert torch.allclose(ceiling[1], torch.tensor([[0.9, 0.9, 0.9], [0.9, 0.5, 0.9]]))
    assert torch.allclose(ceiling[2], torch.tensor([[0.9, 0.9, 0.9], [0.9, 0.9, 0.5]]))
    assert timeline.given(0) is True
    assert torch.equal(timeline.pixels(0), rough[0])
    assert len(timeline.stretch) == 9


def test_a_larger_frame_keeps_the_clip_in_its_place():
    given = clip(5)
    timeline = outpainted(given, 16.0, left=32, top=16, right=0, bottom=48)
    assert timeline.shape == (5, 80, 48)
    result = assembled(timeline, torch.full((5, 80, 48, 3), MARK))
    assert torch.equal(result[:, 16:32, 32:], given)
    mask = latent_of(timeline, encode_pixels, CHANNELS)["noise_mask"][0, 0, 0]
    made = torch.ones(10, 6)
    made[2:4, 4:] = 0
    assert torch.equal(mask, made)


def encode_pixels(frames: torch.Tensor) -> torch.Tensor:
    return torch.zeros(
        1, CHANNELS, 1 + len(frames) // 4, *(side // 8 for side in frames.shape[1:3])
    )


@pytest.mark.parametrize(("first", "held"), [(0, False), (8, True)])
def test_a_picture_is_held_for_its_latent_frame(first, held):
    empty = fresh(VideoShape(17, SIDE, SIDE), 16.0)
    placed = with_frames(empty, clip(1, 700), first)
    (piece,) = placed.pieces
    assert (piece.start, piece.held) == (first, held)
    shown = [each for each in placed.shown(first // 4) if each is not None]
    assert len(shown) == (4 if held else 1)


PLACED = {
    "amid": (17, 8, 1, [1, 1, 0.8, 1, 1]),
    "first frame": (17, 0, 1, [0, 1, 1, 1, 1]),
    "last frame": (17, 16, 1, [1, 1, 1, 1, 0.8]),
    "beside cropped frames": (18, 17, 1, [1, 1, 1, 1, 1, 0]),
    "three of four frames": (17, 10, 3, [1, 1, 1, 0.8, 1]),
    "up to cropped frames": (18, 15, 3, [1, 1, 1, 1, 0.8, 0]),
    "across latent frames": (17, 4, 3, [1, 0.8, 0.8, 1, 1]),
    "a whole latent frame": (17, 4, 7, [1, 1, 0, 1, 1]),
    "exactly one latent frame": (17, 5, 4, [1, 1, 0, 1, 1]),
}
"""By name: length of the result, first and number of the frames, and the ceilings they give."""


def test_only_generated_frames_that_an_image_stands_in_for_may_change():
    for name, (length, first, count, wanted) in PLACED.items():
        given = clip(count, 700)
        placed = with_frames(fresh(VideoShape(length, SIDE, SIDE), 16.0), given, first)
        assert torch.equal(
            ceilings_of(latent_of(placed, encode, CHANNELS)), torch.tensor(wanted)
        ), name
        result = assembled(placed, torch.full((len(placed.stretch), SIDE, SIDE, 3), MARK), fade=0)
        assert torch.equal(result[first : first + count], given), name
        others = [frame for frame in range(length) if not first <= frame < first + count]
        assert result[others].eq(MARK).all(), name
        assert [placed.given(frame) for frame in others] == [False] * len(others), name


def test_frames_beside_an_image_in_a_loop_may_change():
    """Its first latent frame covers four frames, too."""
    ring = Timeline(VideoShape(8, SIDE, SIDE), 16.0, 2, loop=True)
    for first, wanted in ((0, [0.8, 1]), (7, [1, 0.8])):
        latent = latent_of(with_frames(ring, clip(1), first), encode_pixels, CHANNELS)
        assert torch.equal(ceilings_of(latent), torch.tensor(wanted))


def test_parts_of_an_image_that_may_change_more_than_its_copies_do():
    change = torch.tensor([0.0, 0.5, 0.9, 1.0]).repeat_interleave(SIDE)[None, None]
    image = torch.rand(1, SIDE, 4 * SIDE, 3, generator=torch.Generator().manual_seed(0))
    empty = fresh(VideoShape(9, SIDE, 4 * SIDE), 16.0)
    placed = with_frames(empty, image, 6, change.expand(1, SIDE, -1))
    latent = latent_of(placed, encode_pixels, CHANNELS)
    wanted = torch.tensor([0.8, 0.8, 0.9, 1.0]).repeat_interleave(2).expand(2, -1)
    assert torch.equal(latent["noise_ceiling"][0, 0, 2], wanted)
    kept = torch.tensor([0.0, 1, 1, 1]).repeat_interleave(2).expand(2, -1)
    assert torch.equal(latent["noise_mask"][0, 0, 2], kept)
    result = assembled(placed, torch.full((9, SIDE, 4 * SIDE, 3), MARK))
    assert torch.equal(result[6, :, :SIDE], image[0, :, :SIDE])


def test_a_mask_that_replaces_the_timelines_own_stays():
    placed = with_frames(fresh(VideoShape(9, SIDE, SIDE), 16.0), clip(1), 6)
    latent = latent_of(placed, encode, CHANNELS)
    for mask in (torch.zeros(1, 1, SIDE, SIDE), None):
        other = {**latent, "noise_mask": mask}
        assert softened(other) is other


def test_frames_behind_the_end_are_left_out():
    empty = fresh(VideoShape(9, SIDE, SIDE), 16.0)
    change = torch.zeros(6, SIDE, SIDE)
    (piece,) = with_frames(empty, clip(6), 5, change).pieces
    assert len(piece.frames) == len(piece.change) == 4
