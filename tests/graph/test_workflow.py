"""Graphs of the editor become prompts: widgets, links, muted and bypassed nodes."""

import pytest

from spacetime_video.graph.workflow import to_api

from .drawn import inputs_of, number, show, slot, ui, wire, workflow


def test_widgets_are_found_by_place_and_titles_kept(bench):
    saved = workflow([number(1, title="Count"), show(2, 5)], [wire(5, 1, 1, 2, 0)])

    assert to_api(saved, bench.registry) == {
        "1": {
            "class_type": "Number",
            "inputs": {"value": 4, "seed": 7, "unit": "second"},
            "_meta": {"title": "Count"},
        },
        "2": {
            "class_type": "Show",
            "inputs": {"value": ["1", 1], "note": "", "loud": True},
            "_meta": {"title": "Save"},
        },
    }


@pytest.mark.parametrize(
    ("values", "read"),
    [
        ([3, 5, "fixed", "second"], (3, 5, "second")),
        ([3, 5, "second"], (3, 5, "second")),
        ([3, 5], (3, 5, "metre")),
        ([3], (3, 0, "metre")),
        ([], (1, 0, "metre")),
        (None, (1, 0, "metre")),
        ([3, 5, "fixed", "second", "image", None], (3, 5, "second")),
        ({"unit": "second", "value": 3, "videopreview": {}}, (3, 0, "second")),
        ([None, 5, "fixed", None], (1, 5, "metre")),
    ],
)
def test_values_of_widgets(bench, values, read):
    prompt = to_api(workflow([ui(1, "Number", values=values)], []), bench.registry)

    assert tuple(prompt["1"]["inputs"][name] for name in ("value", "seed", "unit")) == read


def test_names_in_the_file_win_over_the_schema(bench):
    slots = [slot(name, widget=True) for name in ("unit", "seed", "value")]
    saved = workflow([ui(1, "Number", slots, ["second", 5, "fixed", 3])], [])

    assert to_api(saved, bench.registry)["1"]["inputs"] == {"value": 3, "seed": 5, "unit": "second"}


def test_values_saved_with_names_need_no_order(bench):
    """The editor may save names beside the list; the list is then of another version's order."""
    named = {"unit": "second", "control_after_generate": "fixed", "seed": 5, "value": 3, "gone": 1}
    saved = ui(1, "Number", values=["second", 1, 3, 5, "fixed"], widgets_values_named=named)

    read = to_api(workflow([saved], []), bench.registry)["1"]["inputs"]

    assert read == {"value": 3, "seed": 5, "unit": "second"}


@pytest.mark.parametrize("names", [("value", "seed"), ("seed", "value")])
def test_an_input_that_the_saved_node_lacks_has_its_default(bench, names):
    """`unit` was added after the graph was saved, whose inputs name their widgets."""
    values = {"value": [3], "seed": [5, "fixed"]}
    slots = [slot(name, widget=True) for name in names]
    saved = ui(1, "Number", slots, [value for name in names for value in values[name]])

    read = to_api(workflow([saved], []), bench.registry)["1"]["inputs"]

    assert read == {"value": 3, "seed": 5, "unit": "metre"}


def test_linked_widget_keeps_its_place(bench):
    slots = [slot("seed", 5, widget=True)]
    saved = workflow(
        [number(1), ui(2, "Number", slots, [3, 6, "fixed", "second"])], [wire(5, 1, 0, 2, 0)]
    )

    assert to_api(saved, bench.registry)["2"]["inputs"] == {
        "value": 3,
        "seed": ["1", 0],
        "unit": "second",
    }


def test_list_in_a_widget_is_told_from_a_link(bench):
    saved = workflow([ui(1, "Number", values=[["1", 0], 5, "fixed", "metre"])], [])

    assert to_api(saved, bench.registry)["1"]["inputs"]["value"] == {"__value__": ["1", 0]}


