"""Small pictures of files of all kinds."""

import numpy as np
import pytest
import torch
from PIL import Image

from spacetime_video.media import MediaError, write_video
from spacetime_video.media.thumbnails import image_thumbnail, video_thumbnail

SIDE = 32


def colour(picture):
    return np.asarray(picture, dtype=float).mean(axis=(0, 1)).round()


def test_pictures_of_every_form_keep_their_shape_and_colour(tmp_path):
    red, clear = (200, 40, 40), (200, 40, 40, 0)
    grey = np.full((64, 128), 40 << 8, dtype=np.uint16)
    pictures = {
        "rgb.png": (Image.new("RGB", (128, 64), red), red),
        "palette.gif": (Image.new("RGB", (128, 64), red).quantize(2), red),
        "clear.png": (Image.new("RGBA", (128, 64), clear), (127, 127, 127)),
        "grey16.png": (Image.fromarray(grey), (40, 40, 40)),
        "large.jpg": (Image.new("RGB", (1280, 640), red), red),
        "bilevel.png": (Image.new("1", (128, 64), 1), (255, 255, 255)),
    }
    wrong = {}
    for name, (picture, wanted) in pictures.items():
        picture.save(tmp_path / name)
        small = image_thumbnail(tmp_path / name, SIDE)
        if small.size != (32, 16) or np.abs(colour(small) - wanted).max() > 3:
            wrong[name] = (small.size, colour(small))
    assert wrong == {}


def test_a_picture_stands_upright(tmp_path):
    lying = Image.new("RGB", (128, 64))
    exif = lying.getexif()
    exif[0x0112] = 6  # turned by a quarter
    lying.save(tmp_path / "lying.jpg", exif=exif)
    assert image_thumbnail(tmp_path / "lying.jpg", SIDE).size == (16, 32)


def test_a_video_is_its_first_frame(tmp_path):
    frames = torch.zeros(5, 64, 128, 3)
    frames[0] = torch.tensor([0.8, 0.2, 0.2])
    write_video(tmp_path / "clip.mp4", frames, fps=8)
    small = video_thumbnail(tmp_path / "clip.mp4", SIDE)
    assert small.size == (32, 16)
    assert np.abs(colour(small) - [204, 51, 51]).max() < 6


def test_a_broken_file_is_told(tmp_path):
    for name, make in (("a.png", image_thumbnail), ("a.mp4", video_thumbnail)):
        (tmp_path / name).write_bytes(b"no picture")
        with pytest.raises(MediaError):
            make(tmp_path / name, SIDE)
