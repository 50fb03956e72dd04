"""Images: what is written comes back, in the same bytes, and broken files say so."""

import pytest
import torch
from PIL import Image, ImageFile

from spacetime_video.media import MediaError, load_image, load_images, save_image


def picture(channels=3, height=7, width=9):
    levels = torch.randint(0, 256, (height, width, channels), generator=torch.manual_seed(0))
    return levels.float() / 255


def test_round_trip_is_exact(tmp_path):
    save_image(tmp_path / "a.png", picture())
    loaded = load_image(tmp_path / "a.png")
    assert torch.equal(loaded.pixels, picture())
    assert loaded.alpha is None


def test_alpha_round_trip(tmp_path):
    save_image(tmp_path / "a.png", picture(4))
    loaded = load_image(tmp_path / "a.png")
    assert torch.equal(loaded.pixels, picture(4)[..., :3])
    assert torch.equal(loaded.alpha, picture(4)[..., 3])


@pytest.mark.parametrize("image", [picture(1), picture(1)[..., 0]])
def test_grey(tmp_path, image):
    save_image(tmp_path / "a.png", image)
    assert torch.equal(load_image(tmp_path / "a.png").pixels, picture(1).expand(-1, -1, 3))


def test_sixteen_bits_keep_their_depth(tmp_path):
    Image.new("I;16", (4, 3), 12345).save(tmp_path / "deep.png")
    pixels = load_image(tmp_path / "deep.png").pixels
    assert torch.allclose(pixels, torch.full((3, 4, 3), 12345 / 65535))


def test_text_chunks(tmp_path):
    save_image(tmp_path / "a.png", picture(), {"prompt": '{"1": 2}', "workflow": '{"ü": "猫"}'})
    with Image.open(tmp_path / "a.png") as image:
        assert image.info == {"prompt": '{"1": 2}', "workflow": '{"ü": "猫"}'}


def test_same_image_same_bytes(tmp_path):
    for name in ("a.png", "b/c.png"):
        save_image(tmp_path / name, picture(), {"prompt": "{}"})
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b" / "c.png").read_bytes()


def test_camera_orientation(tmp_path):
    image = Image.new("RGB", (8, 4))
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(tmp_path / "a.jpg", exif=exif)
    assert load_image(tmp_path / "a.jpg").pixels.shape == (8, 4, 3)


def test_animation(tmp_path):
    frames = [Image.new("RGB", (6, 4), (60 * i, 0, 0)) for i in range(3)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    loaded = load_images(tmp_path / "a.gif")
    assert loaded.pixels.shape == (3, 4, 6, 3)
    assert (loaded.pixels[:, 0, 0, 0] * 255).round().tolist() == [0, 60, 120]
    assert load_image(tmp_path / "a.gif").pixels.shape == (4, 6, 3)


def test_transparent_palette(tmp_path):
    image = Image.new("P", (2, 2), 1)
    image.putpalette([0, 0, 0, 255, 0, 0])
    image.putpixel((0, 0), 0)
    image.save(tmp_path / "a.png", transparency=0)
    assert load_image(tmp_path / "a.png").alpha.tolist() == [[0, 1], [1, 1]]


@pytest.mark.parametrize("content", [b"", b"hello" * 50, b"\x89PNG\r\n\x1a\n" + bytes(50)])
def test_not_an_image(tmp_path, content):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(MediaError):
        load_image(tmp_path / "a.png")


def test_what_a_cut_off_file_holds_is_loaded_with_a_warning(tmp_path, caplog):
    save_image(tmp_path / "a.png", picture(3, 64, 64))
    whole = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(whole[: len(whole) // 2])
    loaded = load_images(tmp_path / "a.png").pixels[0]
    assert "ends early" in caplog.text
    assert torch.equal(loaded[:25], picture(3, 64, 64)[:25])
    assert not loaded[40:].any()
    assert not ImageFile.LOAD_TRUNCATED_IMAGES


def test_a_file_cut_off_anywhere_is_loaded_or_an_error(tmp_path):
    save_image(tmp_path / "a.png", picture(3, 64, 64))
    whole = (tmp_path / "a.png").read_bytes()
    for part in range(1, 20):
        (tmp_path / "a.png").write_bytes(whole[: len(whole) * part // 20])
        try:
            assert load_image(tmp_path / "a.png").pixels.shape == (64, 64, 3)
        except MediaError:
            assert part <= 2


def test_missing(tmp_path):
    with pytest.raises(MediaError, match="does not exist"):
        load_image(tmp_path / "a.png")


@pytest.mark.parametrize("image", [torch.zeros(2, 4, 4, 3), torch.zeros(4, 4, 2)])
def test_saving_refuses_other_shapes(tmp_path, image):
    with pytest.raises(ValueError, match="use"):
        save_image(tmp_path / "a.png", image)
    assert list(tmp_path.iterdir()) == []
