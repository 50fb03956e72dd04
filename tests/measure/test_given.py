"""Parts of clips that are given in a measurement."""

import pytest
import torch

from spacetime_video.measure.given import GIVEN, known_of, new_frames
from spacetime_video.models.shapes import LatentShape

SHAPE = LatentShape(5, 8, 8)


@pytest.mark.parametrize("what", GIVEN)
def test_some_but_not_all_is_known(what):
    for seed in range(20):
        known = known_of(what, SHAPE, seed)
        assert known.shape == SHAPE
        assert torch.equal(known, known_of(what, SHAPE, seed))
        assert 0 < known.float().mean() < 1
        patches = known.unflatten(2, (-1, 2)).unflatten(1, (-1, 2))
        assert (patches.any(dim=(2, 4)) == patches.all(dim=(2, 4))).all()


def test_new_frames_are_those_not_given_entirely():
    seconds = new_frames(known_of("first frame", SHAPE, 0), 4)
    assert seconds.tolist() == list(range(1, 17))
    assert new_frames(known_of("last frame", SHAPE, 0), 4).tolist() == list(range(13))
    assert new_frames(known_of("beginning", SHAPE, 0), 4).tolist() == list(range(5, 17))
    assert new_frames(known_of("both ends", SHAPE, 0), 4).tolist() == list(range(1, 13))
    assert new_frames(known_of("box", SHAPE, 0), 4).tolist() == list(range(17))
