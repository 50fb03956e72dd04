"""Files that are not videos, and options that no video takes."""

import random

import pytest
import torch

from spacetime_video.media import MediaError, probe_video, read_video, write_video

from .videos import ramp, read_all


def test_missing_empty_and_folder(tmp_path):
    (tmp_path / "empty.mp4").touch()
    for name, reason in [
        ("none.mp4", "does not exist"),
        ("empty.mp4", "empty"),
        ("", "not a file"),
    ]:
        for use in (probe_video, read_all):
            with pytest.raises(MediaError, match=reason):
                use(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("text.txt", b"hello\n" * 100),
        ("text.mp4", b"hello\n" * 100),
        ("list.mp4", b"ffconcat version 1.0\nfile other.mp4\n"),
        ("list.m3u8", b"#EXTM3U\n#EXTINF:1,\nother.ts\n"),
    ],
)
def test_other_files_are_not_videos(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(MediaError, match="cannot be read as a video"):
        probe_video(tmp_path / name)


def test_damaged_files_give_frames_or_one_error(clip, tmp_path):
    whole = clip.read_bytes()
    rng = random.Random(0)
    damaged = [whole[: int(len(whole) * part)] for part in (0.02, 0.3, 0.6, 0.9, 0.99)]
    damaged += [rng.randbytes(size) for size in (1, 100, 5000)]
    damaged += [whole[:40] + rng.randbytes(1000)]
    for _ in range(20):
        flipped = bytearray(whole)
        for _ in range(20):
            flipped[rng.randrange(len(whole))] = rng.randrange(256)
        damaged.append(bytes(flipped))
    errors = 0
    for content in damaged:
        (tmp_path / "damaged.mp4").write_bytes(content)
        for use in (probe_video, read_all):
            try:
                use(tmp_path / "damaged.mp4")
            except MediaError:
                errors += 1
    assert errors >= 16  # at least the truncated and the random ones


@pytest.mark.parametrize("options", [{"start": -1}, {"start": float("nan")}, {"chunk": 0}])
def test_reading_refuses_bad_options_at_once(clip, options):
    with pytest.raises(ValueError, match="use"):
        read_video(clip, **options)


@pytest.mark.parametrize("fps", [0, -1, float("nan"), float("inf"), 1e9, 1e-9])
def test_bad_frame_rates(clip, fps):
    with pytest.raises(ValueError, match="frames per second"):
        read_video(clip, fps=fps)


@pytest.mark.parametrize(
    ("frames", "reason"),
    [
        ([], "no frames"),
        ([torch.zeros(0, 8, 8, 3)], "no frames"),
        ([torch.zeros(8, 8, 4)], r"use \(H, W, 3\)"),
        ([torch.zeros(8, 8)], r"use \(H, W, 3\)"),
        ([torch.full((8, 8, 3), float("nan"))], "not finite"),
    ],
)
def test_writing_refuses(tmp_path, frames, reason):
    with pytest.raises(ValueError, match=reason):
        write_video(tmp_path / "a.mp4", frames, fps=8)
    assert list(tmp_path.iterdir()) == []


def test_bad_quality(tmp_path):
    with pytest.raises(ValueError, match="crf"):
        write_video(tmp_path / "a.mp4", [ramp(1)], fps=8, crf=99)
