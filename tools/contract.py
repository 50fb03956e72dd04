"""The contract of saved graphs: what a node's schema guarantees, and which changes break it.

A graph stores a node's id, its links by output position and input name, and its widget values by
position. So nodes, inputs and outputs never move or disappear; new inputs come last, are optional,
and their defaults reproduce the previous results. Names of outputs may change, and so may the
defaults of required widgets, whose values every graph stores.
"""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

COMMAND = "python -m spacetime_video.tools contract"

Contract = dict[str, dict[str, Any]]


def contract_of(nodes: Iterable[type[Any]]) -> Contract:
    """Return what the nodes guarantee to saved graphs, by node id."""
    schemas = [node.GET_SCHEMA() for node in nodes]
    return {schema.node_id: _promise(schema) for schema in schemas}


def read_contract(path: Path) -> Contract:
    """Read a saved contract."""
    return json.loads(path.read_text(encoding="utf-8"))


def write_contract(path: Path, contract: Contract) -> None:
    """Write a contract with a line for every input and output."""
    nodes = [f'"{name}": {_lines(contract[name])}' for name in sorted(contract)]
    path.write_text("{\n" + ",\n".join(nodes) + "\n}\n", encoding="utf-8")


def breaches(saved: Contract, found: Contract) -> list[str]:
    """List the changes that would break graphs saved under a contract, each with its remedy."""
    broken = []
    for name, promise in saved.items():
        if name not in found:
            broken.append(f"{name} is gone: keep the node, with is_deprecated=True if need be")
        else:
            broken += [f"{name}: {what}" for what in _node_breaches(promise, found[name])]
    return broken


def _promise(schema: Any) -> dict[str, Any]:
    return {
        "takes_lists": schema.is_input_list,
        "is_output": schema.is_output_node,
        "inputs": {spec.id: _input(spec) for spec in schema.inputs},
        "outputs": [_output(output) for output in schema.outputs],
    }


def _input(spec: Any) -> dict[str, Any]:
    promised = {"type": spec.get_io_type(), "optional": bool(spec.optional)}
    optional = {
        "default": getattr(spec, "default", None),
        "min": getattr(spec, "min", None),
        "max": getattr(spec, "max", None),
        "options": getattr(spec, "options", None),
        "control": getattr(spec, "control_after_generate", None) or None,
        "socket_only": getattr(spec, "force_input", None) or None,
    }
    return promised | {name: value for name, value in optional.items() if value is not None}


def _output(output: Any) -> dict[str, Any]:
    promised = {"name": output.display_name, "type": output.get_io_type()}
    return promised | ({"is_list": True} if output.is_output_list else {})


def _lines(promise: Mapping[str, Any]) -> str:
    flags = [f'"{name}": {json.dumps(promise[name])}' for name in ("takes_lists", "is_output")]
    inputs = [f'  "{name}": {json.dumps(spec)}' for name, spec in promise["inputs"].items()]
    outputs = [f"  {json.dumps(output)}" for output in promise["outputs"]]
    return (
        f"{{\n {', '.join(flags)},\n"
        f' "inputs": {{{_block(inputs)}}},\n'
        f' "outputs": [{_block(outputs)}]\n}}'
    )


def _block(lines: list[str]) -> str:
    return "\n" + ",\n".join(lines) if lines else ""


def _node_breaches(saved: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[str]:
    yield from _order_breaches(list(saved["inputs"]), found["inputs"])
    for name, spec in saved["inputs"].items():
        if name in found["inputs"]:
            for what in _input_breaches(spec, found["inputs"][name]):
                yield f"input {name}: {what}"
    yield from _output_breaches(saved["outputs"], found["outputs"])
    if saved["takes_lists"] != found["takes_lists"]:
        yield "is_input_list changed, which changes how execute is called: put it back"
    if saved["is_output"] and not found["is_output"]:
        yield "it is no longer an output node, so graphs that end in it do not run: put it back"


def _order_breaches(saved: list[str], found: Mapping[str, Any]) -> Iterator[str]:
    names = list(found)
    gone = [name for name in saved if name not in found]
    if gone:
        yield f"input {', '.join(gone)} is gone or has another name: inputs keep their names"
    elif names[: len(saved)] != saved:
        yield (
            f"inputs {', '.join(saved)} now are {', '.join(names)}, but widget values are stored "
            "by position: keep the order and put new inputs last"
        )
    for name in names:
        if name not in saved and not found[name]["optional"]:
            yield f"input {name} is new and required, but saved graphs lack it: make it optional"


def _input_breaches(saved: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[str]:
    if not set(saved["type"].split(",")) <= set(found["type"].split(",")):
        yield f"type {saved['type']} is now {found['type']}: add a new input with another name "
        "instead"
    if saved["optional"] and not found["optional"]:
        yield "it was optional: graphs without it must keep working"
    for name in (*["default"] * saved["optional"], "control", "socket_only"):
        if saved.get(name) != found.get(name):
            yield f"{name} {saved.get(name)!r} is now {found.get(name)!r}: put it back"
    lost = [option for option in saved.get("options", ()) if option not in found.get("options", ())]
    if lost:
        yield f"{', '.join(map(str, lost))} cannot be chosen any more: options may only be added"
    least, most = found.get("min"), found.get("max")
    if least is not None and least > saved.get("min", -math.inf):
        yield f"the smallest value was {saved.get('min')} and is now {least}: ranges may only grow"
    if most is not None and most < saved.get("max", math.inf):
        yield f"the largest value was {saved.get('max')} and is now {most}: ranges may only grow"


def _output_breaches(saved: list[Any], found: list[Any]) -> Iterator[str]:
    if _kinds(found)[: len(saved)] != _kinds(saved):
        yield (
            f"outputs {_names(saved)} now are {_names(found)}, but links are stored by position: "
            "keep types and order, and put new outputs last"
        )


def _kinds(outputs: list[Any]) -> list[Any]:
    return [(output["type"], output.get("is_list", False)) for output in outputs]


def _names(outputs: list[Any]) -> str:
    each = [
        f"{output['name']} ({'list of ' * output.get('is_list', False)}{output['type']})"
        for output in outputs
    ]
    return ", ".join(each) or "none"
