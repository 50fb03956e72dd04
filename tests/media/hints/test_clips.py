"""Clips and streams: the same hints bit for bit, nothing held, and clear errors."""

from functools import partial

import pytest
import torch

from spacetime_video.media import FrameStream
from spacetime_video.media.hints import (
    CannyOptions,
    LineOptions,
    canny_edges,
    flow_pictures,
    hint_frames,
    line_art,
    low_detail,
    luminance,
    optical_flow,
    soft_edges,
)


def quiet(done):
    pass


def per_frame(hint):
    return lambda frames, tick=quiet: hint_frames(frames, hint, tick)


def flow(frames, tick=quiet):
    return flow_pictures(optical_flow(frames, tick), 2.0)


HINTS = {
    "canny": per_frame(partial(canny_edges, options=CannyOptions())),
    "soft": per_frame(partial(soft_edges, softness=1, strength=2)),
    "lines": per_frame(partial(line_art, options=LineOptions())),
    "luminance": per_frame(luminance),
    "tile": per_frame(partial(low_detail, how="tile", factor=4)),
    "blur": per_frame(partial(low_detail, how="blur", factor=4)),
    "flow": flow,
}
every_hint = pytest.mark.parametrize("make", HINTS.values(), ids=HINTS)


def clip(frames=5, channels=3):
    generator = torch.Generator().manual_seed(0)
    return torch.rand(frames, 22, 19, channels, generator=generator)


class Source:
    """A stream in chunks of 2, 1, 2, ... frames that counts what has been read."""

    def __init__(self, frames):
        self.frames, self.read = frames, 0
        self.stream = FrameStream(frames.shape, self.chunks)

    def chunks(self):
        for part in self.frames.split([2, 1, 2][: len(self.frames)]):
            self.read += len(part)
            yield part


@every_hint
def test_a_stream_gives_what_the_whole_clip_gives(make):
    frames = clip()
    whole = make(frames)
    assert isinstance(whole, torch.Tensor)
    assert (whole.shape, whole.dtype) == ((5, 22, 19, 3), torch.float32)
    assert 0 <= whole.min() < whole.max() <= 1
    streamed = make(Source(frames).stream)
    assert isinstance(streamed, FrameStream)
    assert torch.equal(torch.cat(list(streamed.chunks())), whole)
    assert torch.equal(streamed.whole(), make(frames))


@every_hint
def test_frames_of_a_stream_are_read_as_hints_are(make):
    source = Source(clip())
    made = make(source.stream)
    assert source.read == 0
    chunks, most = made.chunks(), []
    for number, _ in enumerate(chunks, 1):
        most.append(source.read - number)
    assert max(most) <= 2
    assert source.read == 5


@every_hint
def test_ticks_count_the_frames_and_end_the_work(make):
    seen = []
    make(clip(3), seen.append)
    assert seen in ([1, 2, 3], [1, 2])

    def stop(done):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make(clip(3), stop)


@every_hint
def test_one_frame_grey_transparent_half_precise_and_out_of_range(make):
    assert make(clip(1)).shape == (1, 22, 19, 3)
    grey = clip(2, 1)
    torch.testing.assert_close(make(grey), make(grey.expand(-1, -1, -1, 3)), atol=2e-5, rtol=0)
    assert torch.equal(make(clip(2, 4)), make(clip(2, 4)[..., :3]))
    half = clip(2).half()
    assert torch.equal(make(half), make(half.float()))
    wild = 3 * clip(2) - 1
    assert torch.equal(make(wild), make(wild.clamp(0, 1)))


@every_hint
def test_what_is_no_clip_is_refused_at_once(make):
    for shape in ((0, 8, 8, 3), (2, 0, 8, 3), (2, 8, 8, 2), (8, 8, 3), (1, 2, 8, 8, 3)):
        with pytest.raises(ValueError, match=r"use at least one frame, \(frames, rows, columns"):
            make(torch.zeros(shape))
    with pytest.raises(ValueError, match="use at least one frame"):
        make(FrameStream((3, 8, 8, 2), lambda: iter([])))


@every_hint
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_not_finite_is_refused_with_its_frame(make, value):
    frames = clip()
    frames[3, 1, 2, 0] = value
    with pytest.raises(ValueError, match="frame 3 of the images contains values that are not"):
        make(frames)
    with pytest.raises(ValueError, match="frame 3 of the images"):
        make(Source(frames).stream).whole()
