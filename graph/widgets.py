"""The values of a saved node's widgets, found by name or by their place."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from .schema import Schema
from .sockets import Combo, Input
from .ui_graph import UINode
from .values import widget_of

BROUGHT_BY = "brought_by"
"""In the `extra_dict` of an input that a choice brings: the choice's name, and its values then."""

_SEED_NAMES = frozenset({"seed", "noise_seed"})
_CONTROL_WORDS = frozenset({"fixed", "increment", "decrement", "randomize", "increment-wrap"})


def widget_values(node: UINode, schema: Schema | None) -> dict[str, Any]:
    """Return the value of every widget of a node by the input's id, defaults included.

    A list of values is in the order of the node's widgets: that of the saved inputs where they
    name as many widgets as there are values, else that of the schema. After a seed the editor
    stores what to do with it before the next run, which is skipped. A socket that a pack's script
    draws a widget for is one where the saved node says so.

    Args:
        node: the saved node; without a schema only names that it carries itself are known.
        schema: of its class, None for an unknown class.
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
    """Return the name that a host has for an input of a saved graph.

    Newer hosts name an input after the choice that it belongs to, such as `format.codec`, which
    is `codec` in older ones.

    Args:
        name: in the graph.
        known: the host's names.
        given: other names of the same node in the graph, by which they are found quickly.
    """
    if "." in name and name in known:
        return name
    own = name.rpartition(".")[2]
    choices = (each for each in known if "." in each and each.rpartition(".")[2] == own)
    return next((each for each in choices if each.rpartition(".")[0] in given), own)


def _by_place(
    names: Sequence[str], values: list[Any], specs: dict[str, Input]
) -> dict[str, Any] | None:
    """Pair the values with the names that the saved node carries, None unless all fit."""
    paired, used = _walk(names, values, specs)
    return paired if names and set(paired) == set(names) and used == len(values) else None


def pair_values(
    names: Sequence[str],
    values: list[Any],
    specs: Mapping[str, Input],
    controlled: Collection[str] = (),
) -> dict[str, Any]:
    """Pair names of widgets with values in turn; controls behind seeds are skipped.

    Args:
        names: of widgets in their order.
        values: as the editor saves them.
        specs: of those widgets that are known.
        controlled: further widgets that may have a control behind them.
    """
    return _walk(names, values, specs, controlled)[0]


def _walk(
    names: Sequence[str],
    values: list[Any],
    specs: Mapping[str, Input],
    controlled: Collection[str] = (),
) -> tuple[dict[str, Any], int]:
    """Pair names with values in turn; return the pairs and how many values that took."""
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
    """Whether the editor puts a seed control after this widget."""
    flag = getattr(widget_of(spec), "control_after_generate", None) if spec else None
    if flag is not None:
        return bool(flag)
    return name in _SEED_NAMES and (spec is None or spec.get_io_type() == "INT")


def _control_length(values: list[Any], place: int, spec: Input | None, following: int) -> int:
    """Values that the control takes: none in files written without it, two after a combo.

    In files of 2023 it is true or false.
    """
    if isinstance(values[place], bool):
        return int(len(values) - place > following)
    if not (isinstance(values[place], str) and values[place] in _CONTROL_WORDS):
        return 0
    has_filter = isinstance(spec, Combo.Input) and len(values) - place - 1 > following
    return 2 if has_filter else 1


def brought(specs: Mapping[str, Input], inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the defaults of inputs that a choice brings, where a node has made it without them."""
    return {
        name: value
        for name, value in _defaults(specs, inputs).items()
        if BROUGHT_BY in specs[name].extra_dict and name not in inputs
    }


def _defaults(specs: Mapping[str, Input], given: Mapping[str, Any]) -> dict[str, Any]:
    """Defaults of inputs; of those that a choice brings where it was made."""
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
