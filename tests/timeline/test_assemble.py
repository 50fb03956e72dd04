"""Given pixels come back untouched, and the VAE's residual fades out beside them."""

import math

import pytest
import torch

from spacetime_video.media import FrameStream
from spacetime_video.models.shapes import Compression, VideoShape
from spacetime_video.timeline import Piece, Timeline, assembled
from spacetime_video.timeline.plans import connected, edited

SIDE = 16


def flat(frames: int, value: float) -> torch.Tensor:
    return torch.full((frames, SIDE, SIDE, 3), value)


def values(frames: torch.Tensor) -> list[float]:
    return [round(each, 4) for each in frames[:, 0, 0, 0].tolist()]


def test_the_residual_fades_out_on_both_sides() -> None:
    timeline = connected(flat(5, 0.5), flat(5, 0.2), 8, 16.0, context=5)
    decoded = flat(len(timeline.stretch), 0.4)
    result = assembled(timeline, decoded, fade=3)
    shares = [(1 + math.cos(math.pi * step / 4)) / 2 for step in (1, 2, 3)]
    before = [0.4 + share * 0.1 for share in shares]
    after = [0.4 - share * 0.2 for share in reversed(shares)]
    assert values(result[5:13]) == pytest.approx([*before, 0.4, 0.4, *after], abs=1e-4)
    assert values(assembled(timeline, decoded, fade=0)[5:13]) == pytest.approx([0.4] * 8)


def test_where_the_image_changes_the_residual_fades_out_sooner() -> None:
    timeline = connected(flat(5, 0.5), flat(5, 0.2), 20, 16.0, context=5)
    decoded = flat(len(timeline.stretch), 0.4)
    moves = slice(SIDE // 2, None)
    decoded[5:, :, moves] = 0.8
    result = assembled(timeline, decoded, fade=8)
    shares = [(1 + math.cos(math.pi * step / 5)) / 2 for step in (1, 2, 3, 4)]
    faded = [0.8 + share * 0.1 for share in shares]
    assert values(result[5:11, :, SIDE - 1 :]) == pytest.approx([*faded, 0.8, 0.8], abs=1e-4)
    assert values(result[5:14])[-1] == pytest.approx(0.4)
    assert min(values(result[5:13])) > 0.4


def test_in_a_short_gap_the_residuals_are_shared() -> None:
    timeline = connected(flat(5, 0.5), flat(8, 0.5), 2, 16.0, context=5)
    result = assembled(timeline, flat(len(timeline.stretch), 0.4), fade=8)
    assert values(result) == pytest.approx([0.5] * 15)


def test_a_loop_fades_into_its_beginning() -> None:
    timeline = Timeline(
        VideoShape(16, SIDE, SIDE), 16.0, 4, pieces=(Piece(flat(8, 0.5)),), loop=True
    )
    result = assembled(timeline, flat(16, 0.4), fade=1)
    assert values(result[8:]) == pytest.approx([0.45, *[0.4] * 6, 0.45])


def test_the_residual_is_spread_into_what_is_made_of_a_picture() -> None:
    change = torch.zeros(1, SIDE, SIDE)
    change[:, 4:8, 4:8] = 1
    timeline = edited(flat(5, 0.5), 16.0, change=change)
    assert values(assembled(timeline, flat(5, 0.4))[:, 5:, 5:]) == pytest.approx([0.5] * 5)


def test_a_stream_stays_a_stream_and_is_read_no_further_than_needed() -> None:
    timeline = connected(flat(9, 0.5), flat(33, 0.2), 8, 16.0, context=33)
    read: list[int] = []

    def make():
        for number in range(len(timeline.stretch)):
            read.append(number)
            yield flat(1, 0.4)

    stream = FrameStream((len(timeline.stretch), SIDE, SIDE, 3), make)
    result = assembled(timeline, stream)
    assert isinstance(result, FrameStream)
    assert len(result) == 50
    whole = torch.cat(list(result.chunks()))
    assert torch.equal(whole, assembled(timeline, flat(len(timeline.stretch), 0.4)))
    assert len(read) < 9 + 8 + 18, "what is given far behind the last made frame is not decoded"


def test_other_frames_than_were_sampled_are_refused() -> None:
    timeline = connected(flat(5, 0.5), flat(5, 0.2), 8, 16.0, context=5)
    with pytest.raises(ValueError, match="decode the latent that was sampled"):
        assembled(timeline, flat(3, 0.4))


def test_a_loop_is_the_same_wherever_it_begins():
    decoded = torch.rand(16, 2, 2, 3, generator=torch.Generator().manual_seed(0)) * 0.5 + 0.25
    given = torch.rand(2, 2, 2, 3, generator=torch.Generator().manual_seed(1))
    results = []
    for start in range(15):
        timeline = Timeline(
            VideoShape(16, 2, 2), 16.0, 4, pieces=(Piece(given, start),), loop=True,
            compression=Compression(time=4, space=1),
        )  # fmt: skip
        results.append(assembled(timeline, decoded.roll(start, 0)).roll(-start, 0))
    for start, result in enumerate(results):
        torch.testing.assert_close(result, results[0], msg=str(start))
