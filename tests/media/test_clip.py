"""Clips are read by time stamps, piece by piece, from a file or from frames in memory."""

from fractions import Fraction
from io import BytesIO

import pytest
import torch

from spacetime_video.media import (
    FileClip,
    FrameStream,
    HeldClip,
    MediaError,
    Sound,
    probe_video,
    write_video,
)
from spacetime_video.media.fit import Size, Steps, fit_clip, fit_frames, fit_length
from spacetime_video.media.stream import picked, regrouped

from .videos import ramp, read_all, write_at

FRAMES = ramp(frames=30)


def all_of(clip, fps, start=0.0):
    parts = list(clip.frames(Fraction(fps), start))
    assert max(map(len, parts)) <= 16
    return torch.cat(parts)


def held():
    return HeldClip(FRAMES, Fraction(10))


def streamed():
    return HeldClip(FrameStream(FRAMES.shape, lambda: iter(FRAMES.split(7))), Fraction(10))


@pytest.mark.parametrize("make", [held, streamed])
@pytest.mark.parametrize(
    ("fps", "start", "numbers"),
    [
        (10, 0.0, list(range(30))),
        (10, 0.55, list(range(5, 30))),
        (5, 1.0, list(range(10, 30, 2))),
        (20, 2.5, [25, 25, 26, 26, 27, 27, 28, 28, 29, 29]),
    ],
)
def test_frames_in_memory_are_chosen_by_time(make, fps, start, numbers):
    assert torch.equal(all_of(make(), fps, start), FRAMES[numbers])
    assert make().form() == (32, 48, 30, 10)


@pytest.mark.parametrize(("fps", "start"), [(10, 0.0), (10, 1.0), (5, 1.0), (20, 2.5)])
def test_a_file_gives_the_same_frames_as_its_frames_in_memory(clip, fps, start):
    frames = HeldClip(read_all(clip), Fraction(10))
    assert torch.equal(all_of(FileClip(clip), fps, start), all_of(frames, fps, start))
    assert torch.equal(
        all_of(FileClip(BytesIO(clip.read_bytes())), fps, start), all_of(frames, fps, start)
    )


def test_a_stretch_of_a_file_begins_and_ends_where_it_was_cut(clip):
    stretch, frames = FileClip(clip, begin=0.5, duration=1.2), read_all(clip)
    assert torch.equal(all_of(stretch, 10), frames[5:17])
    assert torch.equal(all_of(stretch, 10, 0.7), frames[12:17])
    assert stretch.form() == (32, 48, 12, 10)
    assert FileClip(clip, begin=2.0, duration=9.0).form().frames == 10
    assert FileClip(clip, begin=2.0).form().frames == 10


def test_a_variable_rate_becomes_constant(tmp_path):
    path = tmp_path / "variable.mkv"
    write_at(path, [0, 1, 2, 3, 4, 9, 10, 11, 12])
    assert probe_video(path).variable
    clip = FileClip(path)
    assert len(all_of(clip, clip.form().fps)) == 13


def test_a_beginning_behind_the_end_is_refused(clip):
    for each in (held(), FileClip(clip), FileClip(clip, begin=0.0, duration=2.0)):
        with pytest.raises(MediaError, match="no video frame from 5 s on"):
            all_of(each, 10, 5.0)


def test_a_broken_video_in_memory_is_named():
    with pytest.raises(MediaError, match="the video in memory cannot be read"):
        FileClip(BytesIO(b"nothing of the kind" * 99)).form()


def test_sound_of_a_stretch(tmp_path):
    loud = Sound(torch.rand(1, 24000, generator=torch.Generator().manual_seed(0)) - 0.5, 8000)
    clip = HeldClip(FRAMES, Fraction(10), loud)
    assert torch.equal(clip.sound(1.0, 0.5).samples, loud.samples[:, 8000:12000])
    assert held().sound(0.0, 1.0) is None
    path = tmp_path / "clip.mp4"
    write_video(path, [FRAMES], fps=10, sound=loud)
    whole, part = FileClip(path).sound(0.0, 3.0), FileClip(path, begin=1.0).sound(0.5, 0.5)
    assert torch.equal(part.samples, whole.samples[:, 12000:16000])


def test_frames_are_picked_in_order_without_reading_further_than_needed():
    read = []

    def parts():
        for part in FRAMES.split(4):
            read.append(len(part))
            yield part

    numbers = [0, 0, 5, 5, 6, 11]
    assert torch.equal(torch.cat(list(picked(parts(), numbers))), FRAMES[numbers])
    assert read == [4, 4, 4]


@pytest.mark.parametrize("how", ["crop", "pad", "stretch"])
def test_fitting_piece_by_piece_is_fitting_the_whole(how):
    size = Size(48, 32)
    whole = fit_clip(FRAMES, None, range(30), 30, size, how)[0]
    parts = fit_frames(FRAMES.split(7), size, how, scaled=True)
    assert torch.equal(torch.cat(list(parts)), whole)


def test_a_length_that_fits_is_cut_or_held():
    steps = Steps(side=16, frames=4)
    assert torch.equal(torch.cat(list(fit_length(FRAMES.split(7), steps, None))), FRAMES[:29])
    assert torch.equal(torch.cat(list(fit_length([FRAMES[:1]], steps, None))), FRAMES[:1])
    assert torch.equal(torch.cat(list(fit_length(FRAMES.split(7), steps, 13))), FRAMES[:13])
    longer = torch.cat(list(fit_length(FRAMES.split(7), steps, 61)))
    assert torch.equal(longer[:30], FRAMES)
    assert len(longer) == 61
    assert torch.equal(longer[30:], FRAMES[29:].expand(31, -1, -1, -1))


def test_chunks_without_a_known_number_are_regrouped():
    assert [len(part) for part in regrouped(iter(FRAMES.split(7)), 8, first=1)] == [1, 8, 8, 8, 5]
