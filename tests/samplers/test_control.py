"""How strongly control acts over the sampling, and over frames and places."""

from dataclasses import replace

import pytest
import torch

from spacetime_video.samplers.control import ControlStrength, percent_at
from spacetime_video.samplers.schedules.flow import flow_sigmas, percent_to_sigma

SHIFT = 3.0


def to_sigma(percent: float) -> float:
    return percent_to_sigma(percent, SHIFT)


def test_shares_of_the_sampling_are_those_of_its_steps() -> None:
    """Ten even steps, shifted: level n is at the share n / 10, in either direction."""
    levels = flow_sigmas(10, shift=SHIFT).tolist()
    shares = [number / 10 for number in range(11)]
    assert [to_sigma(share) for share in shares] == pytest.approx(levels, abs=1e-6)
    assert [percent_at(level, to_sigma) for level in levels] == pytest.approx(shares, abs=1e-6)


def test_control_acts_from_start_to_end_and_at_both() -> None:
    levels = flow_sigmas(10, shift=SHIFT).tolist()
    half = ControlStrength(factor=0.7, start=0.2, end=0.5)
    acts = [half.at(level, to_sigma) for level in levels]
    assert acts == [0, 0, 0.7, 0.7, 0.7, 0.7, 0, 0, 0, 0, 0]
    whole = ControlStrength(factor=0.7)
    assert {whole.at(level, to_sigma) for level in levels} == {0.7}
    assert ControlStrength(factor=0.0).at(0.5, to_sigma) == 0


def test_a_curve_goes_straight_between_its_points() -> None:
    curve = ControlStrength(factor=2.0, end=0.9, curve=((0.2, 1.0), (0.6, 0.5), (0.8, 0.0)))
    at = [curve.at(to_sigma(share), to_sigma) for share in (0.0, 0.2, 0.4, 0.6, 0.7, 0.85, 0.95)]
    assert at == pytest.approx([2.0, 2.0, 1.5, 1.0, 0.5, 0.0, 0.0], abs=1e-5)


def test_weights_multiply() -> None:
    frames, mask = torch.tensor([1.0, 0.5, 0.0])[:, None, None], torch.rand(1, 4, 6)
    both = ControlStrength(factor=0.3).weighted(frames).weighted(mask)
    assert both.factor == 0.3
    assert both.weights is not None
    assert torch.equal(both.weights, frames * mask)
    with pytest.raises(ValueError, match=r"\(5, 1, 1\).*beside others of \(3, 4, 6\)"):
        both.weighted(torch.ones(5, 1, 1))


def test_strengths_are_compared_by_value() -> None:
    one = ControlStrength(factor=0.5, blocks=(1.0, 0.5), weights=torch.ones(1, 2, 2))
    assert one.same_as(replace(one, weights=torch.ones(1, 2, 2)))
    others = [{"factor": 0.6}, {"blocks": ()}, {"weights": None}, {"weights": torch.zeros(1, 2, 2)}]
    assert [other for other in others if one.same_as(replace(one, **other))] == []


def test_blocks_must_be_as_many_as_there_are() -> None:
    assert ControlStrength().of_blocks(3) == (1.0, 1.0, 1.0)
    assert ControlStrength(blocks=(1.0, 0.5)).of_blocks(2) == (1.0, 0.5)
    with pytest.raises(ValueError, match="for 2 blocks: this ControlNet has 3"):
        ControlStrength(blocks=(1.0, 0.5)).of_blocks(3)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"start": 0.6, "end": 0.5}, "end not before start"),
        ({"end": 1.1}, "between 0 and 1"),
        ({"curve": ((0.5, 1.0), (0.5, 0.0))}, "let them rise"),
        ({"weights": torch.ones(4)}, "frames, rows, columns"),
        ({"weights": -torch.ones(1, 2, 2)}, "from -1 on.*no weight below 0"),
    ],
)
def test_what_cannot_be_followed_is_refused(options, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        ControlStrength(**options)
