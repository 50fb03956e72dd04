"""The nodes of another host, built from its `/object_info`: for reading graphs, not running them.

They provide what the converter needs of a node: which inputs are widgets, in what order, with
which defaults, and which values can be assigned.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

from .errors import WorkflowError
from .object_info import SENT_AS
from .registry import Registry
from .schema import ComfyNode, Schema
from .sockets import Boolean, Combo, Custom, Float, Input, Int, Output, String, WidgetInput
from .values import quote
from .widgets import BROUGHT_BY

_WIDGETS: Mapping[str, type[WidgetInput]] = {
    "BOOLEAN": Boolean.Input,
    "FLOAT": Float.Input,
    "INT": Int.Input,
    "STRING": String.Input,
}
_CHOICE, _CHOICE_OF_INPUTS, _GROWING = "COMBO", "COMFY_DYNAMICCOMBO_V3", "COMFY_AUTOGROW_V3"
_UPLOAD = "_upload"
"""Suffix of the option that puts an upload button beside a choice of files."""


class ServerNode(ComfyNode):
    """A node that exists on a server; `described` is the server's description of it."""

    described: ClassVar[Mapping[str, Any]]

    @classmethod
    def define_schema(cls) -> Schema:
        """Return the schema; inputs that a choice adds are named `choice.input`."""
        sockets = cls.described.get("input") or {}
        inputs = [
            spec
            for group in ("required", "optional")
            for name, about in (sockets.get(group) or {}).items()
            for spec in _specs(name, about, optional=group == "optional")
        ]
        return Schema(
            node_id=str(cls.described["name"]),
            display_name=cls.described.get("display_name"),
            inputs=_united(inputs),
            outputs=[_output(kind) for kind in cls.described.get("output") or ()],
            is_output_node=bool(cls.described.get("output_node")),
        )

    @classmethod
    def GET_SCHEMA(cls) -> Schema:  # noqa: N802 (the host's name)
        """Return the schema, unchecked: packs may give an input and an output the same name."""
        return cls.define_schema()


def server_nodes(info: object) -> Registry:
    """Return the registry of a server's nodes.

    Args:
        info: the server's response to `/object_info`, node id -> description.

    Raises:
        WorkflowError: it is not such a response.
    """
    if not isinstance(info, dict) or not all(
        isinstance(described, dict) and "input" in described for described in info.values()
    ):
        raise WorkflowError(f"expected node descriptions from /object_info, got {quote(info)}")
    return Registry(
        {
            name: type(name, (ServerNode,), {"described": {**described, "name": name}})
            for name, described in info.items()
        }
    )


def file_inputs(described: Mapping[str, Any]) -> Iterator[str]:
    """Yield a described node's inputs whose values are files in the server's input folder."""
    for group in ("required", "optional"):
        for name, about in ((described["input"] or {}).get(group) or {}).items():
            if _is_upload(_options(about)):
                yield name


def _specs(name: str, about: Any, *, optional: bool) -> Iterator[Input]:
    """Yield an input; after a choice that adds inputs, also all inputs that it can add."""
    kind = about[0] if isinstance(about, list | tuple) and about else "*"
    options = _options(about)
    if options.get("hidden"):  # kept by the server only for graphs of older hosts
        return
    if kind == _CHOICE_OF_INPUTS:
        choices = [each for each in options.get("options") or () if isinstance(each, dict)]
        keys = [each.get("key") for each in choices]
        yield _widget(Combo.Input, name, {**options, "options": keys}, optional)
        for each in choices:
            for group in (each.get("inputs") or {}).values():
                for inner, inner_about in group.items():
                    for spec in _specs(f"{name}.{inner}", inner_about, optional=True):
                        spec.extra_dict.setdefault(BROUGHT_BY, (name, [each.get("key")]))
                        yield spec
    elif kind != _GROWING:
        yield _spec(name, kind, options, optional)


def _united(specs: Iterable[Input]) -> list[Input]:
    """Return each input once; an input that several choices add has the options of all of them."""
    found: dict[str, Input] = {}
    for spec in specs:
        first = found.setdefault(spec.id, spec)
        if first is spec:
            continue
        if isinstance(first, Combo.Input) and isinstance(spec, Combo.Input):
            first.options = list(dict.fromkeys([*first.options, *spec.options]))
        if BROUGHT_BY in first.extra_dict and BROUGHT_BY in spec.extra_dict:
            first.extra_dict[BROUGHT_BY][1].extend(spec.extra_dict[BROUGHT_BY][1])
    return list(found.values())


def _spec(name: str, kind: Any, options: Mapping[str, Any], optional: bool) -> Input:
    if isinstance(kind, list):
        kind, options = _CHOICE, {**options, "options": kind}
    if kind == _CHOICE:
        return _choice(name, options, optional)
    widget = _WIDGETS.get(options.get("widgetType", kind))
    if widget is None:
        return Custom(str(kind)).Input(name, optional=optional)
    return _widget(widget, name, {**options, "widgetType": kind}, optional)


def _choice(name: str, options: Mapping[str, Any], optional: bool) -> Input:
    """A choice; it accepts any value if a file may be uploaded or the list is kept elsewhere."""
    listed = options.get("options")
    if isinstance(listed, list) and not _is_upload(options):
        return _widget(Combo.Input, name, options, optional)
    first = listed[0] if isinstance(listed, list) and listed else None
    given = {"default": first, **_told(options), "widgetType": _CHOICE}
    return _widget(WidgetInput, name, given, optional)


def _widget(
    kind: type[WidgetInput], name: str, options: Mapping[str, Any], optional: bool
) -> WidgetInput:
    """An input of a kind, with those of the described options that it supports."""
    known = inspect.signature(kind).parameters
    given = {
        field: options[key] for field, key in SENT_AS.items() if key in options and field in known
    }
    return kind(name, optional=optional, **given)


def _told(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options without the list of choices."""
    return {key: value for key, value in options.items() if key != "options"}


def _options(about: Any) -> Mapping[str, Any]:
    given = about[1] if isinstance(about, list | tuple) and len(about) > 1 else {}
    return given if isinstance(given, dict) else {}


def _is_upload(options: Mapping[str, Any]) -> bool:
    return any(key.endswith(_UPLOAD) and value for key, value in options.items())


def _output(kind: Any) -> Output:
    return Custom(_CHOICE if isinstance(kind, list) else str(kind)).Output()
