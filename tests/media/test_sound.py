"""Sound of files: what is written comes back, in its place."""

from fractions import Fraction

import av
import numpy as np
import pytest
import torch

from spacetime_video.media import Sound, write_video
from spacetime_video.media.sound import read_sound, resampled

from .videos import ramp

RATE = 48000


def clicks(seconds=3.0, channels=2, rate=RATE):
    """A short tone at the middle of each second, of another pitch in each channel."""
    time = torch.arange(round(seconds * rate)) / rate
    pitch = torch.arange(1, channels + 1)[:, None] * 500
    return Sound(
        0.5 * torch.sin(time * pitch * 2 * torch.pi) * ((time % 1 - 0.5).abs() < 0.05), rate
    )


def middles(sound):
    """Where each tone's energy lies, in seconds, by the first channel."""
    power = sound.samples[0] ** 2
    time = torch.arange(len(power)) / sound.rate
    seconds = range(len(power) // sound.rate)
    parts = [slice(second * sound.rate, (second + 1) * sound.rate) for second in seconds]
    return [float((power[part] * time[part]).sum() / power[part].sum()) for part in parts]


@pytest.fixture(scope="module")
def sounding(tmp_path_factory):
    path = tmp_path_factory.mktemp("sound") / "clip.mp4"
    write_video(path, [ramp(frames=30)], fps=10, sound=clicks(5.0))
    return path


def test_sound_comes_back_in_its_place_and_ends_with_the_pictures(sounding):
    sound = read_sound(sounding, duration=3.0)
    assert sound.rate == RATE
    assert sound.samples.shape == (2, 3 * RATE)
    assert middles(sound) == pytest.approx([0.5, 1.5, 2.5], abs=1e-3)
    assert (sound.samples - clicks().samples).abs().max() < 0.05
    with av.open(str(sounding)) as file:
        assert file.streams.audio[0].duration * file.streams.audio[0].time_base < 3.1


def test_a_stretch_is_read_and_filled_with_silence(sounding):
    sound = read_sound(sounding, start=1.25, duration=3.0)
    assert middles(sound)[:1] == pytest.approx([0.25], abs=1e-3)
    assert not sound.samples[:, -RATE:].any()


def test_the_same_sound_gives_the_same_bytes_beside_its_pictures(tmp_path, sounding):
    again = tmp_path / "again.mp4"
    write_video(again, [ramp(frames=30)], fps=10, sound=clicks(5.0))
    assert again.read_bytes() == sounding.read_bytes()
    with av.open(str(again)) as file:
        kinds = [packet.stream.type for packet in file.demux() if packet.size]
    assert kinds.index("audio") < 10
    assert "audio" in kinds[-20:]


@pytest.mark.parametrize(("channels", "rate"), [(1, 44100), (6, 48000), (2, 37000)])
def test_other_rates_and_numbers_of_channels(tmp_path, channels, rate):
    path = tmp_path / "clip.mp4"
    write_video(path, [ramp(frames=20)], fps=10, sound=clicks(2.0, channels, rate))
    sound = read_sound(path, duration=2.0)
    assert len(sound.samples) == channels
    assert middles(sound) == pytest.approx([0.5, 1.5], abs=2e-3)


def test_sound_that_begins_before_the_pictures_is_cut_and_later_one_is_padded(tmp_path):
    for name, late in (("late.mkv", 5), ("early.mkv", -5)):
        path = tmp_path / name
        with av.open(str(path), "w") as output:
            pictures = output.add_stream("libx264", rate=10)
            pictures.width, pictures.height = 32, 16
            track = output.add_stream("pcm_s16le", rate=8000, layout="mono")
            for index in range(20):
                frame = av.VideoFrame.from_ndarray(np.zeros((16, 32, 3), np.uint8), format="rgb24")
                frame.pts, frame.time_base = index + max(0, -late), Fraction(1, 10)
                output.mux(pictures.encode(frame))
            loud = av.AudioFrame.from_ndarray(np.full((1, 8000), 16000, np.int16), layout="mono")
            loud.sample_rate, loud.time_base = 8000, Fraction(1, 8000)
            loud.pts = max(0, late) * 800
            output.mux(track.encode(loud))
            output.mux(track.encode(None))
            output.mux(pictures.encode(None))
        heard = read_sound(path, duration=2.0).samples[0].abs() > 0.3
        first, last = (0, 4000) if late < 0 else (4000, 12000)
        assert heard[first:last].float().mean() > 0.99
        assert not heard[last + 100 :].any()
        assert not heard[: max(0, first - 100)].any()


def test_a_file_without_sound_has_none(clip):
    assert read_sound(clip, duration=1.0) is None


def test_a_few_samples_are_resampled():
    for rate, new in ((8000, 44100), (44100, 8000)):
        for count in (0, 1, 20, 300):
            made = resampled(torch.ones(2, count), rate, new)
            assert made.shape == (2, round(count * new / rate)), (rate, count)
    assert float(made.max()) > 0.5


def test_what_no_file_holds_is_refused():
    with pytest.raises(ValueError, match=r"use \(channels, samples\) with 1 \(mono\), 2"):
        Sound(torch.zeros(3, 100), RATE)
    with pytest.raises(ValueError, match="a sample rate of 0"):
        Sound(torch.zeros(1, 100), 0)
    with pytest.raises(ValueError, match="NaN or infinite samples"):
        Sound(torch.full((1, 100), torch.nan), RATE)


def test_all_of_a_sound_is_read_where_no_duration_is_given(tmp_path, sounding):
    whole = read_sound(sounding)
    assert 0 <= whole.samples.shape[1] - 3 * RATE < 2048  # what fills the last packet
    assert torch.equal(whole.samples[:, : 3 * RATE], read_sound(sounding, duration=3.0).samples)
    path = tmp_path / "quiet.mp4"
    write_video(path, [ramp(frames=3)], fps=10, sound=Sound(torch.zeros(1, 0), RATE))
    assert read_sound(path) is None


def test_damaged_sound_is_silent_where_it_is_lost(tmp_path, sounding, caplog):
    path = tmp_path / "damaged.mp4"
    with av.open(str(sounding)) as file:
        packets = [(each.pos, each.size) for each in file.demux(file.streams.audio[0]) if each.size]
    data = bytearray(sounding.read_bytes())
    for place, size in packets[20:30]:
        data[place : place + size] = b"\xff" * size
    path.write_bytes(data)
    heard, whole = read_sound(path, duration=3.0), read_sound(sounding, duration=3.0)
    assert caplog.text.count("is damaged: lost parts are silent") == 1
    lost = slice(22 * 1024, 28 * 1024)  # holds the tone of the first second
    assert whole.samples[:, lost].abs().max() > 0.4
    assert heard.samples[:, lost].abs().max() < 0.01
    later = slice(32 * 1024, None)
    assert torch.equal(heard.samples[:, later], whole.samples[:, later])


@pytest.mark.parametrize(("layout", "channels", "mixed"), [("quad", 4, 2), ("7.1", 8, 6)])
def test_channels_that_are_not_written_are_mixed_down(tmp_path, layout, channels, mixed):
    path = tmp_path / "many.mkv"
    with av.open(str(path), "w") as output:
        pictures = output.add_stream("libx264", rate=10)
        pictures.width, pictures.height = 32, 16
        track = output.add_stream("pcm_s16le", rate=8000, layout=layout)
        frame = av.VideoFrame.from_ndarray(np.zeros((16, 32, 3), np.uint8), format="rgb24")
        output.mux(pictures.encode(frame))
        left = np.zeros((4000, channels), np.int16)
        left[:, 0] = 8192
        loud = av.AudioFrame.from_ndarray(left.reshape(1, -1), layout=layout)
        loud.sample_rate = 8000
        output.mux(track.encode(loud))
        output.mux(track.encode(None))
        output.mux(pictures.encode(None))
    heard = read_sound(path).samples
    assert heard.shape == (mixed, 4000)
    assert heard[0] == pytest.approx(0.25, abs=1e-3)
    assert not heard[1:].any()
