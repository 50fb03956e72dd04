"""Controls: which frames stand where a part is made."""

import pytest
import torch

from spacetime_video.measure.timeline.controls import (
    BACKWARD,
    BETWEEN,
    FORWARD,
    duplicate,
    jump,
    reversed_in_time,
)

FRAMES = 20
VIDEO = torch.arange(float(FRAMES)).reshape(1, FRAMES, 1, 1, 1).expand(1, FRAMES, 2, 2, 3)
OTHER = VIDEO + 100


def shown(control, start, end):
    return control(VIDEO, OTHER, start, end)[0, :, 0, 0, 0].tolist()


@pytest.mark.parametrize(
    ("control", "made"),
    [
        (FORWARD["hard cut"], [105, 106, 107, 108]),
        (FORWARD["freeze"], [4, 4, 4, 4]),
        (FORWARD["ping-pong"], [3, 2, 1, 0]),
        (jump, [13, 14, 15, 16]),
        (duplicate, [4, 5, 6, 7]),
        (reversed_in_time(duplicate), [6, 7, 8, 9]),
        (BACKWARD["freeze"], [9, 9, 9, 9]),
        (BACKWARD["ping-pong"], [13, 12, 11, 10]),
        (BETWEEN["cross-fade"], [5, 6, 7, 8]),
        (BETWEEN["hold, then cut"], [4, 4, 4, 4]),
    ],
)
def test_only_the_made_part_is_replaced(control, made):
    assert shown(control, 5, 9) == pytest.approx([*range(5), *made, *range(9, FRAMES)])


def test_what_there_is_not_enough_of_is_held():
    assert shown(jump, 10, 20)[10:] == [18, *[19] * 9]
    assert shown(FORWARD["ping-pong"], 3, 8)[3:8] == [1, 0, 0, 0, 0]
