"""Motions from paths: the search that leaves out hopeless cuts finds what the whole one finds."""

import pytest
import torch

from spacetime_video.measure.scores import motion
from spacetime_video.measure.scores.motion import Path, read_motions
from spacetime_video.measure.scores.sprites import TURNS

SECONDS = torch.arange(17) / 16


def process_of(x, z, noise):
    """Where a cube goes that never turns, read with some noise."""
    generator = torch.Generator().manual_seed(noise)
    shaken = [
        part + 0.02 * torch.randn(17, generator=generator) for part in (x, torch.zeros(17), 6.0 + z)
    ]
    turns = 0.3 + 0.05 * torch.rand(17, TURNS, generator=generator)
    turns[:, 4] = 0.1
    return Path(SECONDS, *shaken, turns, "cube", 1.2)


PATHS = {
    ("stays still", None): (0 * SECONDS, 0 * SECONDS),
    ("moves right", None): (1.5 * SECONDS, 0 * SECONDS),
    ("goes away", None): (0 * SECONDS, 2.5 * SECONDS),
    ("moves right", "moves left"): (1.0 - 2 * (SECONDS - 0.5).abs(), 0 * SECONDS),
    ("stays still", "moves left"): (-3 * (SECONDS - 0.5).clamp(min=0), 0 * SECONDS),
    ("moves left", "comes closer"): (
        -2.5 * SECONDS.clamp(max=0.5),
        -4 * (SECONDS - 0.5).clamp(min=0),
    ),
}


@pytest.mark.parametrize("names", PATHS)
def test_paths_are_named(names, monkeypatch):
    paths = [process_of(*PATHS[names], noise) for noise in range(3)]
    found = [read_motions(path) for path in paths]
    for each in found:
        assert (each.motion, each.then) == names
        assert each.turn is None or abs(each.turn - 0.5) <= 0.13
    nothing = torch.full((17,), -torch.inf)
    monkeypatch.setattr(motion, "_least", lambda part: (nothing, nothing))
    assert [read_motions(path) for path in paths] == found
