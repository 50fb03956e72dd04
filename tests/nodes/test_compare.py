"""Compare Videos: which video stands where, under which label."""

import torch

from spacetime_video.nodes.video.compare import SpacetimeCompareVideos

GAP = 4


def frames(value, count=2):
    return torch.full((count, 64, 64, 3), value)


def compare(*arguments, **videos):
    return SpacetimeCompareVideos.execute(frames(0.2), *arguments, **videos)[0]


def centre(made, column, row=0):
    """Brightness in the middle of a cell of 192 pixels under no label."""
    return round(float(made[-1, row * (192 + GAP) + 96, column * (192 + GAP) + 96, 0]), 3)


def test_the_connected_ones_stand_in_their_order():
    made = compare(video_9=frames(0.9), video_3=frames(0.3, 5), video_2=None)
    assert made.shape == (5, 192, 3 * 192 + 2 * GAP, 3)
    assert [centre(made, column) for column in range(3)] == [0.2, 0.3, 0.9]


def test_a_label_stays_with_its_video():
    alone = compare("\n\nheun", video_3=frames(0.3))
    both = compare("\neuler\nheun", video_2=frames(0.5), video_3=frames(0.3))
    above = alone.shape[1] - 192
    assert above > 0
    assert torch.equal(alone[:, :above, 192 + GAP :], both[:, :above, 2 * (192 + GAP) :])
    assert alone[:, :above, :192].amax() < 0.2
    assert both[:, :above, 192 + GAP : 2 * 192].amax() > 0.9


def test_columns_and_scale():
    made = compare("", 1, 1, video_2=frames(0.5))
    assert made.shape == (2, 2 * 64 + GAP, 64, 3)


def test_one_video_alone():
    assert torch.equal(compare("", 0, 1), frames(0.2))