def test_reroutes_notes_and_set_get_vanish(bench):
    nodes = [
        number(1),
        ui(2, "Reroute", [slot("", 1, "*")], outputs=("*",)),
        ui(3, "Reroute", [slot("", 2, "*")], outputs=("*",)),
        ui(4, "SetNode", [slot("INT", 3)], ["name"]),
        ui(5, "GetNode", [], ["name"]),
        ui(6, "Note", [], ["words"], ()),
        ui(7, "MarkdownNote", [], ["words"], ()),
        show(8, 4),
    ]
    links = [wire(1, 1, 0, 2, 0), wire(2, 2, 0, 3, 0), wire(3, 3, 0, 4, 0), wire(4, 5, 0, 8, 0)]

    prompt = to_api(workflow(nodes, links), bench.registry)

    assert list(prompt) == ["1", "8"]
    assert prompt["8"]["inputs"]["value"] == ["1", 0]


def test_primitive_wins_over_the_stored_value(bench):
    slots = [slot("value", 1, widget=True)]
    nodes = [
        ui(1, "PrimitiveNode", [], [42, "fixed"]),
        ui(2, "Number", slots, [3, 5, "fixed", "metre"]),
    ]

    prompt = to_api(workflow(nodes, [wire(1, 1, 0, 2, 0)]), bench.registry)

    assert inputs_of(prompt) == {"2": {"value": 42, "seed": 5, "unit": "metre"}}


def test_muted_reroute_ends_the_link(bench):
    nodes = [number(1), ui(2, "Reroute", [slot("", 1, "*")], outputs=("*",), mode=2), show(3, 2)]

    prompt = to_api(workflow(nodes, [wire(1, 1, 0, 2, 0), wire(2, 2, 0, 3, 0)]), bench.registry)

    assert list(prompt) == ["1"]


def test_muted_node_takes_along_what_cannot_do_without_it(bench):
    nodes = [
        number(1, mode=2),
        number(2),
        ui(3, "Add", [slot("a", 1), slot("b", 2)], [1.0]),
        ui(4, "Add", [slot("a", 3), slot("b", 4)], [1.0]),
        show(5, 5),
        show(6, 6),
    ]
    links = [
        wire(1, 1, 0, 3, 0),
        wire(2, 2, 0, 3, 1),
        wire(3, 2, 0, 4, 0),
        wire(4, 1, 0, 4, 1),
        wire(5, 3, 0, 5, 0),
        wire(6, 4, 0, 6, 0),
    ]

    prompt = to_api(workflow(nodes, links), bench.registry)

    assert list(prompt) == ["2", "4", "6"]
    assert prompt["4"]["inputs"] == {"a": ["2", 0], "scale": 1.0}


def test_bypassed_node_hands_on_by_type(bench):
    nodes = [
        ui(1, "Picture", outputs=("IMAGE", "OWN", "MASK")),
        ui(
            2,
            "Picture",
            [slot("image", 1, "IMAGE"), slot("own", 2, "OWN"), slot("either", None, "IMAGE,MASK")],
            outputs=("OWN", "IMAGE", "MASK"),
            mode=4,
        ),
        ui(3, "Picture", [slot("image", 3, "IMAGE"), slot("own", 4, "OWN")], outputs=("IMAGE",)),
        show(4, 5),
    ]
    links = [
        wire(1, 1, 0, 2, 0),
        wire(2, 1, 1, 2, 1),
        wire(3, 2, 1, 3, 0),
        wire(4, 2, 0, 3, 1),
        wire(5, 2, 2, 4, 0),
    ]

    prompt = to_api(workflow(nodes, links), bench.registry)

    assert inputs_of(prompt) == {"1": {}, "3": {"image": ["1", 0], "own": ["1", 1]}}


def test_unknown_nodes_come_through(bench):
    unknown = ui(2, "Strange", [slot("x", 1), slot("y", widget=True)], [5])
    saved = workflow([number(1), unknown], [wire(1, 1, 0, 2, 0)])

    assert to_api(saved, bench.registry)["2"] == {
        "class_type": "Strange",
        "inputs": {"x": ["1", 0], "y": 5},
        "_meta": {"title": "Strange"},
    }


def test_api_format_comes_back_as_a_copy(bench):
    prompt = {"1": {"class_type": "Number", "inputs": {"value": 1}}}

    converted = to_api(prompt, bench.registry)

    assert converted == prompt
    assert converted["1"]["inputs"] is not prompt["1"]["inputs"]
