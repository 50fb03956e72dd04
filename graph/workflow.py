"""Convert saved workflow files to prompts, as the editor does when Run is pressed."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..media import MOST_BYTES
from .errors import WorkflowError
from .group_nodes import open_groups
from .schema import ComfyNode, Schema
from .subgraphs import Constant, Lost, Scope, Shared, Source, open_subgraphs, trace
from .ui_graph import UINode, read_graph, read_subgraphs
from .widgets import known_name, widget_values

Prompt = dict[str, dict[str, Any]]

MOST_LEVELS = 100
"""Maximum nesting depth of objects and lists."""


def read_workflow(path: Path) -> dict[str, Any]:
    """Read a workflow file of either format.

    Raises:
        WorkflowError: the file cannot be read, or does not contain a JSON object.
    """
    try:
        with path.open("rb") as file:
            text = file.read(MOST_BYTES.value + 1)
    except FileNotFoundError:
        raise WorkflowError(f"no workflow file {path}") from None
    except OSError as error:
        raise WorkflowError(f"{path} is not a workflow: {error}") from error
    return parse_workflow(text, str(path))


def parse_workflow(text: bytes, name: str) -> dict[str, Any]:
    """Parse the JSON of a workflow of either format; messages call its source ``name``.

    Raises:
        WorkflowError: it is not a JSON object, or is too long or nested too deeply.
    """
    most = MOST_BYTES.value
    if len(text) > most:
        raise WorkflowError(
            f"{name} is larger than {most} bytes, the limit for workflows: check that it is the "
            f"right file, or {MOST_BYTES.raised(max(len(text), 2 * most))}"
        )
    try:
        workflow = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise WorkflowError(f"{name} is not a workflow: {error}") from error
    if not isinstance(workflow, dict):
        raise WorkflowError(f"{name} contains a JSON {type(workflow).__name__}, not a workflow")
    check_depth(workflow)
    return workflow


def check_depth(workflow: object) -> None:
    """Reject JSON nested more deeply than any workflow, since its readers are recursive.

    Raises:
        WorkflowError: it is nested more than `MOST_LEVELS` levels deep.
    """
    level = [workflow]
    for _ in range(MOST_LEVELS):
        level = [child for each in level for child in _children(each)]
        if not level:
            return
    raise WorkflowError(
        f"the workflow's JSON is nested more than {MOST_LEVELS} levels deep: save it again in "
        "the editor"
    )


def _children(value: object) -> Iterable[object]:
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return (child for child in inside if isinstance(child, dict | list))


def is_ui_format(workflow: Mapping[str, Any]) -> bool:
    """Return whether JSON is a graph in the editor's format, with node positions."""
    return isinstance(workflow.get("nodes"), list)


def is_api_format(workflow: Mapping[str, Any]) -> bool:
    """Return whether JSON is a prompt: nodes by id, with their inputs by name."""
    return any(isinstance(node, dict) and "class_type" in node for node in workflow.values())


def to_api(workflow: object, registry: Mapping[str, type[ComfyNode]]) -> Prompt:
    """Convert a workflow to a prompt; API-format JSON keeps its form.

    Subgraphs and group nodes are expanded (ids "outer:inner"); reroutes, primitives, notes and
    Get/Set nodes are resolved. Muted nodes are left out, together with the nodes that require
    them; bypassed nodes pass their inputs on by type.

    Args:
        workflow: JSON in UI format (version 0.4 or 1) or API format.
        registry: node id -> class; nodes of unknown classes are converted as far as possible.

    Raises:
        WorkflowError: the JSON is in neither format, or malformed.
    """
    if not isinstance(workflow, dict):
        raise WorkflowError("a workflow is a JSON object")
    if not is_ui_format(workflow):
        given = _unwrapped(workflow)
        if given is not None:
            return _as_known(copy.deepcopy(dict(given)), registry)
        raise WorkflowError(
            "this JSON is not a workflow: neither the editor's format (with nodes and links) nor "
            "the API format (nodes by id, each with a class_type)"
        )
    schemas: dict[str, Schema | None] = {}

    def schema_of(kind: str) -> Schema | None:
        if kind not in schemas:
            known = registry.get(kind)
            schemas[kind] = known.GET_SCHEMA() if known else None
        return schemas[kind]

    drawn = read_graph(workflow, "workflow"), read_subgraphs(workflow)
    root = open_subgraphs(*open_groups(workflow, *drawn, schema_of))
    prompt: Prompt = {}
    lost: dict[str, set[str]] = {}
    for scope, node in root.nodes():
        schema = schema_of(node.type)
        inputs, without = _read_inputs(scope, node, schema, registry)
        title = node.title or (schema and schema.display_name) or node.type
        key = scope.id_of(node)
        prompt[key] = {"class_type": node.type, "inputs": inputs, "_meta": {"title": title}}
        lost[key] = without & _required(schema)
    _drop_crippled(prompt, lost, schemas)
    return prompt


