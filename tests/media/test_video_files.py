"""Writing and reading videos: colours, sizes, rates, bytes, time stamps and rotations."""

import ctypes
import json
import sys
import time
from fractions import Fraction

import av
import numpy as np
import pytest
import torch

from spacetime_video.media import MediaError, probe_video, read_video, to_frame_rate, write_video

from .videos import ramp, read_all, turned_clockwise, write_at

MALLOPT_PERTURB = -6
"""glibc's M_PERTURB: the byte that freshly allocated memory is filled with."""


def test_frames_come_back(clip):
    video = read_all(clip)
    assert video.shape == (30, 32, 48, 3)
    assert video.dtype == torch.float32
    assert (video - ramp(frames=30)).abs().mean() < 0.01


def test_chunks_are_one_stream(clip):
    chunks = list(read_video(clip, chunk=7))
    assert [len(c) for c in chunks] == [7, 7, 7, 7, 2]
    assert torch.equal(torch.cat(chunks), read_all(clip))


def test_writing_takes_any_chunks(tmp_path):
    video = ramp(frames=6)
    write_video(tmp_path / "whole.mp4", [video], fps=8)
    write_video(tmp_path / "chunks.mp4", iter([video[:1], video[1], video[2:]]), fps=8)
    assert (tmp_path / "whole.mp4").read_bytes() == (tmp_path / "chunks.mp4").read_bytes()


def test_frames_are_taken_as_they_come(tmp_path):
    def endless():
        yield from ramp(frames=4)
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        write_video(tmp_path / "a.mp4", endless(), fps=8)
    assert list(tmp_path.iterdir()) == []


def test_an_error_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.mp4"
    write_video(path, [ramp(frames=2)], fps=8)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="all frames of a video must have one size"):
        write_video(path, [ramp(frames=2), ramp(frames=2, height=64)], fps=8)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_interruption_leaves_nothing(tmp_path):
    def interrupted():
        yield ramp(frames=1)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_video(tmp_path / "a.mp4", interrupted(), fps=8)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("colour", [(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (0.2, 0.5, 0.7)])
def test_flat_colours_survive(tmp_path, colour):
    frame = torch.tensor(colour, dtype=torch.float32).expand(32, 32, 3)
    write_video(tmp_path / "a.mp4", [frame] * 3, fps=8)
    error = (read_all(tmp_path / "a.mp4") - frame).abs().max()
    assert error <= 4 / 255


def test_colour_is_tagged(clip):
    with av.open(str(clip)) as container:
        codec = container.streams.video[0].codec_context
        assert (codec.color_primaries, codec.color_trc, codec.colorspace) == (1, 1, 1)
        assert codec.color_range == 1


def test_same_frames_same_bytes(tmp_path):
    tags = {"prompt": json.dumps({"1": "ü"}), "workflow": "{}"}
    write_video(tmp_path / "a.mp4", [ramp(height=256)], fps=8, metadata=tags)
    time.sleep(1.1)
    write_video(tmp_path / "other" / "name.mp4", [ramp(height=256)], fps=8, metadata=tags)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "other" / "name.mp4").read_bytes()


@pytest.mark.skipif(sys.platform != "linux", reason="fills fresh memory by glibc's mallopt")
def test_bytes_do_not_depend_on_what_memory_held(tmp_path):
    generator = torch.Generator().manual_seed(0)
    noise = torch.rand(9, 3, 12, 12, generator=generator)
    smooth = torch.nn.functional.interpolate(noise, size=(64, 64), mode="bilinear")
    libc = ctypes.CDLL(None)
    written = []
    try:
        for garbage in (1, 85):
            libc.mallopt(MALLOPT_PERTURB, garbage)
            write_video(tmp_path / "a.mp4", [smooth.movedim(1, -1)], fps=8)
            written.append((tmp_path / "a.mp4").read_bytes())
    finally:
        libc.mallopt(MALLOPT_PERTURB, 0)
    assert written[0] == written[1]


def test_metadata_comes_back_without_dates(tmp_path):
    tags = {"prompt": json.dumps({"1": "ü" * 5000}), "workflow": json.dumps({"nodes": []})}
    write_video(tmp_path / "a.mp4", [ramp(2)], fps=8, metadata=tags)
    with av.open(str(tmp_path / "a.mp4")) as container:
        metadata = dict(container.metadata)
    assert {key: metadata[key] for key in tags} == tags
    assert "creation_time" not in metadata
    assert probe_video(tmp_path / "a.mp4").metadata == metadata


def test_odd_sizes_are_padded_by_their_edge(tmp_path):
    video = ramp(2, 33, 47)
    written = write_video(tmp_path / "a.mp4", [video], fps=8)
    assert (written.frames, written.height, written.width) == (2, 34, 48)
    back = read_all(tmp_path / "a.mp4")
    assert back.shape == (2, 34, 48, 3)
    assert (back[:, :33, :47] - video).abs().max() < 0.05
    assert (back[:, 33] - back[:, 32]).abs().max() < 0.02


