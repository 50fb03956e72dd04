"""Large and foreign pictures: opened by the formats that are meant, in little memory or not."""

import os
import shutil
import subprocess
import sys

import pytest
import torch
from PIL import Image

from spacetime_video.media import MediaError, check_room, load_image, load_images, probe_image
from spacetime_video.media.memory import free_memory
from spacetime_video.media.pixels import ROWS, to_bytes

EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n{} loop\nshowpage\n%%EOF\n"


def test_no_program_is_run_for_a_picture(tmp_path, monkeypatch):
    def refuse(*words, **_):
        raise AssertionError(words)

    monkeypatch.setattr(subprocess, "check_call", refuse)
    monkeypatch.setattr(shutil, "which", lambda name: name)
    file = tmp_path / "a.png"
    file.write_bytes(EPS)
    for read in (load_image, probe_image):
        with pytest.raises(MediaError, match="cannot be read as an image"):
            read(file)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.gif", "a.bmp", "a.tif", "a.tga"])
def test_common_formats(tmp_path, name):
    Image.new("RGB", (9, 2 * ROWS + 3), (255, 0, 0)).save(tmp_path / name)
    probe_image(tmp_path / name)
    pixels = load_image(tmp_path / name).pixels
    assert pixels.shape == (2 * ROWS + 3, 9, 3)
    assert (pixels - torch.tensor([1.0, 0.0, 0.0])).abs().max() < 0.02


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "CMYK"])
def test_bands_are_the_whole(tmp_path, mode):
    levels = torch.randint(0, 256, (ROWS + 9, 5, 4), generator=torch.manual_seed(0))
    whole = Image.fromarray(levels.to(torch.uint8).numpy(), "RGBA" if mode != "I;16" else None)
    if mode == "I;16":
        whole = Image.fromarray((levels[..., 0] * 257).numpy().astype("uint16"))
    elif mode != "RGBA":
        whole = whole.convert("RGB" if mode in ("CMYK", "P") else mode).convert(mode)
    suffix = "tif" if mode == "CMYK" else "png"
    whole.save(tmp_path / f"a.{suffix}")
    loaded = load_image(tmp_path / f"a.{suffix}")
    if mode == "I;16":
        assert torch.equal(loaded.pixels[..., 0], (levels[..., 0] * 257).float() / 65535)
    else:
        wanted = torch.tensor(list(whole.convert("RGBA").tobytes())).reshape(levels.shape) / 255
        assert torch.equal(loaded.pixels, wanted[..., :3])
        if loaded.alpha is not None:
            assert torch.equal(loaded.alpha, wanted[..., 3])
    assert (loaded.alpha is not None) == ("A" in mode)


def test_pages_of_an_animation(tmp_path):
    pages = [Image.new("RGB", (8, 8), (number * 60, 0, 0)) for number in range(4)]
    pages[0].save(tmp_path / "a.webp", save_all=True, append_images=pages[1:], lossless=True)
    pixels = load_images(tmp_path / "a.webp").pixels
    assert (pixels[:, 0, 0, 0] * 255).round().tolist() == [0, 60, 120, 180]


def test_bytes_are_cut_down_in_bands():
    picture = torch.rand(3 * ROWS + 1, 4, 3, generator=torch.manual_seed(0)) * 1.2 - 0.1
    wanted = picture.mul(255).floor().clamp(0, 255).to(torch.uint8).numpy()
    assert (to_bytes(picture) == wanted).all()
    picture[-1, 0, 0] = float("nan")
    with pytest.raises(ValueError, match="not finite"):
        to_bytes(picture)


def test_what_does_not_fit_is_refused_with_numbers(tmp_path, monkeypatch):
    assert free_memory() is None or free_memory() > 0
    monkeypatch.setattr("spacetime_video.media.memory.free_memory", lambda: 2_000_000)
    check_room(1_999_999, "a clip")
    with pytest.raises(MediaError, match=r"a clip needs 3\.0 GB of memory, 0\.0 GB are free"):
        check_room(3e9, "a clip")
    Image.new("1", (500, 500)).save(tmp_path / "large.png")
    with pytest.raises(MediaError, match=r"large\.png \(500x500, 1 images\) needs"):
        probe_image(tmp_path / "large.png")


@pytest.mark.skipif(sys.platform != "linux" or os.cpu_count() == 0, reason="reads /proc")
def test_a_large_picture_takes_little_more_than_its_pixels(tmp_path):
    side = 4000
    Image.new("1", (side, side), 1).save(tmp_path / "large.png")
    code = (
        "import resource, sys\n"
        "from spacetime_video.media import load_image, save_image\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024\n"
        "load_image(sys.argv[2]); before = peak()\n"
        "picture = load_image(sys.argv[1]).pixels; loaded = peak() - before\n"
        "save_image(sys.argv[3], picture); print(loaded, peak() - before)\n"
    )
    Image.new("1", (8, 8)).save(tmp_path / "small.png")
    names = [str(tmp_path / name) for name in ("large.png", "small.png", "saved.png")]
    out = subprocess.run(
        [sys.executable, "-c", code, *names], capture_output=True, text=True, check=True
    )
    loaded, saved = (int(number) / (side * side * 12) for number in out.stdout.split())
    assert loaded < 1.4
    assert saved < 2.1