def _unwrapped(workflow: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The prompt: the JSON itself, or part of a ComfyUI server request or history entry."""
    if is_api_format(workflow):
        return workflow
    bodies = [workflow, *workflow.values()] if len(workflow) == 1 else [workflow]
    for body in bodies:
        given = body.get("prompt") if isinstance(body, dict) else None
        for prompt in given[2:3] if isinstance(given, list) else [given]:
            if isinstance(prompt, dict) and is_api_format(prompt):
                return prompt
    return None


def _as_known(prompt: Prompt, registry: Mapping[str, type[ComfyNode]]) -> Prompt:
    """Add inputs that belong to a choice under the host's names as well, see `known_name`.

    A name with its choice takes precedence over the bare name, under which newer hosts keep a
    hidden input.
    """
    for node in prompt.values():
        inputs = node.get("inputs") if isinstance(node, dict) else None
        kind = node.get("class_type") if isinstance(inputs, dict) else None
        if isinstance(kind, str) and kind in registry and isinstance(inputs, dict):
            known = {spec.id for spec in registry[kind].GET_SCHEMA().inputs}
            for name in list(inputs):
                here = known_name(name, known, inputs)
                if here in known and ("." in name or here not in inputs):
                    inputs[here] = inputs[name]
    return prompt


def _read_inputs(
    scope: Scope,
    node: UINode,
    schema: Schema | None,
    registry: Mapping[str, type[ComfyNode]],
) -> tuple[dict[str, Any], set[str]]:
    """A node's inputs, and the names of those whose link ends at a node that does not run."""
    inputs = {name: _wrapped(value) for name, value in widget_values(node, schema).items()}
    lost: set[str] = set()
    for slot in node.inputs:
        source = trace(scope, slot)
        if isinstance(source, Source):
            inputs[slot.name] = [source.node, source.slot]
        elif isinstance(source, Constant):
            inputs[slot.name] = _wrapped(source.value)
        elif isinstance(source, Shared):
            inputs[slot.name] = _wrapped(_shared_value(source, registry, inputs.get(slot.name)))
        elif isinstance(source, Lost) and slot.name not in inputs:
            lost.add(slot.name)
    return inputs, lost


def _shared_value(source: Shared, registry: Mapping[str, type[ComfyNode]], own: object) -> object:
    known = registry.get(source.node.type)
    values = widget_values(source.node, known.GET_SCHEMA() if known else None)
    return values.get(source.widget, own)


def _wrapped(value: object) -> object:
    """Wrap a list value to distinguish it from a link, as ComfyUI does."""
    return {"__value__": value} if isinstance(value, list) else value


def _required(schema: Schema | None) -> set[str]:
    return {spec.id for spec in schema.inputs if not spec.optional} if schema else set()


def _drop_crippled(
    prompt: Prompt, lost: Mapping[str, set[str]], schemas: Mapping[str, Schema | None]
) -> None:
    """Remove nodes that lack a required input from a muted node, and nodes that require them."""
    fed: dict[str, list[tuple[str, str]]] = {}
    for key, node in prompt.items():
        for name, value in node["inputs"].items():
            if isinstance(value, list):
                fed.setdefault(value[0], []).append((key, name))
    gone = [key for key, names in lost.items() if names]
    while gone:
        dropped = gone.pop()
        if prompt.pop(dropped, None) is None:
            continue
        for key, name in fed.get(dropped, ()):
            node = prompt.get(key)
            if node is not None and node["inputs"].pop(name, None) is not None:
                gone += [key] if name in _required(schemas[node["class_type"]]) else []
