import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spacetime_video.graph.errors import GraphError
from spacetime_video.graph.graph import CycleError, Link, order_nodes
from spacetime_video.graph.validate import validate


def node(class_type, title=None, **inputs):
    meta = {"_meta": {"title": title}} if title else {}
    return {"class_type": class_type, "inputs": inputs, **meta}


def number(**inputs):
    return node("Number", **{"value": 1, "seed": 0, "unit": "metre", **inputs})


def show(source, **inputs):
    return node("Show", "Save", **{"value": source, "note": "", "loud": False, **inputs})


def problems(prompt, bench):
    with pytest.raises(GraphError) as caught:
        validate(prompt, bench.registry)
    return caught.value.problems


def test_good_prompt_becomes_a_graph_in_order(bench):
    prompt = {
        "9": show(["2", 0]),
        "2": node("Add", a=["1", 0], scale=3),
        "1": number(),
        "7": number(value=1000),
    }

    graph = validate(prompt, bench.registry)

    assert list(graph.nodes) == ["1", "2", "9"]
    assert graph.nodes["2"].inputs == {"a": Link("1", 0), "scale": 3.0}
    assert isinstance(graph.nodes["2"].inputs["scale"], float)
    assert graph.output_nodes == ["9"]


def test_all_problems_are_listed_at_once(bench):
    prompt = {
        "1": number(value=101, unit="secnd"),
        "2": node("Add", "Sum", b=["8", 0], scale="x"),
        "3": node("Nope", "Strange"),
        "4": node("Never"),
        "5": show(["2", 1]),
        "6": show(["1", 0], loud="maybe"),
    }

    found = problems(prompt, bench)
    text = "\n".join(found)

    assert found[0].startswith(
        '2 nodes have an unknown type: "Strange" (#3, Nope), "Never" (#4, Never)'
    )
    assert "comfy run --workflow" in found[0]
    assert '"A Number" (#1, Number): input value: 101 is above the maximum 100' in text
    assert '"secnd" is not one of "metre", "second" (did you mean "second"?)' in text
    assert '"Sum" (#2, Add): input a: is missing; its type is INT' in text.splitlines()
    assert "input b: comes from node #8, which is not in the workflow" in text
    assert 'input scale: "x" is not a number' in text
    assert 'input value: comes from output 1 of "Sum" (#2, Add), which has 1 outputs' in text
    assert 'input loud: "maybe" is neither true nor false' in text
    assert len(found) == 8


def test_a_missing_value_is_told_with_its_default(bench):
    prompt = {"1": number(), "2": node("Add", a=["1", 0]), "3": show(["2", 0])}
    told = '"Add" (#2, Add): input scale: is missing; its type is FLOAT, its default 1.0'
    assert problems(prompt, bench) == (told,)


def test_sockets_of_different_types_do_not_fit(bench):
    prompt = {
        "1": node("Picture"),
        "2": node("Picture", image=["1", 1], own=["1", 1], either=["1", 2]),
        "3": show(["2", 0]),
    }

    assert problems(prompt, bench) == (
        '"Picture" (#2, Picture): input image: expects IMAGE, but '
        '"Picture" (#1, Picture) outputs OWN',
    )


def test_constant_in_a_socket_is_refused(bench):
    prompt = {"1": node("Picture", image=3), "2": show(["1", 0])}

    assert "must be linked" in problems(prompt, bench)[0]


def test_circle_is_named(bench):
    prompt = {
        "1": node("Add", "First", a=["2", 0], scale=1),
        "2": node("Add", "Second", a=["1", 0], scale=1),
        "3": show(["1", 0]),
    }

    assert problems(prompt, bench) == (
        'the links form a cycle: "First" (#1, Add) -> "Second" (#2, Add) -> "First" (#1, Add)',
    )


def test_prompt_without_output_node_is_refused(bench):
    assert "saves or shows" in problems({"1": number()}, bench)[0]
    assert "no node is left" in problems({}, bench)[0]


def test_own_check_sees_constants_and_replaces_the_range(bench):
    prompt = {"1": node("Even", value=5), "2": show(["1", 0])}
    assert problems(prompt, bench) == ('"Even" (#1, Even): input value: 5 is odd',)

    validate({"1": node("Even", value=6), "2": show(["1", 0])}, bench.registry)
    validate(
        {"0": number(), "1": node("Even", value=["0", 0]), "2": show(["1", 0])}, bench.registry
    )


@pytest.mark.parametrize(
    ("value", "read"), [("7", 7), (7.0, 7), (7, 7), (True, None), ("x", None), (7.5, None)]
)
def test_whole_numbers(bench, value, read):
    prompt = {"1": number(value=value), "2": show(["1", 0])}
    if read is None:
        assert "is not a whole number" in problems(prompt, bench)[0]
    else:
        assert validate(prompt, bench.registry).nodes["1"].inputs["value"] == read


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 10**400, "1e999", [], {}, None])
def test_bad_numbers(bench, value):
    prompt = {"1": number(), "2": node("Add", a=["1", 0], scale=value), "3": show(["2", 0])}

    assert len(problems(prompt, bench)) == 1


def test_wrapped_list_is_a_value(bench):
    graph = validate({"1": show({"__value__": ["1", 0]})}, bench.registry)

    assert graph.nodes["1"].inputs["value"] == ["1", 0]


def test_order_goes_branch_by_branch():
    feeds = {"out": ["b", "a"], "a": ["base"], "b": ["base"], "base": [], "idle": []}

    assert order_nodes(["out"], feeds) == ["base", "b", "a", "out"]


def test_order_of_a_long_chain():
    feeds = {str(i): [str(i + 1)] for i in range(5000)}

    assert len(order_nodes(["0"], feeds)) == 5000
    with pytest.raises(CycleError):
        order_nodes(["0"], {**feeds, "4999": ["0"]})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)
IDS = st.sampled_from(["1", "2", "3", "", "1:2"])
VALUES = JSON | st.tuples(IDS, st.integers(-2, 3)).map(list)
INPUTS = st.dictionaries(
    st.sampled_from(["value", "a", "b", "scale", "image", "own", "unit", "values", "note"]), VALUES
)
CLASSES = st.sampled_from(["Number", "Add", "Show", "Picture", "Even", "Total", "Nope"])
PROMPTS = st.dictionaries(
    IDS,
    st.fixed_dictionaries({"class_type": CLASSES, "inputs": INPUTS, "_meta": JSON})
    | st.fixed_dictionaries({"class_type": CLASSES, "inputs": JSON})
    | JSON,
)


def check_any_prompt(prompt, make_bench):
    try:
        graph = validate(prompt, make_bench().registry)
    except GraphError:
        return
    assert graph.output_nodes
    assert all(link.node in graph.nodes for node in graph.nodes.values() for link in node.links)


FUZZ = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}


@settings(max_examples=30, **FUZZ)
@given(prompt=PROMPTS | JSON)
def test_any_prompt_is_checked_or_refused(prompt, make_bench):
    check_any_prompt(prompt, make_bench)


@pytest.mark.slow
@settings(max_examples=2000, **FUZZ)
@given(prompt=PROMPTS | JSON)
def test_any_prompt_is_checked_or_refused_many(prompt, make_bench):
    check_any_prompt(prompt, make_bench)
