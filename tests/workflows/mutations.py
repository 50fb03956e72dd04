"""Saved graphs with faults in them, as damage, mistakes and malice make them.

Every fault is one change at one place of the JSON; hypothesis chooses both, so that a graph that
fails is made small.
"""

import copy
import json
import math
from collections.abc import Callable
from typing import Any, NamedTuple

from hypothesis import strategies as st

DEEP = 100_000
"""Levels of nested lists; the reader refuses more than 100."""

ABYSS = "so many levels of lists"
"""Stands for them until the graph is text, since Python's own JSON cannot write them."""

HUGE = 30_000
"""Characters of a long text, and entries of a long list."""

TEXTS = [
    "",
    "\0",
    "\ud800",
    "\u202e\u2066reversed",
    "日本語 ß\N{COMBINING DIAERESIS}",
    "../../../etc/passwd",
    "/etc/passwd",
    "C:\\Windows\\system32\\con",
    "\\\\server\\share\\x",
    "NUL.mp4",
    "%date:yyyy%%width%%a.b%",
    "__class__",
    "__import__('os').system('true')",
    "{a|{b|{c",
    "(((((x:9e99)",
    "/*",
    "nan",
    "1e999",
    "SpacetimeSample",
    "Reroute",
    "GetNode",
    "PrimitiveNode",
    "workflow>Draw",
    "IMAGE",
    "*",
]
LONG = ["{" * HUGE, "/*" * (HUGE // 2), "(" * HUGE, "%a.b" * (HUGE // 4), "\u0301" * HUGE]
NUMBERS = [0, -1, 1, 2, 4, 1.5, -0.0, 1e308, math.nan, math.inf, -math.inf, 2**31, 2**64, -(2**63)]
ODD = [None, True, False, [], {}, [[]], [None], {"": None}, [1, 2], ["1", 0], {"__value__": [1]}]


class Place(NamedTuple):
    """A value in JSON: the object or list that holds it, and its key there."""

    holder: Any
    key: Any

    @property
    def value(self) -> Any:
        """What stands there."""
        return self.holder[self.key]


def places_in(graph: Any) -> list[Place]:
    """Every value of a graph, those of nodes, links and inputs and all below them."""
    found, todo = [], [graph]
    for holder in todo:
        keys = list(holder) if isinstance(holder, dict) else range(len(holder))
        for place in (Place(holder, key) for key in keys):
            found.append(place)
            if isinstance(place.value, dict | list):
                todo.append(place.value)
    return found


Draw = Callable[[st.SearchStrategy[Any]], Any]


def _drop(draw: Draw, place: Place, others: list[Place]) -> None:
    del place.holder[place.key]


def _duplicate(draw: Draw, place: Place, others: list[Place]) -> None:
    twin = copy.deepcopy(place.value)
    if isinstance(place.holder, list):
        place.holder.insert(place.key, twin)
    else:
        place.holder[draw(st.sampled_from(["1", "9999", "", "id", f"{place.key} "]))] = twin


def _replace(draw: Draw, place: Place, others: list[Place]) -> None:
    known = st.sampled_from([*TEXTS, *NUMBERS, *ODD])
    free = st.text(max_size=5) | st.integers() | st.floats()
    place.holder[place.key] = copy.deepcopy(draw(known | free))


def _stretch(draw: Draw, place: Place, others: list[Place]) -> None:
    value = draw(st.sampled_from([*LONG, [0] * HUGE, {str(number): 0 for number in range(HUGE)}]))
    place.holder[place.key] = value


def _move(draw: Draw, place: Place, others: list[Place]) -> None:
    """Exchange two values, which makes links lead elsewhere and types wrong."""
    other = draw(st.sampled_from(others))
    given, taken = place.value, other.value
    if _holds(given, other.holder) or _holds(taken, place.holder):
        return
    place.holder[place.key], other.holder[other.key] = taken, given


def _copy(draw: Draw, place: Place, others: list[Place]) -> None:
    """Put another value of the graph there, such as a node's id into the link that feeds it."""
    place.holder[place.key] = copy.deepcopy(draw(st.sampled_from(others)).value)


def _nudge(draw: Draw, place: Place, others: list[Place]) -> None:
    """A number beside or far away, or a text in which one character is another."""
    value = place.value
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return
    if isinstance(value, str):
        at = draw(st.integers(0, len(value)))
        place.holder[place.key] = value[:at] + draw(st.text(max_size=2)) + value[at + 1 :]
    else:
        place.holder[place.key] = value * draw(st.sampled_from([-1, 10, 10**9])) + draw(
            st.sampled_from([0, 1, -1])
        )


def _nest(draw: Draw, place: Place, others: list[Place]) -> None:
    levels, value = draw(st.sampled_from([1, 2, 90, DEEP])), place.value
    for _ in range(levels if levels < DEEP else 0):
        value = [value]
    place.holder[place.key] = value if levels < DEEP else ABYSS


def _rename(draw: Draw, place: Place, others: list[Place]) -> None:
    if isinstance(place.holder, dict):
        value = place.holder.pop(place.key)
        place.holder[draw(st.sampled_from([*TEXTS, "inputs", "class_type", "nodes"]))] = value


FAULTS = (_drop, _duplicate, _replace, _stretch, _move, _copy, _nudge, _nest, _rename)


def _holds(value: Any, holder: Any) -> bool:
    """Whether a list or an object is inside of a value, or is it."""
    if value is holder:
        return True
    return isinstance(value, dict | list) and any(
        place.value is holder for place in places_in(value)
    )


class Saved(NamedTuple):
    """A graph to begin with: what it is called, and its JSON."""

    name: str
    text: str

    def __repr__(self) -> str:
        return self.name


@st.composite
def mutated(draw: Draw, graphs: list[Saved], most: int = 4) -> bytes:
    """The file of a graph with one to ``most`` faults in it."""
    graph = [json.loads(draw(st.sampled_from(graphs)).text)]
    for _ in range(draw(st.integers(1, most))):
        places = places_in(graph)
        place = places[draw(st.integers(0, len(places) - 1))]
        draw(st.sampled_from(FAULTS))(draw, place, places)
        if not graph:
            return b""
    return json.dumps(graph[0]).replace(f'"{ABYSS}"', "[" * DEEP + "]" * DEEP).encode()
