"""Schedule Plot: the curves are where the levels are, with their names, in both scales."""

import pytest
import torch

from spacetime_video.graph.errors import GraphError
from spacetime_video.graph.executor import Executor
from spacetime_video.graph.registry import Registry
from spacetime_video.media.plot import COLOURS
from spacetime_video.nodes.schedules import plot as schedule_plot
from spacetime_video.nodes.schedules.plot import SpacetimeSchedulePlot, plot_schedules
from spacetime_video.nodes.schedules.schedules import SpacetimeSchedule
from spacetime_video.samplers.schedules.flow import flow_sigmas
from spacetime_video.samplers.schedules.spacings import karras_sigmas

FLOW = flow_sigmas(20, shift=3.0)
SVD = karras_sigmas(20, sigma_min=0.002, sigma_max=700.0)


def plot(*sigmas, labels="", scale="auto"):
    return SpacetimeSchedulePlot.execute(sigmas[0], labels, scale, *sigmas[1:])[0]


def places(picture, number):
    """Columns and heights, from the lower left corner, of a curve's pixels; without the legend."""
    near = (picture[0] - torch.tensor(COLOURS[number]) / 255).abs().amax(-1) < 0.15
    near[: near.shape[0] // 2, near.shape[1] // 2 :] = False
    rows, columns = near.nonzero().float().unbind(1)
    return columns, picture.shape[1] - rows


def test_a_picture_for_the_node_and_for_the_graph():
    made = SpacetimeSchedulePlot.execute(FLOW, "", "auto")
    assert made[0].shape == (1, 690, 900, 3)
    assert made[0].min() >= 0
    assert made[0].max() <= 1
    assert made.ui is not None


def test_a_curve_falls_as_the_levels_do():
    columns, heights = places(plot(FLOW), 0)
    assert columns.max() - columns.min() > 500
    left, right = heights[columns < 300].mean(), heights[columns > 750].mean()
    assert left > right + 250
    straight = flow_sigmas(20, shift=1.0)
    columns, heights = places(plot(straight), 0)
    lower = columns < 450
    columns, heights = columns[lower], heights[lower]
    columns, heights = columns - columns.mean(), heights - heights.mean()
    assert float((columns * heights).sum() / (columns.norm() * heights.norm())) < -0.995


def test_every_schedule_has_a_colour_of_its_own():
    alone, both = plot(FLOW), plot(FLOW, None, flow_sigmas(4, shift=5.0))
    assert len(places(alone, 1)[0]) == 0
    columns = places(both, 1)[0]
    assert len(columns) > 200
    assert columns.max() < 350  # 4 of 20 steps: 192 to 324


@pytest.mark.parametrize(
    ("labels", "wanted"),
    [
        ("", ["sigmas", "sigmas_3"]),
        ("x", ["x", "sigmas_3"]),
        ("a, b, c", ["a", "c"]),
        ("a\uff0cb\u3001c", ["a", "c"]),
        ("x,,x", ["x", "x (3)"]),
    ],
)
def test_a_name_belongs_to_the_input_of_its_place(labels, wanted, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        schedule_plot,
        "line_plot",
        lambda series, style: drawn.append(series) or torch.ones(2, 2, 3),
    )
    plot(FLOW, None, SVD, labels=labels)
    assert list(drawn[0]) == wanted


def test_names_are_drawn():
    assert not torch.equal(plot(FLOW, labels="one"), plot(FLOW, labels="two"))


def test_levels_above_one_are_drawn_logarithmically():
    assert torch.equal(plot(SVD), plot(SVD, scale="logarithmic"))
    assert torch.equal(plot(FLOW), plot(FLOW, scale="linear"))
    assert not torch.equal(plot(SVD), plot(SVD, scale="linear"))
    drawn = plot_schedules({"sigmas": SVD.tolist()}, logarithmic=True)
    assert torch.equal(plot(SVD)[0], drawn)


def test_no_levels_are_an_empty_plot():
    assert plot(torch.zeros(0)).shape == (1, 690, 900, 3)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"labels": "a,b,c,d,e"}, "5 labels for up to 4 schedules"),
        ({"scale": "cubic"}, "unknown scale 'cubic': choose one of auto, linear, logarithmic"),
    ],
)
def test_refused_before_the_run(given, told):
    with pytest.raises(GraphError, match=told):
        run({"labels": "", "scale": "auto", **given})


def test_it_can_be_the_end_of_a_graph():
    assert "images" in run({"labels": "", "scale": "auto"}).outputs["2"]


def run(inputs):
    prompt = {
        "1": {"class_type": "SpacetimeSchedule", "inputs": {"steps": 5, "shift": 3.0}},
        "2": {"class_type": "SpacetimeSchedulePlot", "inputs": {"sigmas": ["1", 0], **inputs}},
    }
    return Executor(Registry.from_nodes([SpacetimeSchedule, SpacetimeSchedulePlot])).run(prompt)
