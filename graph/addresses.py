"""Look up inputs of a prompt by name, such as `Prompt.text`, or by tag."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ..media import shown
from .errors import WorkflowError, listed, node_label
from .schema import ComfyNode, Schema
from .sockets import Input
from .validate import checks_itself, node_title, read_link
from .values import closest, parse_value, read_value, widget_of
from .widgets import known_name

_TAG = re.compile(r"#([^\W\d][\w-]*)$")


class Address(NamedTuple):
    """An input of a prompt: node id and input id."""

    node: str
    input: str


class Addresses:
    """Finds and reads inputs of one prompt; its titles and schemas are read only once.

    A node is named by its id or by its title; the case and any part in parentheses do not matter.
    A title that ends in ``#name`` defines a tag: ``name.input`` is that input of the node, and
    ``name`` alone is the node's input of that name, or its only input that can be set.

    Args:
        prompt: API-format JSON.
        registry: node id -> class.
    """

    def __init__(self, prompt: Mapping[str, Any], registry: Mapping[str, type[ComfyNode]]) -> None:
        self._prompt, self._registry = prompt, registry
        self._schemas = _schemas(prompt, registry)
        self._titles = {
            key: node_title(raw, self._schemas.get(key))
            for key, raw in prompt.items()
            if isinstance(raw, dict)
        }
        self._tags = _by(self._titles, _tag)
        self._named = [_by(self._titles, str.lower), _by(self._titles, _short)]

    def find(self, words: str) -> Address:
        """Return the input that a name refers to.

        Args:
            words: "<node title, id or tag>.<input>", or a tag alone.

        Raises:
            WorkflowError: no such node or input, or several nodes share that title or tag.
        """
        words = words.strip()
        if tagged := self._tags.get(words.lower()):
            key = _only(words, tagged)
            return Address(key, self._obvious(key, words))
        name, dot, input_id = words.rpartition(".")
        if not dot:
            known = f"; its tags: {listed(list(self._tags))}" if self._tags else ""
            raise WorkflowError(
                f'"{shown(words)}" is not of the form node.input, and no node title in the graph '
                f"ends in #{shown(words)}{known}"
            )
        key, input_id = self._node(name.strip()), input_id.strip()
        schema = self._schema(key, name.strip())
        known = [spec.id for spec in schema.inputs]
        given = self._prompt[key].get("inputs")
        input_id = known_name(input_id, known, given if isinstance(given, dict) else {})
        if input_id not in known:
            raise WorkflowError(
                f"{self._label(key)} has no input {shown(input_id)}{closest(input_id, known)}; "
                f"its inputs: {', '.join(known) or 'none'}"
            )
        return Address(key, input_id)

    def read(self, address: Address, text: str) -> Any:
        """Convert text to a value for an input.

        Range and options are checked, unless the node checks that input itself.

        Raises:
            WorkflowError: the text is not a valid value for this input.
        """
        spec = self.spec(address)
        kind = self._registry[str(self._prompt[address.node]["class_type"])]
        try:
            if checks_itself(kind, address.input):
                return read_value(spec, text)
            return parse_value(spec, text)
        except ValueError as problem:
            raise WorkflowError(
                f"{self._label(address.node)}: input {address.input}: {problem}"
            ) from None

    def has_tag(self, word: str) -> bool:
        """Return whether a node title in the graph ends in this tag."""
        return word.lower() in self._tags

    def spec(self, address: Address) -> Input:
        """Return the schema entry of an input that `find` returned."""
        schema = self._schema(address.node, address.node)
        return next(each for each in schema.inputs if each.id == address.input)

    def words(self, address: Address) -> str:
        """Return a name that finds an input: by node title, or by id if the title does not work."""
        title = self._titles[address.node]
        alone = len(self._named[0][title.lower()]) == 1 and not self.has_tag(title)
        plain = title == title.strip() and "=" not in title
        return f"{title if alone and plain else address.node}.{address.input}"

    def _node(self, name: str) -> str:
        for names in (self._tags, *self._named):
            if found := names.get(name.lower()):
                return _only(name, found)
        if name in self._titles:
            return name
        titles = list(self._titles.values())
        known = listed([f'"{shown(title)}" (#{shown(key)})' for key, title in self._titles.items()])
        raise WorkflowError(f'no node is titled "{name}"{closest(name, titles)}; nodes: {known}')

    def _schema(self, key: str, name: str) -> Schema:
        schema = self._schemas.get(key)
        if schema is None:
            kind = shown(str(self._prompt[key].get("class_type")))
            raise WorkflowError(f"{name}: unknown node type {kind}")
        return schema

    def _label(self, key: str) -> str:
        schema = self._schema(key, key)
        return node_label(key, self._titles[key], schema.node_id)

    def _obvious(self, key: str, tag: str) -> str:
        """The one input that a tag alone refers to."""
        given = self._prompt[key].get("inputs")
        inputs = given if isinstance(given, dict) else {}
        linked = {name for name, value in inputs.items() if read_link(value)}
        free = [
            spec.id
            for spec in self._schema(key, tag).inputs
            if widget_of(spec) and spec.id not in linked
        ]
        same = [name for name in free if name.lower() == tag.lower()]
        chosen = same or free
        if len(chosen) != 1:
            raise WorkflowError(
                f"{self._label(key)} has {len(free)} inputs that can be set, expected one: name "
                f"it, as in {tag}.{free[0] if free else 'input'} ({', '.join(free) or 'none'})"
            )
        return chosen[0]


def _schemas(
    prompt: Mapping[str, Any], registry: Mapping[str, type[ComfyNode]]
) -> dict[str, Schema]:
    kinds: dict[str, Schema] = {}
    found: dict[str, Schema] = {}
    for key, raw in prompt.items():
        kind = raw.get("class_type") if isinstance(raw, dict) else None
        if isinstance(kind, str) and kind in registry:
            found[key] = kinds[kind] = kinds.get(kind) or registry[kind].GET_SCHEMA()
    return found


def _by(titles: Mapping[str, str], name_of: Callable[[str], str]) -> dict[str, list[str]]:
    """Group node ids by a name derived from their titles; nodes without one are left out."""
    found: dict[str, list[str]] = {}
    for key, title in titles.items():
        if name := name_of(title):
            found.setdefault(name, []).append(key)
    return found


def _only(name: str, keys: list[str]) -> str:
    if len(keys) > 1:
        raise WorkflowError(
            f'{len(keys)} nodes are titled "{name}": use an id instead ({listed(keys)})'
        )
    return keys[0]


def _tag(title: str) -> str:
    found = _TAG.search(title)
    return found[1].lower() if found else ""


def _short(title: str) -> str:
    """A lower-case title without its tag and parentheses: Noise (Seed) #start -> noise."""
    return _TAG.sub("", title).rstrip().partition(" (")[0].lower()
