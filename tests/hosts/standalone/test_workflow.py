import json
import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spacetime_video.hosts.standalone.errors import WorkflowError
from spacetime_video.hosts.standalone.workflow import read_workflow, to_api

INNER = "11111111-2222-3333-4444-555555555555"
OUTER = "99999999-2222-3333-4444-555555555555"


def slot(name, link=None, kind="INT", widget=False):
    return {
        "name": name,
        "type": kind,
        "link": link,
        **({"widget": {"name": name}} if widget else {}),
    }


def ui(id, kind, inputs=(), values=None, outputs=("INT",), **extra):
    return {
        "id": id,
        "type": kind,
        "mode": 0,
        "inputs": list(inputs),
        "outputs": [{"name": name, "type": name, "links": []} for name in outputs],
        **({} if values is None else {"widgets_values": values}),
        **extra,
    }


def number(id, value=4, **extra):
    return ui(id, "Number", (), [value, 7, "randomize", "second"], ("INT", "STRING"), **extra)


def show(id, link, **extra):
    return ui(id, "Show", [slot("value", link, "*")], ["", True], (), title="Save", **extra)


def workflow(nodes, links, **extra):
    return {"version": 0.4, "nodes": nodes, "links": links, **extra}


def wire(id, origin, origin_slot, target, target_slot, kind="INT"):
    return [id, origin, origin_slot, target, target_slot, kind]


def inner_wire(id, origin, origin_slot, target, target_slot):
    names = ("id", "origin_id", "origin_slot", "target_id", "target_slot")
    ends = (id, origin, origin_slot, target, target_slot)
    return {**dict(zip(names, ends, strict=True)), "type": "INT"}


def inputs_of(prompt):
    return {key: node["inputs"] for key, node in prompt.items()}


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


def test_promoted_widgets_are_found_by_name(bench):
    saved = nested()
    saved["nodes"][1]["widgets_values"] = ["second", 5]
    saved["nodes"][1]["widgets_values_named"] = {"seed": 5, "unit": "second"}

    read = to_api(saved, bench.registry)["7:5:1"]["inputs"]

    assert (read["seed"], read["unit"]) == (5, "second")


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


def definition(id, nodes, links, inputs=(), outputs=("out",)):
    return {
        "id": id,
        "nodes": nodes,
        "links": links,
        "inputs": [{"name": name, "type": "INT"} for name in inputs],
        "outputs": [{"name": name, "type": "INT"} for name in outputs],
    }


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


def itself():
    inside = [ui(1, INNER, [slot("x", 1)])]
    return definition(INNER, inside, [], ("x",))


@pytest.mark.parametrize(
    ("saved", "message"),
    [
        ([], "JSON object"),
        ({"a": 1}, "neither the editor's format"),
        (workflow([3], []), r"nodes\[0\]: 3 is not an object"),
        (workflow([{"id": 1}], []), r"nodes\[0\]: type: null is not a text"),
        (workflow([ui([], "Add")], []), "is no id"),
        (workflow([], [[1, 2]]), r"links\[0\] has 2 entries"),
        (workflow([ui(1, "Add", values=3)], []), "neither a list nor an object"),
        (
            workflow([ui(1, INNER)], [], definitions={"subgraphs": [itself()]}),
            "contain themselves",
        ),
        (
            workflow([ui(1, "Reroute", [slot("", 1)]), show(2, 1)], [wire(1, 1, 0, 1, 0)]),
            "round in a circle",
        ),
    ],
)
def test_broken_workflows_are_refused(bench, saved, message):
    with pytest.raises(WorkflowError, match=message):
        to_api(saved, bench.registry)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "is no JSON"),
        (b"[1]", "is no object"),
        (b"\xff\x00", "is no JSON"),
        (None, "No such"),
    ],
)
def test_unreadable_files_are_refused(tmp_path, content, message):
    path = tmp_path / "graph.json"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(WorkflowError, match=message):
        read_workflow(path)


def test_file_is_read(tmp_path):
    path = tmp_path / "graph.json"
    path.write_text(json.dumps({"nodes": []}))

    assert read_workflow(path) == {"nodes": []}
    path.write_text("[" * 100_000)
    with pytest.raises(WorkflowError, match="is no JSON"):
        read_workflow(path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 9) | st.just(math.nan) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)
KINDS = st.sampled_from(
    [
        "Number",
        "Add",
        "Show",
        "Nope",
        "Reroute",
        "PrimitiveNode",
        "GetNode",
        "SetNode",
        INNER,
        OUTER,
    ]
)
SLOTS = st.builds(
    slot, st.sampled_from(["a", "seed", "x"]), st.none() | st.integers(0, 5), widget=st.booleans()
)
NODES = st.builds(
    ui,
    st.integers(0, 5) | st.sampled_from(["1", -10]),
    KINDS,
    st.lists(SLOTS, max_size=3),
    st.lists(JSON, max_size=4) | JSON,
    mode=st.sampled_from([0, 0, 0, 2, 4]),
)
ENDS = st.integers(0, 5) | st.sampled_from([-10, -20])
WIRES = st.builds(wire, st.integers(0, 5), ENDS, st.integers(-1, 2), ENDS, st.integers(-1, 2))
GRAPHS = st.lists(NODES | JSON, max_size=5), st.lists(WIRES | JSON, max_size=5)
NEAT = st.lists(NODES, max_size=5), st.lists(WIRES, max_size=6)
DEFINITIONS = st.lists(
    st.builds(
        definition,
        st.sampled_from([INNER, OUTER]),
        *NEAT,
        st.lists(st.text(max_size=1), max_size=2),
    ),
    max_size=2,
)
WORKFLOWS = st.builds(
    workflow, *NEAT, definitions=st.fixed_dictionaries({"subgraphs": DEFINITIONS | JSON})
)


def check_any_workflow(saved, make_bench):
    try:
        prompt = to_api(saved, make_bench().registry)
    except WorkflowError:
        return
    json.dumps(prompt)


FUZZ = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
ANY = WORKFLOWS | st.builds(workflow, *GRAPHS) | JSON


@settings(max_examples=40, **FUZZ)
@given(saved=ANY)
def test_any_json_is_converted_or_refused(saved, make_bench):
    check_any_workflow(saved, make_bench)


@pytest.mark.slow
@settings(max_examples=2000, **FUZZ)
@given(saved=ANY)
def test_any_json_is_converted_or_refused_many(saved, make_bench):
    check_any_workflow(saved, make_bench)
