"""Find the values of a saved node's widgets by name or by position."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from .schema import Schema
from .sockets import Combo, Input
from .ui_graph import UINode
from .values import widget_of

BROUGHT_BY = "brought_by"
"""Key in the `extra_dict` of an input that a choice adds: the choice, and its values that do."""

_SEED_NAMES = frozenset({"seed", "noise_seed"})
_CONTROL_WORDS = frozenset({"fixed", "increment", "decrement", "randomize", "increment-wrap"})


def widget_values(node: UINode, schema: Schema | None) -> dict[str, Any]:
    """Return the values of all widgets of a node by input id, including defaults.

    A list of values follows the order of the node's widgets: the order of the saved inputs if they
    name as many widgets as there are values, else the order of the schema. After a seed the editor
    stores its seed control, which is skipped. A socket for which a pack's script draws a widget
    counts as a widget if the saved node says so.

    Args:
        node: the saved node; without a schema, only the names that it contains are known.
        schema: the schema of its class, or None for an unknown class.
    """
    drawn = {slot.widget: None for slot in node.inputs if slot.widget}
    inputs = schema.inputs if schema else ()
    specs = {spec.id: spec for spec in inputs if widget_of(spec) or spec.id in drawn}
    saved_names = [known_name(name, specs, drawn) for name in drawn]
    if isinstance(node.values, dict):
        named = {known_name(k, specs, node.values): v for k, v in node.values.items()}
        stored = {k: v for k, v in named.items() if k in specs or schema is None}
    else:
        stored = _by_place(saved_names, node.values, specs)
        if stored is None or not set(stored) <= set(specs or stored):
            stored = pair_values(list(specs), node.values, specs)
    given = {name: value for name, value in stored.items() if value is not None}
    return {**_defaults(specs, given), **given}


def known_name(name: str, known: Collection[str], given: Mapping[str, Any]) -> str:
    """Return the host's name for an input of a saved graph.

    Newer hosts prefix an input with the choice that it belongs to, such as `format.codec`, which
    older ones call `codec`.

    Args:
        name: its name in the graph.
        known: the host's names.
        given: the node's inputs in the graph, by name.
    """
    if "." in name and name in known:
        return name
    own = name.rpartition(".")[2]
    choices = (each for each in known if "." in each and each.rpartition(".")[2] == own)
    return next((each for each in choices if each.rpartition(".")[0] in given), own)


def _by_place(
    names: Sequence[str], values: list[Any], specs: dict[str, Input]
) -> dict[str, Any] | None:
    """Pair the values with the names in the saved node; return None unless all of them match."""
    paired, used = _walk(names, values, specs)
    return paired if names and set(paired) == set(names) and used == len(values) else None


def pair_values(
    names: Sequence[str],
    values: list[Any],
    specs: Mapping[str, Input],
    controlled: Collection[str] = (),
) -> dict[str, Any]:
    """Pair widget names with values in order, skipping the controls after seeds.

    Args:
        names: widget names in order.
        values: the values as saved by the editor.
        specs: the schema entries of known widgets.
        controlled: further widgets that may be followed by a control.
    """
    return _walk(names, values, specs, controlled)[0]


def _walk(
    names: Sequence[str],
    values: list[Any],
    specs: Mapping[str, Input],
    controlled: Collection[str] = (),
) -> tuple[dict[str, Any], int]:
    """Pair names with values in order; return the pairs and the number of values used."""
    paired: dict[str, Any] = {}
    place = 0
    for position, name in enumerate(names):
        if place >= len(values):
            break
        paired.setdefault(name, values[place])
        place += 1
        has_control = name in controlled or _has_control(name, specs.get(name))
        if has_control and values[place : place + 1]:
            place += _control_length(values, place, specs.get(name), len(names) - position - 1)
    return paired, place


def _has_control(name: str, spec: Input | None) -> bool:
    """Return whether the editor puts a seed control after this widget."""
    flag = getattr(widget_of(spec), "control_after_generate", None) if spec else None
    if flag is not None:
        return bool(flag)
    return name in _SEED_NAMES and (spec is None or spec.get_io_type() == "INT")


def _control_length(values: list[Any], place: int, spec: Input | None, following: int) -> int:
    """The number of values of the control: 0 in files without it, 2 for a combo with a filter.

    In files from 2023 its value is true or false.
    """
    if isinstance(values[place], bool):
        return int(len(values) - place > following)
    if not (isinstance(values[place], str) and values[place] in _CONTROL_WORDS):
        return 0
    has_filter = isinstance(spec, Combo.Input) and len(values) - place - 1 > following
    return 2 if has_filter else 1


def brought(specs: Mapping[str, Input], inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the defaults of inputs that a node's choice adds and that the node lacks."""
    return {
        name: value
        for name, value in _defaults(specs, inputs).items()
        if BROUGHT_BY in specs[name].extra_dict and name not in inputs
    }


def _defaults(specs: Mapping[str, Input], given: Mapping[str, Any]) -> dict[str, Any]:
    """Defaults of inputs; an input that a choice adds has one only if that choice is made."""
    found: dict[str, Any] = {}
    for name, spec in specs.items():
        widget = widget_of(spec)
        options = getattr(widget, "options", None)
        default = getattr(widget, "default", None)
        if default is None and options:
            default = options[0]
        choice, values = spec.extra_dict.get(BROUGHT_BY, ("", None))
        is_there = values is None or given.get(choice, found.get(choice)) in values
        if default is not None and is_there:
            found[name] = default
    return found
