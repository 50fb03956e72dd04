"""Border lines: what goes on as in the true clip passes, a seam or a shift does not."""

import pytest
import torch

from spacetime_video.measure.scores.borders import Box, judge_borders

FRAMES, SIDE = 6, 48
BOX = Box(16, 16, 32, 48)


@pytest.fixture(scope="module")
def clip():
    """A smooth pattern that moves, with grain."""
    across = torch.linspace(0, 9, SIDE)
    waves = torch.sin(across[None, :, None] + across[None, None, :] / 2)
    waves = 0.5 + 0.1 * torch.sin(torch.arange(FRAMES)[:, None, None] / 3 + 2 * waves)
    grain = torch.randn(FRAMES, SIDE, SIDE, 1, generator=torch.Generator().manual_seed(0)) / 255
    return (waves[..., None] + grain).expand(-1, -1, -1, 3).contiguous()


def with_box(clip, change):
    made = clip.clone()
    made[:, BOX.top : BOX.bottom, BOX.left : BOX.right] = change(clip)[
        :, BOX.top : BOX.bottom, BOX.left : BOX.right
    ]
    return made


def test_sides_at_the_edge_are_no_lines(clip):
    assert [score.side for score in judge_borders(clip, clip, BOX)] == ["top", "left", "bottom"]
    assert all(score.passed for score in judge_borders(clip, clip, BOX))


def test_what_goes_on_passes_and_seams_do_not(clip):
    grain = torch.randn(clip.shape, generator=torch.Generator().manual_seed(1)) / 255
    spoiled = {
        "a little more grain": (lambda video: video + grain, []),
        "another brightness": (lambda video: video + 0.05, ["top", "left", "bottom"]),
        "another place": (lambda video: video.roll((8, 8), (1, 2)), ["top", "left", "bottom"]),
    }
    for name, (change, expected) in spoiled.items():
        scores = judge_borders(with_box(clip, change), clip, BOX)
        assert [score.side for score in scores if not score.passed] == expected, name


def test_a_tear_in_a_small_part_of_a_line_is_noticed(clip):
    torn = clip.clone()
    torn[:, 24:26, BOX.left :] += 0.3
    left = next(score for score in judge_borders(torn, clip, BOX) if score.side == "left")
    assert "strongest steps" in left.failed


def test_a_line_along_an_edge_of_the_true_clip_tells_nothing(clip):
    edge = clip.clone()
    edge[:, : BOX.top] = 0
    assert [score.side for score in judge_borders(edge, edge, BOX)] == ["left", "bottom"]


def test_what_cannot_be_compared_is_refused(clip):
    with pytest.raises(ValueError, match=r"clips of shapes \(6, 48, 48, 3\) and \(5, 48, 48, 3\)"):
        judge_borders(clip, clip[:5], BOX)
    with pytest.raises(ValueError, match="in an image of 48x48: give a box that lies inside"):
        judge_borders(clip, clip, BOX._replace(right=49))
