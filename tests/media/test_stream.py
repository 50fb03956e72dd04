"""Frames that are made while they are read."""

import pytest
import torch

from spacetime_video.media import FrameStream, MediaError, frame_chunks, led_in, whole_frames

FRAMES = torch.arange(10 * 2 * 3 * 3, dtype=torch.float32).reshape(10, 2, 3, 3)
PLANES = FRAMES.permute(3, 0, 1, 2).contiguous().permute(1, 2, 3, 0)
"""The same numbers, colour by colour in memory."""


class Source:
    """Gives frames in chunks of some lengths, and counts how often it began."""

    def __init__(self, frames, *lengths):
        self.frames, self.lengths, self.begun = frames, lengths, 0

    def __call__(self):
        self.begun += 1
        yield from self.frames.split(self.lengths)


def stream(source):
    return FrameStream(source.frames.shape, source)


@pytest.mark.parametrize("lengths", [(10,), (1, 4, 5), (3, 3, 3, 1), (1,) * 10])
def test_chunks_have_the_asked_lengths_and_all_frames(lengths):
    for given in (stream(Source(FRAMES, *lengths)), FRAMES):
        parts = list(frame_chunks(given, 4, first=5))
        assert [len(part) for part in parts] == [5, 4, 1]
        assert torch.equal(torch.cat(parts), FRAMES)
        assert [len(part) for part in frame_chunks(given, 16)] == [10]


def test_the_first_chunk_comes_before_the_others_are_made():
    made = []

    def make():
        for part in FRAMES.split(2):
            made.append(len(part))
            yield part

    assert len(next(frame_chunks(FrameStream(FRAMES.shape, make), 3))) == 3
    assert made == [2, 2]


def test_whole_frames_are_made_once_and_read_from_then_on():
    source = Source(FRAMES, 4, 6)
    frames = stream(source)
    assert torch.equal(torch.cat(list(frames.chunks())), FRAMES)
    assert torch.equal(torch.cat(list(frames.chunks())), FRAMES)
    assert source.begun == 2
    assert frames.whole() is whole_frames(frames)
    assert torch.equal(frames.whole(), FRAMES)
    assert torch.equal(torch.cat(list(frames.chunks())), FRAMES)
    assert source.begun == 3
    assert whole_frames(FRAMES) is FRAMES


@pytest.mark.parametrize("frames", [FRAMES, PLANES])
def test_frames_lie_in_memory_as_their_chunks_do(frames):
    given = [part.permute(3, 0, 1, 2).contiguous() for part in frames.split(5)]
    parts = [part.permute(1, 2, 3, 0) for part in given] if frames is PLANES else frames.split(5)
    held = FrameStream(frames.shape, lambda: iter(parts))
    assert held.whole().stride() == frames.stride()
    (whole,) = frame_chunks(FrameStream(frames.shape, lambda: iter(parts)), 10)
    assert whole.stride() == frames.stride()


def test_what_no_memory_holds_whole_is_refused_before_it_is_made(monkeypatch):
    monkeypatch.setattr("spacetime_video.media.memory.free_memory", lambda: 100)
    source = Source(FRAMES, 10)
    with pytest.raises(MediaError, match=r"a clip held whole \(10 frames of 3x2\) needs"):
        stream(source).whole()
    assert source.begun == 0


@pytest.mark.parametrize("lead", [0, 3, 10, 24])
def test_a_loop_is_led_in_by_its_own_turns(lead):
    wanted = FRAMES[torch.arange(-lead, 10) % 10]
    source = Source(FRAMES, 1, 4, 5)
    for given in (stream(source), FRAMES):
        led = led_in(given, lead)
        assert led.shape == wanted.shape
        assert torch.equal(led.whole(), wanted)
    assert source.begun == 2
