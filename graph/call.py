"""Call one node: lists in, lists out, with the hidden inputs that its schema requests."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from .graph import GraphNode
from .schema import Hidden, HiddenHolder, NodeOutput, UIOutput, with_hidden

Lists = dict[str, list[Any]]


@dataclass(frozen=True)
class RunningNode:
    """The node that is running."""

    id: str
    title: str
    class_type: str


@dataclass(frozen=True)
class Result:
    """A node's result: one list per output, and its UI output."""

    outputs: tuple[list[Any], ...]
    ui: Mapping[str, list[Any]]


_running: ContextVar[RunningNode | None] = ContextVar("running_node", default=None)


def current_node() -> RunningNode | None:
    """Return the node that is running, or None outside of nodes."""
    return _running.get()


@contextmanager
def running(node: GraphNode) -> Iterator[None]:
    """Make a node the current one inside a `with` block."""
    token = _running.set(RunningNode(node.id, node.title, node.class_type))
    try:
        yield
    finally:
        _running.reset(token)


def call_node(node: GraphNode, inputs: Lists, hidden: HiddenHolder) -> Result:
    """Run a node over the lists of its inputs, as ComfyUI does.

    A node with `is_input_list` is called once with the whole lists. Any other node is called once
    per item, with the last item of shorter lists repeated, and not at all if a list is empty.

    Args:
        node: the node.
        inputs: one list for each input that is set.
        hidden: all hidden values; the node gets those that its schema names.

    Raises:
        TypeError: the node's return value does not match its schema.
        Exception: whatever the node raises.
    """
    asked = {key: getattr(hidden, key) for key in (h.name for h in node.schema.hidden)}
    node_class = with_hidden(node.node, HiddenHolder(**asked))
    calls = [inputs] if node.schema.is_input_list else list(_zip_longest(inputs))
    returned = [_read_returned(node, node_class.execute(**call)) for call in calls]
    return Result(_merge_outputs(node, returned), _merge_ui(returned))


def hidden_inputs(
    node: GraphNode, prompt: Mapping[str, Any], extra_pnginfo: Mapping[str, Any] | None
) -> HiddenHolder:
    """Return all hidden values for a node's call."""
    values = {
        Hidden.unique_id.name: node.id,
        Hidden.prompt.name: prompt,
        Hidden.extra_pnginfo.name: extra_pnginfo,
    }
    return HiddenHolder(**values)


def _zip_longest(inputs: Lists) -> Iterator[dict[str, Any]]:
    lengths = [len(values) for values in inputs.values()]
    count = 0 if 0 in lengths else max(lengths, default=1)
    for index in range(count):
        yield {name: values[min(index, len(values) - 1)] for name, values in inputs.items()}


def _read_returned(node: GraphNode, returned: object) -> NodeOutput:
    output = NodeOutput(*returned) if isinstance(returned, tuple) else returned or NodeOutput()
    if inspect.iscoroutine(output):
        output.close()
        raise TypeError("the standalone host does not run async nodes: make execute a plain method")
    if not isinstance(output, NodeOutput):
        raise TypeError(f"a node must return io.NodeOutput, got {type(output).__name__}")
    if output.expand is not None or output.block_execution is not None:
        raise TypeError("the standalone host does not support node expansion or execution blocking")
    wanted = len(node.schema.outputs)
    if len(output.args) != wanted:
        raise TypeError(
            f"the node returned {len(output.args)} results; its schema has {wanted} outputs"
        )
    return output


def _merge_outputs(node: GraphNode, returned: list[NodeOutput]) -> tuple[list[Any], ...]:
    merged: list[list[Any]] = []
    for index, spec in enumerate(node.schema.outputs):
        results = [output.args[index] for output in returned]
        merged.append(
            [item for result in results for item in result] if spec.is_output_list else results
        )
    return tuple(merged)


def _merge_ui(returned: list[NodeOutput]) -> dict[str, list[Any]]:
    merged: dict[str, list[Any]] = {}
    for output in returned:
        shown = output.ui.as_dict() if isinstance(output.ui, UIOutput) else output.ui or {}
        for key, values in shown.items():
            merged.setdefault(key, []).extend(values)
    return merged
