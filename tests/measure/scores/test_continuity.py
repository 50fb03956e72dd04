"""The whole of what is told of a video: plain JSON, a verdict, and a picture."""

import json
import math

import pytest
import torch

from spacetime_video.measure.scores.continuity import (
    Layout,
    continuity_plot,
    measure_continuity,
)
from spacetime_video.measure.scores.joins import Join


def waves(frames=32, turns=2.0):
    """A still picture (F, 16, 24, 3) with a strip that moves on and is back after each turn."""
    columns = torch.arange(24.0) / 24
    phase = 2 * math.pi * (columns - turns * torch.arange(frames)[:, None] / frames)
    strip = (0.5 + 0.3 * phase.sin())[:, None, :, None].expand(-1, 4, -1, 3)
    still = torch.linspace(0.2, 0.8, 12)[:, None, None].expand(frames, -1, 24, 3)
    return torch.cat([still, strip], dim=1)


def test_what_goes_on_passes_and_numbers_are_plain():
    found = measure_continuity(waves(), Layout(joins=(Join(16),), loop=True))
    told = json.loads(json.dumps(found.as_dict(16.0), allow_nan=False))
    assert told["passed"] is True
    assert told["joins"][0]["second"] == 1.0
    assert told["left out"] == ["position", "velocity"]
    assert told["loop"]["passed"] is True
    assert told["loop"]["wrap by inner step"] == pytest.approx(1, abs=0.05)


def test_each_part_of_the_verdict_counts():
    video = waves()
    joins, layout = Layout(joins=(Join(16),)), Layout(loop=True)
    jumping = torch.cat([video[:16], video[4:20]])
    assert not measure_continuity(jumping, joins).passed
    assert measure_continuity(jumping, Layout()).passed
    assert not measure_continuity(waves(turns=1.7), layout).passed
    brighter = video + torch.linspace(0, 0.1, 32)[:, None, None, None]
    assert not measure_continuity(brighter, Layout()).passed
    assert measure_continuity(brighter, Layout(), most_drift=0).passed


def test_a_lost_object_is_no_number_of_json():
    place = torch.stack([torch.arange(32.0), torch.zeros(32)], dim=1)
    place[16:] = torch.nan
    found = measure_continuity(waves(), Layout(joins=(Join(16),)), place=place)
    (join,) = json.loads(json.dumps(found.as_dict(16.0), allow_nan=False))["joins"]
    assert join["deviations"]["position"] is None
    assert "position" in join["failed"]


def test_joins_are_drawn():
    video = waves()
    plain, marked = (
        continuity_plot(measure_continuity(video, Layout(joins=joins)))
        for joins in ((), (Join(16),))
    )
    assert plain.shape == (1200, 960, 3)
    assert not torch.equal(plain, marked)
