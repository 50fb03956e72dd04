"""Contact sheets and ticks reach ComfyUI while our nodes sample."""

import pytest

TICKS = [[1, 3], [2, 3], [3, 3]]
SQUARE = [512, 512]


@pytest.fixture(scope="module")
def measured(probe):
    return probe("preview")


def test_every_step_shows_the_clip_on_a_square(measured):
    assert measured["latent"]["ticks"] == TICKS
    assert measured["latent"]["sizes"] == [SQUARE] * 3


def test_the_last_picture_has_the_colours_of_the_result(measured):
    assert measured["colour_error"] < 0.02


def test_a_packed_run_shows_its_clips_on_one(measured):
    assert measured["tokens"]["ticks"] == TICKS
    assert measured["tokens"]["sizes"] == [SQUARE] * 3


def test_published_families_use_the_colours_that_the_host_knows(measured):
    assert measured["published"]["sizes"] == measured["latent"]["sizes"]


def test_steps_that_are_faster_than_pictures_show_the_last_one(measured):
    """Newer hosts leave ticks without a picture out, too, where they come fast."""
    assert 0 < measured["often"] <= 0.5
    ticks, sizes = measured["quick"]["ticks"], measured["quick"]["sizes"]
    assert ticks[-1] == TICKS[-1]
    assert all(tick in TICKS for tick in ticks)
    assert sizes == [None] * (len(sizes) - 1) + [SQUARE]
