"""What a clip tells the network, and distinct conditionings without repeats."""

import pytest
import torch

from spacetime_video.models.dit.conditioning import clip_conditions, gather_levels
from spacetime_video.models.patchify import grid_layout
from spacetime_video.models.shapes import LatentShape

SHAPE = LatentShape(5, 6, 10)
NAMES = ("fps", "height", "width", "duration", "loop", "r")


def test_an_open_clip_says_that_it_is_open() -> None:
    told = clip_conditions(NAMES, SHAPE, fps=None)
    assert told == {"height": 6, "width": 10, "loop": 0.0}
    told = clip_conditions(NAMES, SHAPE, fps=8.0)
    assert told["duration"] == 17 / 8
    assert told["fps"] == 8.0


def test_every_latent_frame_of_a_loop_lasts_equally_long() -> None:
    told = clip_conditions(NAMES, SHAPE, fps=8.0, loop=True)
    assert (told["loop"], told["duration"]) == (1.0, 20 / 8)


def test_a_network_is_told_only_what_it_knows() -> None:
    assert clip_conditions(("fps", "loop"), SHAPE, fps=8.0) == {"fps": 8.0, "loop": 0.0}
    assert clip_conditions((), SHAPE, fps=8.0) == {}


@pytest.mark.parametrize("rows", [1, 3])
def test_distinct_conditionings_rebuild_every_token(rows: int) -> None:
    g = torch.Generator().manual_seed(0)
    layout = grid_layout(LatentShape(5, 2, 2))
    sigma = torch.randint(4, (rows, 20), generator=g) / 4
    fps = torch.randint(2, (rows,), generator=g) * 8.0
    levels = gather_levels(sigma, layout, {"fps": fps}, rows)
    assert torch.equal(levels.sigma[levels.index], sigma)
    assert torch.equal(levels.extras["fps"][levels.index], fps[:, None].expand(-1, 20))
    table = torch.stack([levels.sigma, levels.extras["fps"]])
    expected = torch.unique(torch.stack([sigma, fps[:, None].expand(-1, 20)]).flatten(1), dim=1)
    assert torch.equal(table, expected)
