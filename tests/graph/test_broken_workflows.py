"""Files that are not workflows are refused with an error that says why."""

import json
import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spacetime_video.graph.errors import WorkflowError
from spacetime_video.graph.workflow import read_workflow, to_api

from .drawn import INNER, OUTER, definition, show, slot, ui, wire, workflow


def itself():
    inside = [ui(1, INNER, [slot("x", 1)])]
    return definition(INNER, inside, [], ("x",))


@pytest.mark.parametrize(
    ("saved", "message"),
    [
        ([], "JSON object"),
        ({"a": 1}, "neither the editor's format"),
        (workflow([3], []), r"nodes\[0\]: 3 is not an object"),
        (workflow([{"id": 1}], []), r"nodes\[0\]: type: null is not a string"),
        (workflow([ui([], "Add")], []), "is not an id"),
        (workflow([], [[1, 2]]), r"links\[0\] has 2 entries"),
        (workflow([ui(1, "Add", values=3)], []), "neither a list nor an object"),
        (
            workflow([ui(1, INNER)], [], definitions={"subgraphs": [itself()]}),
            "contain themselves",
        ),
        (
            workflow([ui(1, "Reroute", [slot("", 1)]), show(2, 1)], [wire(1, 1, 0, 1, 0)]),
            "is part of a cycle",
        ),
    ],
)
def test_broken_workflows_are_refused(bench, saved, message):
    with pytest.raises(WorkflowError, match=message):
        to_api(saved, bench.registry)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "is not a workflow"),
        (b"[1]", "not a workflow"),
        (b"\xff\x00", "is not a workflow"),
        (None, "no workflow file"),
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
    with pytest.raises(WorkflowError, match="is not a workflow"):
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
