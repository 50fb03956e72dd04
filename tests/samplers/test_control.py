"""How strongly control acts over the sampling, and over frames and places."""

from dataclasses import replace

import pytest
import torch

from spacetime_video.samplers.control import ControlStrength, FrameCurve, percent_at
from spacetime_video.samplers.curves import Curve
from spacetime_video.samplers.schedules.flow import flow_sigmas, percent_to_sigma

SHIFT = 3.0
FRAMES = FrameCurve(Curve(((0, 1.0), (8, 0.5))))


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


def test_curves_over_the_steps_multiply() -> None:
    falling, half = Curve(((0.2, 1.0), (0.6, 0.5), (0.8, 0.0))), Curve(((0.0, 0.5),))
    shares = (0.0, 0.2, 0.4, 0.6, 0.7, 0.85, 0.95)
    for steps, factor in (((falling,), 1.0), ((half, falling), 2.0), ((falling, half), 2.0)):
        told = ControlStrength(factor=2.0, end=0.9, steps=steps)
        at = [factor * told.at(to_sigma(share), to_sigma) for share in shares]
        assert at == pytest.approx([2.0, 2.0, 1.5, 1.0, 0.5, 0.0, 0.0], abs=1e-5)


def test_a_number_that_is_held_changes_at_the_step_of_its_share() -> None:
    """Noise levels are float32, from which the share of the sampling follows by less than 1e-6."""
    for shift in (1.0, 3.0, 12.0):
        for steps in (3, 10, 30):
            levels = flow_sigmas(steps, shift=shift).tolist()
            for change in range(1, steps):
                held = Curve(((0.0, 1.0), (change / steps, 0.0)), "hold")
                told = ControlStrength(steps=(held,))
                acts = [
                    told.at(level, lambda p, s=shift: percent_to_sigma(p, s)) for level in levels
                ]
                assert acts == [1.0] * change + [0.0] * (steps + 1 - change)


def test_frames_are_counted_from_the_first_of_the_video() -> None:
    curve = Curve(((0, 1.0), (2, 0.5), (4, 0.0)))
    assert FrameCurve(curve).over(6, None)[:, 0, 0].tolist() == [1, 0.75, 0.5, 0.25, 0, 0]
    seconds = FrameCurve(curve, "seconds").over(6, 2.0)
    assert seconds[:, 0, 0].tolist() == [1, 0.875, 0.75, 0.625, 0.5, 0.375]
    share = FrameCurve(Curve(((0, 1.0), (1, 0.0))), "share")
    assert share.over(5, None)[:, 0, 0].tolist() == [1, 0.75, 0.5, 0.25, 0]
    assert share.over(1, None).tolist() == [[[1.0]]]
    with pytest.raises(ValueError, match=r"in seconds \(0: 1, 2: 0.5, 4: 0\).*use frames"):
        FrameCurve(curve, "seconds").over(6, None)


def test_strengths_multiply_in_any_order() -> None:
    mask = torch.rand(1, 4, 6)
    parts = [
        ControlStrength(factor=0.3, start=0.2),
        ControlStrength(factor=0.5, end=0.7, weights=(mask,)),
        ControlStrength(steps=(Curve(((0, 1.0), (1, 0.0))),), blocks=(1.0, 0.5)),
        ControlStrength(steps=(Curve(((0, 0.5),)),), blocks=(0.5, 0.5), frames=(FRAMES,)),
    ]
    one, two = ControlStrength(), ControlStrength()
    for part in parts:
        one, two = one.times(part), part.times(two)
    assert one.scheduled
    assert not parts[0].scheduled
    for told in (one, two):
        assert (told.start, told.end, told.blocks) == (0.2, 0.7, (0.5, 0.25))
        assert told.factor == pytest.approx(0.15)
        assert told.at(to_sigma(0.4), to_sigma) == pytest.approx(0.15 * 0.6 * 0.5, rel=1e-4)
        assert told.weights == (mask,)
        assert told.frames == (FRAMES,)
    never = ControlStrength(end=0.2).times(ControlStrength(start=0.5))
    assert {never.at(to_sigma(n / 10), to_sigma) for n in range(11)} == {0.0}
    with pytest.raises(ValueError, match="for 2 blocks and for 3"):
        one.times(ControlStrength(blocks=(1.0, 1.0, 1.0)))


def test_strengths_are_compared_by_value() -> None:
    """Beside those of frames and places, which packed clips may have of their own."""
    falling = Curve(((0, 1.0), (1, 0.5)))
    one = ControlStrength(factor=0.5, blocks=(1.0, 0.5), steps=(falling,))
    same = replace(one, steps=(Curve(((0, 1.0), (1, 0.5))),), weights=(torch.ones(1, 2, 2),))
    assert one.same_but_for_places(replace(same, frames=(FRAMES,)))
    others = [{"factor": 0.6}, {"blocks": ()}, {"steps": ()}, {"end": 0.5}]
    assert [other for other in others if one.same_but_for_places(replace(one, **other))] == []


def test_blocks_must_be_as_many_as_there_are() -> None:
    assert ControlStrength().of_blocks(3) == (1.0, 1.0, 1.0)
    assert ControlStrength(blocks=(1.0, 0.5)).of_blocks(2) == (1.0, 0.5)
    with pytest.raises(ValueError, match="for 2 blocks, but this ControlNet has 3"):
        ControlStrength(blocks=(1.0, 0.5)).of_blocks(3)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"start": 0.6, "end": 0.5}, "end must not precede start"),
        ({"end": 1.1}, "between 0 and 1"),
        ({"steps": (Curve(((0.5, 1.0), (1.5, 0.0))),)}, "keys 0.5: 1, 1.5: 0: .* shares"),
        ({"weights": (torch.ones(4),)}, "frames, rows, columns"),
        ({"weights": (-torch.ones(1, 2, 2),)}, "the lowest -1:.*no weight below 0"),
    ],
)
def test_what_cannot_be_followed_is_refused(options, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        ControlStrength(**options)
