"""Falls of the world, read from their pixels."""

from dataclasses import replace

import pytest
import torch

from spacetime_video.measure.scores.alignment import read_clip
from spacetime_video.measure.scores.physics import fall_acceleration
from spacetime_video.toyworld import draw_scene, render
from spacetime_video.toyworld.motion import GRAVITY

SEED = 991_000_000


@pytest.fixture(scope="module")
def falling():
    """The falling object of ten clips."""
    scenes = [draw_scene(SEED + number, kind="falls") for number in range(10)]
    clips = render(scenes, frames=17, height=64, width=64, fps=16.0).video
    objects = zip(scenes, (read_clip(clip).objects for clip in clips), strict=True)
    return [
        next(thing for thing in things if thing.colour == scene.objects[0].colour)
        for scene, things in objects
    ]


def test_things_fall_as_in_the_world(falling):
    shares = torch.tensor([fall_acceleration(thing, 16.0) for thing in falling]) / GRAVITY
    assert shares.median() == pytest.approx(1, abs=0.03)
    assert ((shares - 1).abs() < 0.06).float().mean() >= 0.8


def test_half_as_many_frames_a_second_make_a_quarter_of_it(falling):
    for thing in falling:
        fast = fall_acceleration(thing, 16.0)
        assert fall_acceleration(thing, 8.0) == pytest.approx(fast / 4, rel=1e-6)


def test_where_it_lands_tells_its_size(falling):
    """Read too large, a thing would fall too fast; the floor that it then falls through tells."""
    for thing in falling:
        large = 1.2 * thing.size
        place = thing.place.clone()
        place[:, 1] = 2.0 - 1.2 * (2.0 - place[:, 1])
        found = fall_acceleration(replace(thing, size=large, place=place), 16.0)
        assert found == pytest.approx(fall_acceleration(thing, 16.0), rel=0.05)


def test_what_stands_or_is_hardly_seen_does_not_fall(falling):
    thing = falling[0]
    still = replace(thing, place=thing.place[:1].expand_as(thing.place))
    assert fall_acceleration(still, 16.0) is None
    hidden = replace(thing, seen=torch.arange(17) >= 13)
    assert fall_acceleration(hidden, 16.0) is None
