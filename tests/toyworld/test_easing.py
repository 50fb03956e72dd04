import pytest
import torch

from spacetime_video.toyworld.easing import eased


@pytest.mark.parametrize(("begin", "end"), [(0.5, 2.5), (-1.0, -3.0)])
def test_it_rests_at_both_ends_and_is_half_way_in_the_middle(begin, end):
    where = begin + (end - begin) * torch.tensor([-1.0, 0.0, 0.01, 0.5, 0.99, 1.0, 2.0]).double()
    share = eased(where, begin, end)
    assert share[[0, 1]].tolist() == [0, 0]
    assert share[[5, 6]].tolist() == [1, 1]
    assert share[3] == pytest.approx(0.5)
    assert share[2] < 0.001
    assert share[4] > 0.999
