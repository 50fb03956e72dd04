"""Subgraphs of the editor are opened into their nodes."""

import pytest

from spacetime_video.graph.workflow import to_api

from .drawn import (
    INNER,
    OUTER,
    definition,
    inner_wire,
    inputs_of,
    number,
    show,
    slot,
    ui,
    wire,
    workflow,
)


def nested(outer_values=(), inner_values=(), link=3):
    """A number goes through a subgraph in a subgraph; both show the inner seed and unit."""
    inner = definition(
        INNER,
        [
            ui(
                1,
                "Number",
                [slot("seed", 11, widget=True), slot("unit", 12, widget=True)],
                [8, 1, "fixed", "metre"],
            ),
            ui(2, "Add", [slot("a", 13), slot("b", 14)], [1.0]),
        ],
        [
            inner_wire(10, 2, 0, -20, 0),
            inner_wire(11, -10, 1, 1, 0),
            inner_wire(12, -10, 2, 1, 1),
            inner_wire(13, 1, 0, 2, 0),
            inner_wire(14, -10, 0, 2, 1),
        ],
        ("number", "seed", "unit"),
    )
    slots = [slot("number", 21), slot("seed", 22, widget=True), slot("unit", 23, widget=True)]
    outer = definition(
        OUTER,
        [ui(5, INNER, slots, list(inner_values))],
        [
            inner_wire(20, 5, 0, -20, 0),
            inner_wire(21, -10, 0, 5, 0),
            inner_wire(22, -10, 1, 5, 1),
            inner_wire(23, -10, 2, 5, 2),
        ],
        ("number", "seed", "unit"),
    )
    slots = [slot("number", link), slot("seed", widget=True), slot("unit", widget=True)]
    return workflow(
        [number(1), ui(7, OUTER, slots, list(outer_values)), show(9, 4)],
        [wire(3, 1, 0, 7, 0), wire(4, 7, 0, 9, 0)],
        definitions={"subgraphs": [inner, outer]},
    )


def test_subgraphs_are_opened(bench):
    prompt = to_api(nested(), bench.registry)

    assert inputs_of(prompt) == {
        "1": {"value": 4, "seed": 7, "unit": "second"},
        "7:5:1": {"value": 8, "seed": 1, "unit": "metre"},
        "7:5:2": {"a": ["7:5:1", 0], "b": ["1", 0], "scale": 1.0},
        "9": {"value": ["7:5:2", 0], "note": "", "loud": True},
    }


def test_promoted_widgets_are_found_by_name(bench):
    saved = nested()
    saved["nodes"][1]["widgets_values"] = ["second", 5]
    saved["nodes"][1]["widgets_values_named"] = {"seed": 5, "unit": "second"}

    read = to_api(saved, bench.registry)["7:5:1"]["inputs"]

    assert (read["seed"], read["unit"]) == (5, "second")


@pytest.mark.parametrize(
    ("outer", "inner", "read"),
    [
        ([5, "second"], [], (5, "second")),
        ([5, "second"], [6, "metre"], (5, "second")),
        ([5], [], (5, "metre")),
    ],
)
def test_promoted_widgets_win_from_outside(bench, outer, inner, read):
    prompt = to_api(nested(outer, inner), bench.registry)

    assert tuple(prompt["7:5:1"]["inputs"][name] for name in ("seed", "unit")) == read


def test_unlinked_subgraph_input_is_absent(bench):
    assert "b" not in to_api(nested(link=None), bench.registry)["7:5:2"]["inputs"]


@pytest.mark.parametrize(("mode", "value"), [(2, None), (4, ["1", 0])])
def test_subgraph_is_muted_or_bypassed_as_a_whole(bench, mode, value):
    saved = nested()
    saved["nodes"][1]["mode"] = mode

    prompt = to_api(saved, bench.registry)

    assert list(prompt) == (["1", "9"] if value else ["1"])
    assert not value or prompt["9"]["inputs"]["value"] == value
