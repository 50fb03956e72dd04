"""How well edges lie on others."""

import pytest
import torch

from spacetime_video.measure.scores.edge_match import edge_match


def lines(*columns: int) -> torch.Tensor:
    edges = torch.zeros(2, 8, 16)
    edges[:, :, list(columns)] = 1
    return edges


def test_edges_a_pixel_away_count_and_those_further_away_do_not() -> None:
    wanted = lines(4)
    assert edge_match(lines(4), wanted) == 1
    assert edge_match(lines(5), wanted) == 1
    assert edge_match(lines(6), wanted) == 0


def test_what_is_too_much_and_what_is_missing_both_cost() -> None:
    assert edge_match(lines(4, 12), lines(4)) == pytest.approx(2 / 3)
    assert edge_match(lines(4), lines(4, 12)) == pytest.approx(2 / 3)
    late = lines(4)
    late[0] = 0
    assert edge_match(late, lines(4)) == pytest.approx(2 / 3), "frames are compared in their order"


def test_no_edges_are_right_where_none_are_wanted() -> None:
    nothing = torch.zeros(2, 8, 16)
    assert edge_match(nothing, nothing) == 1
    assert edge_match(nothing, lines(4)) == 0
    assert edge_match(lines(4), nothing) == 0


def test_other_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="of one size"):
        edge_match(lines(4), lines(4)[:1])
