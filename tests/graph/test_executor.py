import math
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spacetime_video.graph.call import current_node
from spacetime_video.graph.describe import describe
from spacetime_video.graph.errors import GraphError, NodeFailed
from spacetime_video.graph.executor import Executor, NodeCached, NodeFinished, NodeStarted
from spacetime_video.graph.lockstep import Lockstep
from spacetime_video.graph.turns import wait_until
from spacetime_video.hosts.standalone import io


def node(class_type, title=None, **inputs):
    meta = {"_meta": {"title": title}} if title else {}
    return {"class_type": class_type, "inputs": inputs, **meta}


def number(value=1):
    return node("Number", value=value, seed=0, unit="metre")


def show(source, note=""):
    return node("Show", value=source, note=note, loud=False)


def chain():
    return {
        "1": number(2),
        "2": node("Add", a=["1", 0], b=["1", 0], scale=1),
        "3": show(["2", 0], "sum "),
        "4": number(9),
    }


def test_runs_only_what_is_needed_and_returns_the_ui(bench):
    result = Executor(bench.registry).run(chain())

    assert bench.names() == ["Number", "Add", "Show"]
    assert result.executed == ["1", "2", "3"]
    assert result.outputs == {"3": {"text": ["sum 4"]}}
    assert result.cached == []


def test_second_run_executes_what_changed(bench):
    executor = Executor(bench.registry)
    executor.run(chain())
    bench.calls.clear()

    same = executor.run(chain())
    assert (same.executed, same.cached) == ([], ["1", "2", "3"])
    assert same.outputs == {"3": {"text": ["sum 4"]}}

    changed = chain()
    changed["2"]["inputs"]["scale"] = 2
    result = executor.run(changed)
    assert (result.executed, result.cached) == (["2", "3"], ["1"])
    assert bench.names() == ["Add", "Show"]


def test_results_of_the_last_prompt_are_kept_and_no_others(bench):
    executor = Executor(bench.registry)
    executor.run({"1": number(1), "2": show(["1", 0])})
    executor.run({"1": number(2), "2": show(["1", 0])})
    bench.calls.clear()

    executor.run({"1": number(1), "2": show(["1", 0])})

    assert bench.names() == ["Number", "Show"]


def test_equal_nodes_run_once(bench):
    prompt = {
        "1": number(1),
        "2": number(1),
        "3": node("Add", a=["1", 0], b=["2", 0], scale=1),
        "4": show(["3", 0]),
    }

    result = Executor(bench.registry).run(prompt)

    assert bench.names() == ["Number", "Add", "Show"]
    assert result.cached == ["2"]


def test_hidden_inputs_arrive(bench):
    prompt = chain()
    Executor(bench.registry).run(prompt, extra_pnginfo={"workflow": {"nodes": []}})

    hidden = bench.calls[-1][1]["hidden"]
    assert hidden.unique_id == "3"
    assert hidden.prompt == prompt
    assert hidden.extra_pnginfo == {"workflow": {"nodes": []}}
    assert bench.registry["Show"].hidden.unique_id is None


def test_lists_map_nodes_and_shorter_ones_repeat_their_last(bench):
    prompt = {
        "1": node("Numbers", count=3),
        "2": node("Numbers", count=2),
        "3": node("Add", a=["1", 0], b=["2", 0], scale=1),
        "4": node("Total", values=["3", 0], start=5),
        "5": show(["4", 0]),
        "6": show(["3", 0]),
    }

    result = Executor(bench.registry).run(prompt)

    added = [inputs for name, inputs in bench.calls if name == "Add"]
    assert [(call["a"], call["b"]) for call in added] == [(0, 0), (1, 1), (2, 1)]
    assert ("Total", {"values": [0, 2, 3], "start": [5]}) in bench.calls
    assert result.outputs["5"] == {"text": ["10"]}
    assert result.outputs["6"] == {"text": ["0", "2", "3"]}


def test_empty_list_runs_nothing_after_it(bench):
    prompt = {
        "1": node("Numbers", count=0),
        "2": node("Add", a=["1", 0], scale=1),
        "3": show(["2", 0]),
    }

    assert Executor(bench.registry).run(prompt).outputs == {"3": {}}
    assert bench.names() == ["Numbers"]


def test_failure_names_the_node_and_its_inputs(bench):
    prompt = {
        "1": node("Picture"),
        "2": node("Fail", "Sample", value=["1", 0]),
        "3": show(["1", 1], "kept"),
        "4": show(["2", 0]),
    }
    shown = []

    with pytest.raises(NodeFailed) as caught:
        Executor(bench.registry).run(prompt, on_event=shown.append)

    error = caught.value
    assert (error.node_id, error.title, error.class_type) == ("2", "Sample", "Fail")
    assert isinstance(error.cause, RuntimeError)
    assert error.inputs == {"value": "float32[1, 2, 2, 3]"}
    assert '"Sample" (#2, Fail) failed: RuntimeError: sizes do not fit' in str(error)
    assert any(isinstance(e, NodeFinished) and e.ui == {"text": ["keptown"]} for e in shown)


