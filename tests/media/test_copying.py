"""Streams of a video copied into another file, without coding them anew."""

import av
import numpy as np
import pytest
import torch

from spacetime_video.media import MediaError, copy_streams, probe_video, write_video

from .videos import covered, read_all, turned_clockwise, write_at


def sounding(path, *, codec="libx264"):
    """Write ten grey frames with one second of sound."""
    with av.open(str(path), "w") as output:
        output.metadata.update({"title": "kept", "creation_time": "2001-01-01T00:00:00Z"})
        stream, sound = output.add_stream(codec, rate=10), output.add_stream("aac", rate=8000)
        stream.width, stream.height, stream.pix_fmt = 32, 16, "yuv420p"
        for index in range(10):
            grey = np.full((16, 32, 3), 20 * index, np.uint8)
            output.mux(stream.encode(av.VideoFrame.from_ndarray(grey, format="rgb24")))
        output.mux(stream.encode(None))
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.float32), "fltp", "mono")
        silence.sample_rate = 8000
        output.mux(sound.encode(silence))
        output.mux(sound.encode(None))


def test_copying_keeps_pictures_sound_and_tags(tmp_path):
    sounding(tmp_path / "a.mkv")
    for name in ("b.mp4", "c/d.mp4"):
        copy_streams(tmp_path / "a.mkv", tmp_path / name, {"prompt": "{}"})
    assert (tmp_path / "b.mp4").read_bytes() == (tmp_path / "c" / "d.mp4").read_bytes()
    info = probe_video(tmp_path / "b.mp4")
    assert info.has_audio
    assert info.metadata["prompt"] == "{}"
    assert "kept" in {info.metadata.get("title"), info.metadata.get("TITLE")}
    assert not {"creation_time", "CREATION_TIME"} & set(info.metadata)
    assert torch.equal(read_all(tmp_path / "b.mp4"), read_all(tmp_path / "a.mkv"))


def test_copying_keeps_the_rotation(tmp_path):
    path = tmp_path / "portrait.mp4"
    write_video(path, [torch.rand(16, 32, 3)] * 2, fps=8)
    path.write_bytes(turned_clockwise(path.read_bytes()))
    copy_streams(path, tmp_path / "copy.mp4")
    assert torch.equal(read_all(tmp_path / "copy.mp4"), read_all(path))


def test_copying_says_what_an_mp4_cannot_hold(tmp_path):
    write_at(tmp_path / "a.mkv", range(4), codec="libvpx")
    with pytest.raises(MediaError, match="cannot hold"):
        copy_streams(tmp_path / "a.mkv", tmp_path / "b.mp4")
    assert not (tmp_path / "b.mp4").exists()


def test_copying_nothing_is_an_error(tmp_path):
    write_at(tmp_path / "a.mkv", range(4))
    header = (tmp_path / "a.mkv").read_bytes()[:700]
    (tmp_path / "a.mkv").write_bytes(header)
    with pytest.raises(MediaError):
        copy_streams(tmp_path / "a.mkv", tmp_path / "b.mp4")
    assert not (tmp_path / "b.mp4").exists()


def test_a_copy_of_a_transport_stream_begins_at_zero(tmp_path):
    write_at(tmp_path / "a.ts", range(9))
    with av.open(str(tmp_path / "a.ts")) as given:
        assert given.start_time > 0
    copy_streams(tmp_path / "a.ts", tmp_path / "b.mp4")
    with av.open(str(tmp_path / "b.mp4")) as copy:
        [stream] = copy.streams.video
        shown = sorted(packet.pts * stream.time_base for packet in copy.demux() if packet.size)
    assert [float(second) for second in shown] == pytest.approx([n / 10 for n in range(9)])


def test_the_video_is_copied_and_not_the_cover_before_it(tmp_path):
    covered(tmp_path / "a.mp4")
    copy_streams(tmp_path / "a.mp4", tmp_path / "b.mp4")
    assert torch.equal(read_all(tmp_path / "b.mp4"), read_all(tmp_path / "a.mp4"))
