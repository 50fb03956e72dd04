import pytest
import torch

from spacetime_video.metrics.motion import Path, read_motion
from spacetime_video.toyworld.camera import STILL_CAMERA

FRAMES = torch.arange(17.0)


def seen(x, y, z, change=0.0):
    """The path of an object of one unit at world positions (F,)."""
    points = torch.stack(torch.broadcast_tensors(x, y, z), dim=-1)
    column, row, depth = STILL_CAMERA.project(points, 64, 64)
    return Path(FRAMES, column, row, 64 / depth, change)


PART = FRAMES / 16
STILL = torch.zeros(17)
REST = STILL + 0.65
AWAY = STILL + 6.0


@pytest.mark.parametrize(
    ("path", "motion"),
    [
        (seen(STILL, REST, AWAY), "stays still"),
        (seen(STILL, REST, AWAY, change=0.1), "spins"),
        (seen(0.6 - 1.2 * PART, REST, AWAY), "moves left"),
        (seen(1.2 * PART - 0.6, REST, AWAY), "moves right"),
        (seen(STILL + 0.5, REST, 7.5 - 2 * PART), "comes closer"),
        (seen(STILL - 0.5, REST, 5 + 2 * PART), "goes away"),
        (seen(STILL, REST + (4 * PART * (1 - PART)), AWAY), "bounces"),
        (seen(torch.cos(3 * PART), REST, 6 + torch.sin(3 * PART)), "circles"),
    ],
)
def test_exact_paths_are_named(path, motion):
    assert read_motion(path, 64, 64) == motion