def test_run_after_a_failure_uses_what_was_done(bench):
    executor = Executor(bench.registry)
    prompt = {"1": number(1), "2": node("Fail", value=["1", 0]), "3": show(["2", 0])}
    with pytest.raises(NodeFailed):
        executor.run(prompt)

    with pytest.raises(NodeFailed):
        executor.run(prompt)

    assert bench.names() == ["Number", "Fail", "Fail"]


def test_wrong_prompt_runs_nothing(bench):
    prompt = {**chain(), "5": show(["9", 0])}

    with pytest.raises(GraphError):
        Executor(bench.registry).run(prompt)

    assert bench.calls == []


def test_events_tell_the_story(bench):
    executor = Executor(bench.registry)
    events = []
    executor.run(chain(), on_event=events.append)
    changed = chain()
    changed["3"]["inputs"]["note"] = "x"
    executor.run(changed, on_event=events.append)

    story = [(type(event), event.id) for event in events]
    assert story[:6] == [(kind, i) for i in "123" for kind in (NodeStarted, NodeFinished)]
    assert story[6:8] == [(NodeCached, "1"), (NodeCached, "2")]
    assert (events[4].index, events[4].total) == (2, 3)
    assert (events[8].index, events[8].total) == (0, 1)


def single(execute, **schema):
    """A registry of one output node that runs the given function of its class."""

    class Probe(io.ComfyNode):
        @classmethod
        def define_schema(cls):
            return io.Schema("Probe", "The Probe", is_output_node=True, **schema)

    Probe.execute = classmethod(execute)
    return {"Probe": Probe}


def test_interruption_passes_through():
    def stop(cls):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Executor(single(stop)).run({"1": node("Probe")})


def test_nodes_run_in_inference_mode_and_know_their_name():
    seen = []

    def look(cls):
        seen.append((torch.is_inference_mode_enabled(), current_node()))

    Executor(single(look)).run({"7": node("Probe", "Look")})

    enabled, running = seen[0]
    assert enabled
    assert (running.id, running.title, running.class_type) == ("7", "Look", "Probe")
    assert current_node() is None


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (io.NodeOutput(1), "returned 1 results; its schema has 0 outputs"),
        (5, "must return io.NodeOutput, got int"),
        (io.NodeOutput(expand={}), "expansion"),
        (io.NodeOutput(block_execution="no"), "expansion"),
    ],
)
def test_wrong_returns_are_refused(returned, message):
    with pytest.raises(NodeFailed, match=message):
        Executor(single(lambda cls: returned)).run({"1": node("Probe")})


def test_async_node_is_refused():
    async def wait(cls):
        return io.NodeOutput()

    with pytest.raises(NodeFailed, match="async"):
        Executor(single(wait)).run({"1": node("Probe")})


@pytest.mark.parametrize(("prints", "runs"), [([1, 1], 1), ([1, 2], 2), ([math.nan] * 2, 2)])
def test_fingerprint_decides_about_the_cache(prints, runs):
    ran, left = [], list(prints)
    registry = single(lambda cls: ran.append(1))
    registry["Probe"].fingerprint_inputs = classmethod(lambda cls: left.pop(0))
    executor = Executor(registry)

    for _ in prints:
        executor.run({"1": node("Probe")})

    assert len(ran) == runs


def test_failing_fingerprint_names_the_node():
    registry = single(lambda cls: None)
    registry["Probe"].fingerprint_inputs = classmethod(lambda cls: {}["gone"])

    with pytest.raises(NodeFailed, match=r'"The Probe" \(#1, Probe\) failed: KeyError'):
        Executor(registry).run({"1": node("Probe")})


def test_not_idempotent_nodes_are_not_shared():
    ran = []
    registry = single(lambda cls: ran.append(1), not_idempotent=True)

    Executor(registry).run({"1": node("Probe"), "2": node("Probe")})

    assert len(ran) == 2


def test_descriptions():
    latent = {"samples": torch.zeros(1, 4, 2), "fps": 8}

    assert describe(latent) == "dict(samples=float32[1, 4, 2], fps=8)"
    assert describe([torch.zeros(2).bool(), {}]) == "list of 2 (bool[2], dict())"
    assert describe([[[1]]], depth=1) == "list of 1 (list of 1)"
    assert describe("a" * 100) == repr("a" * 57 + "...")
    assert describe(object()) == "object"


