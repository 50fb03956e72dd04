"""Parts of clips that are given: what they are, and that no solver changes them."""

import pytest
import torch

from spacetime_video.headless.measure.given import GIVEN, keep_given, known_of, new_frames
from spacetime_video.models.shapes import LatentShape
from spacetime_video.samplers.schedules import flow_sigmas
from spacetime_video.samplers.solvers import SOLVERS

SHAPE = LatentShape(5, 8, 8)


@pytest.mark.parametrize("solver", SOLVERS)
def test_given_positions_are_clean_and_never_change(solver):
    generator = torch.Generator().manual_seed(0)
    given = torch.randn(2, 3, *SHAPE, generator=generator)
    known = torch.stack([known_of("random frames", SHAPE, seed) for seed in (1, 2)])
    seen = []

    def denoise(x, levels):
        seen.append((x, levels))
        return torch.zeros_like(x)

    noise = torch.randn(given.shape, generator=generator)
    made = SOLVERS[solver](keep_given(denoise, given, known), noise, flow_sigmas(4, shift=3.0))
    spread = known[:, None].expand_as(given)
    assert torch.equal(made[spread], given[spread])
    assert (made[~spread] == 0).all()
    for x, levels in seen:
        assert torch.equal(x[spread], given[spread])
        assert levels.shape == (2, 1, *SHAPE)
        assert torch.equal(levels[:, 0] > 0, ~known)
    assert (seen[0][1][:, 0][~known] == 1).all()


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
    assert new_frames(known_of("both ends", SHAPE, 0), 4).tolist() == list(range(1, 13))
    assert new_frames(known_of("box", SHAPE, 0), 4).tolist() == list(range(17))
