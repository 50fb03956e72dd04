"""Runs that hold no more than they need, and output nodes that save in every run."""

import weakref

import pytest

from spacetime_video.graph.executor import Executor
from spacetime_video.hosts.standalone import io


class Weights:
    """Something large."""


def node_class(id, inputs, outputs, execute, is_output_node=False):
    class Made(io.ComfyNode):
        @classmethod
        def define_schema(cls):
            any_type = io.AnyType
            return io.Schema(
                node_id=id,
                inputs=[any_type.Input(name) for name in inputs],
                outputs=[any_type.Output(display_name=name) for name in outputs],
                is_output_node=is_output_node,
            )

    Made.execute = classmethod(execute)
    return Made


@pytest.fixture
def alive():
    """Weak references to the weights that Load has made, in the order model, vae."""
    return []


@pytest.fixture
def seen():
    """Which of them were still held when a node ran."""
    return []


@pytest.fixture
def registry(alive, seen):
    """Load -> model, vae; Sample takes the model, Decode the vae, Show ends it."""

    def load(cls):
        made = Weights(), Weights()
        alive[:] = map(weakref.ref, made)
        return io.NodeOutput(*made)

    def look(name):
        seen.append((name, *(each() is not None for each in alive)))

    def sample(cls, model):
        look("Sample")
        return io.NodeOutput(1)

    def decode(cls, latent, vae):
        look("Decode")
        return io.NodeOutput(latent + 1)

    def show(cls, value):
        look("Show")
        return io.NodeOutput(ui={"text": [value]})

    return {
        "Load": node_class("Load", [], ["model", "vae"], load),
        "Sample": node_class("Sample", ["model"], ["latent"], sample),
        "Decode": node_class("Decode", ["latent", "vae"], ["images"], decode),
        "Show": node_class("Show", ["value"], [], show, is_output_node=True),
    }


PROMPT = {
    "1": {"class_type": "Load", "inputs": {}},
    "2": {"class_type": "Sample", "inputs": {"model": ["1", 0]}},
    "3": {"class_type": "Decode", "inputs": {"latent": ["2", 0], "vae": ["1", 1]}},
    "4": {"class_type": "Show", "inputs": {"value": ["3", 0]}},
    "5": {"class_type": "Show", "inputs": {"value": ["2", 0]}},
}


def test_outputs_that_nobody_reads_any_more_are_dropped(registry, seen, alive):
    executor = Executor(registry)
    result = executor.run(PROMPT, lean=True)
    assert result.outputs == {"4": {"text": [2]}, "5": {"text": [1]}}
    assert seen == [
        ("Sample", True, True), ("Decode", False, True), ("Show", False, False),
        ("Show", False, False),
    ]  # fmt: skip
    assert executor.run(PROMPT, lean=True).cached == []


def test_what_was_kept_before_is_dropped_too(registry, alive):
    executor = Executor(registry)
    executor.run(PROMPT)
    before = list(alive)
    assert all(each() is not None for each in before)
    executor.run(PROMPT, lean=True)
    assert all(each() is None for each in before)


def test_a_lean_run_that_fails_keeps_nothing(registry, alive):
    executor = Executor(registry)
    registry["Decode"].execute = classmethod(lambda cls, latent, vae: 1 / 0)
    with pytest.raises(RuntimeError, match="division by zero"):
        executor.run(PROMPT, lean=True)
    assert all(each() is None for each in alive)


def test_outputs_are_saved_again_where_that_is_asked_for(registry):
    executor = Executor(registry)
    executor.run(PROMPT)
    again = executor.run(PROMPT, save_again=True)
    assert (again.executed, again.cached) == (["4", "5"], ["1", "2", "3"])
    assert executor.run(PROMPT).executed == []


def test_everything_can_be_let_go(registry, alive):
    executor = Executor(registry)
    executor.run(PROMPT)
    executor.forget()
    assert all(each() is None for each in alive)