@st.composite
def dags(draw):
    """Prompts of adders over numbers; the constants are ints by node id."""
    count = draw(st.integers(1, 8))
    prompt = {"0": number(draw(st.integers(0, 3)))}
    for index in range(1, count):
        earlier = st.integers(0, index - 1).map(lambda i: [str(i), 0])
        inputs = {"a": draw(earlier), "scale": draw(st.integers(1, 3))}
        if draw(st.booleans()):
            inputs["b"] = draw(earlier)
        prompt[str(index)] = node("Add", **inputs)
    for index in draw(st.lists(st.integers(0, count - 1), min_size=1, max_size=3, unique=True)):
        prompt[f"s{index}"] = show([str(index), 0])
    return prompt


def value_of(prompt, key):
    """What a node gives, straight from the definition."""
    inputs = prompt[key]["inputs"]
    if prompt[key]["class_type"] == "Number":
        return inputs["value"]
    a = value_of(prompt, inputs["a"][0])
    b = value_of(prompt, inputs["b"][0]) if "b" in inputs else 0
    return a + b + inputs["scale"] - 1


def meaning(prompt, key):
    """All that a node's result depends on, nested."""
    inputs = prompt[key]["inputs"]
    return (
        prompt[key]["class_type"],
        key if prompt[key]["class_type"] == "Show" else "",
        tuple(
            (name, meaning(prompt, value[0]) if isinstance(value, list) else value)
            for name, value in sorted(inputs.items())
        ),
    )


def needed(prompt):
    found, pending = set(), [key for key in prompt if key.startswith("s")]
    while pending:
        key = pending.pop()
        found.add(key)
        pending += [v[0] for v in prompt[key]["inputs"].values() if isinstance(v, list)]
    return found


def check_random_runs(prompt, edits, bench):
    executor = Executor(bench.registry)
    before = set()
    for key, value in [(None, 0), *edits]:
        if key in prompt and not key.startswith("s"):
            widget = "value" if prompt[key]["class_type"] == "Number" else "scale"
            inputs = {**prompt[key]["inputs"], widget: value}
            prompt = {**prompt, key: {**prompt[key], "inputs": inputs}}
        bench.calls.clear()
        result = executor.run(prompt)
        wanted = {meaning(prompt, k) for k in needed(prompt)}
        assert len(bench.calls) == len(wanted - before)
        assert {meaning(prompt, k) for k in result.executed} == wanted - before
        for shown, output in result.outputs.items():
            assert output == {"text": [str(value_of(prompt, shown[1:]))]}
        before = wanted


EDITS = st.lists(st.tuples(st.integers(0, 7).map(str), st.integers(1, 3)), max_size=4)


@settings(max_examples=30, deadline=None)
@given(prompt=dags(), edits=EDITS)
def test_random_graphs_run_what_changed(prompt, edits, make_bench):
    check_random_runs(prompt, edits, make_bench())


@pytest.mark.slow
@settings(max_examples=1000, deadline=None)
@given(prompt=dags(), edits=EDITS)
def test_random_graphs_run_what_changed_many(prompt, edits, make_bench):
    check_random_runs(prompt, edits, make_bench())


WORDS = {7: "seven ", 8: "eight "}


def test_runs_beside_each_other_share_what_both_need(bench):
    executor, began, ended = Executor(bench.registry), set(), []

    def prompt(name):
        own = {"3": show(["2", 0], WORDS[name]), "4": number(name), "5": show(["4", 0], "own ")}
        return {"1": number(2), "2": node("Add", a=["1", 0], b=["1", 0], scale=1), **own}

    def run(name):
        def wait_for_the_other(event):
            began.add(name)
            wait_until(lambda: len(began) == 2)

        result = executor.run(prompt(name), on_event=wait_for_the_other, save_again=True)
        ended.append((name, result.outputs["3"]["text"]))

    Lockstep(1).run([partial(run, 7), partial(run, 8)])
    assert ended == [(8, ["eight 4"]), (7, ["seven 4"])]
    assert bench.names().count("Add") == 1
    assert bench.names().count("Show") == 4
    bench.calls.clear()
    assert executor.run(prompt(7)).executed == []
    assert executor.run(prompt(8)).executed == ["3", "4", "5"], "dropped when that run had ended"


def test_equal_runs_beside_each_other_save_each(bench):
    executor = Executor(bench.registry)
    results = []
    run = partial(executor.run, chain(), save_again=True)
    Lockstep(1).run([lambda: results.append(run())] * 2)
    assert [result.executed for result in results] == [["1", "2", "3"], ["3"]]
