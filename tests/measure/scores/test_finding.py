"""Finding objects: the connected part of a mask, and how many colours there are."""

import torch

from spacetime_video.measure.scores.finding import largest_part


def flooded(mask, start):
    """The places connected with a start, also across corners, one after the other."""
    found, waiting = set(), [start]
    while waiting:
        row, column = waiting.pop()
        inside = 0 <= row < mask.shape[0] and 0 <= column < mask.shape[1]
        if (row, column) in found or not inside or mask[row, column] <= 0:
            continue
        found.add((row, column))
        waiting += [(row + i, column + j) for i in (-1, 0, 1) for j in (-1, 0, 1)]
    return found


def test_the_part_around_the_densest_spot_is_kept_as_it_was():
    generator = torch.Generator().manual_seed(0)
    soft = torch.rand(40, 12, 16, generator=generator)
    masks = soft * (torch.rand(soft.shape, generator=generator) < 0.35)
    for mask, kept in zip(masks, largest_part(masks), strict=True):
        start = tuple((mask == mask.max()).nonzero()[0].tolist())  # windows are one pixel here
        places = flooded(mask, start)
        expected = torch.zeros_like(mask)
        for place in places:
            expected[place] = mask[place]
        assert torch.equal(kept, expected)


def test_a_larger_part_is_preferred_to_brighter_crumbs():
    mask = torch.zeros(1, 64, 64)
    mask[0, 20:40, 20:40] = 0.7
    mask[0, 2:4, 2:4] = 1.0
    mask[0, 40, 40] = 0.5
    kept = largest_part(mask)
    assert (kept[0, 20:40, 20:40] == 0.7).all()
    assert kept[0, 40, 40] == 0.5
    assert kept[0, :5, :5].sum() == 0


def test_nothing_stays_nothing():
    assert torch.equal(largest_part(torch.zeros(3, 20, 30)), torch.zeros(3, 20, 30))
    one = torch.zeros(2, 20, 30)
    one[1, 0, 29] = 1.0
    assert torch.equal(largest_part(one), one)