@pytest.mark.parametrize("fps", [Fraction(24000, 1001), 8, 29.97, 60, 0.5])
def test_frame_rate_comes_back(tmp_path, fps):
    write_video(tmp_path / "a.mp4", [ramp(5)], fps=fps)
    info = probe_video(tmp_path / "a.mp4")
    assert info.fps == to_frame_rate(fps)
    assert info.frames == 5


def test_probe(clip):
    info = probe_video(clip)
    assert (info.width, info.height, info.frames, info.fps) == (48, 32, 30, 10)
    assert info.metadata["prompt"] == '{"1": {}}'
    assert not info.has_audio
    assert info.rotation == 0


@pytest.mark.parametrize(("start", "first"), [(0.1, 1), (0.7, 7), (1.25, 12), (2.9, 29)])
def test_start_is_the_frame_on_screen(clip, start, first):
    whole = read_all(clip)
    assert torch.equal(read_all(clip, start=start), whole[first:])


def test_start_and_count(clip):
    assert torch.equal(read_all(clip, start=1.0, frames=5, chunk=2), read_all(clip)[10:15])


def test_start_seeks_between_key_frames(tmp_path):
    path = tmp_path / "long.mp4"
    write_video(path, [ramp(frames=600, height=16, width=16)], fps=30)
    whole = read_all(path)
    assert torch.equal(read_all(path, start=18.0), whole[540:])


def test_start_after_the_end(clip):
    with pytest.raises(MediaError, match="holds no video frame from 3 s on"):
        list(read_video(clip, start=3.0))


@pytest.mark.parametrize(
    ("fps", "expected"),
    [
        (10, list(range(30))),
        (5, list(range(0, 30, 2))),
        (20, [i // 2 for i in range(60)]),
        (4, [0, 2, 5, 7, 10, 12, 15, 17, 20, 22, 25, 27]),
    ],
)
def test_resampling_takes_the_frame_on_screen(clip, fps, expected):
    assert torch.equal(read_all(clip, fps=fps), read_all(clip)[expected])


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_variable_rate_becomes_regular(tmp_path, suffix):
    path = tmp_path / f"variable.{suffix}"
    write_at(path, [0, 1, 2, 6, 7, 12])
    shown = [0, 1, 2, 2, 2, 2, 3, 4, 4, 4, 4, 4, 5]
    grey = (read_all(path, fps=10)[:, 0, 0, 0] * 255 / 20).round().tolist()
    assert grey[: len(shown)] == shown
    assert len(read_all(path)) == 6
    later = (read_all(path, fps=10, start=0.3)[:, 0, 0, 0] * 255 / 20).round().tolist()
    assert later[:3] == [2, 2, 2]


def test_rounded_time_stamps_repeat_nothing(tmp_path):
    path, rate = tmp_path / "ntsc.mkv", Fraction(24000, 1001)
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = 16, 16, "yuv420p"
        for index in range(100):
            grey = np.full((16, 16, 3), index * 2, np.uint8)
            output.mux(stream.encode(av.VideoFrame.from_ndarray(grey, format="rgb24")))
        output.mux(stream.encode(None))
    assert torch.equal(read_all(path, fps=rate), read_all(path))
    assert torch.equal(read_all(path, start=50 * 1001 / 24000), read_all(path)[50:])


def test_damaged_time_stamps_do_not_make_endless_frames(tmp_path):
    write_at(tmp_path / "jump.mkv", [0, 1, 10**6])
    assert len(read_all(tmp_path / "jump.mkv")) == 3
    with pytest.raises(MediaError, match="timestamps jump"):
        read_all(tmp_path / "jump.mkv", fps=10)


@pytest.mark.parametrize("codec", ["libx264", "ffv1", "mpeg4"])
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv422p10le", "yuv444p"])
def test_pixel_formats_become_rgb(tmp_path, codec, pix_fmt):
    if codec == "mpeg4" and pix_fmt != "yuv420p":
        pytest.skip("MPEG-4 part 2 has one format")
    write_at(tmp_path / "a.mkv", range(4), codec=codec, pix_fmt=pix_fmt)
    grey = read_all(tmp_path / "a.mkv")[:, 0, 0] * 255
    assert (grey - 20 * torch.arange(4.0)[:, None]).abs().max() <= 4


def test_camera_rotation_is_applied(tmp_path):
    path = tmp_path / "portrait.mp4"
    frame = torch.zeros(16, 32, 3)
    frame[:, :16, 0] = 1.0  # the left half is red
    write_video(path, [frame] * 2, fps=8)
    path.write_bytes(turned_clockwise(path.read_bytes()))
    info = probe_video(path)
    assert (info.width, info.height, info.rotation) == (16, 32, 270)
    video = read_all(path)
    assert video.shape == (2, 32, 16, 3)
    assert video[:, :12, :, 0].min() > 0.9  # the left half is the top when turned clockwise
    assert video[:, 20:, :, 0].max() < 0.1
