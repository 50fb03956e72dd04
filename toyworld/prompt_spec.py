"""Parsing prompts: from words back to names of the toy world."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from .camera import CAMERA_MOTIONS
from .scene import COLOURS, RELATIONS, SHAPES

_WORDS = re.compile(r"[a-z]+|[,;.:]")
_STOPS = (",", ";", ".", ":", "and", "while")
_HEADINGS = {"moves left": "left", "moves right": "right"}


@dataclass(frozen=True)
class WantedObject:
    """The requested properties of one object, named as in scenes; None where unspecified.

    Attributes:
        then: the motion that follows `motion`.
        heading: the direction in which it rolls, "left" or "right".
    """

    colour: str | None = None
    shape: str | None = None
    size: str | None = None
    motion: str | None = None
    then: str | None = None
    heading: str | None = None


@dataclass(frozen=True)
class PromptSpec:
    """The content that a text requests; None where unspecified.

    Attributes:
        objects: in the order of the text, except that the subject of `relation` comes first.
        relation: of the first object to the second one.
        camera: the camera's motion.
        event: "hits", "pushes", "trail", "leaves" or None.
        later: what differs at the end; its objects, if any, replace the first one.
    """

    objects: tuple[WantedObject, ...] = ()
    relation: str | None = None
    setting: str | None = None
    style: str | None = None
    camera: str | None = None
    event: str | None = None
    later: PromptSpec | None = None


class _Token(NamedTuple):
    """A meaningful phrase: its kind and its value."""

    kind: str
    value: str


_STOP, _THEN = _Token("stop", ""), _Token("then", "")
_TRAITS = ("colour", "shape", "size")
_OF_THE_END = (*_TRAITS, "motion", "place", "setting")
_SPELLINGS: dict[str, dict[str, str]] = {
    "colour": {name: name for name in COLOURS},
    "shape": {name: f"{name}, {name}s" for name in SHAPES},
    "size": {"small": "small, little, tiny", "large": "large, big, huge"},
    "motion": {
        "stays still": "still, stays, stands, standing, rests, resting",
        "moves left": "left, leftwards",
        "moves right": "right, rightwards",
        "comes closer": "closer, approaches, approaching, nearer",
        "goes away": "away, recedes, receding",
        "bounces": "bounces, bounce, bouncing",
        "spins": "spins, spin, spinning",
        "circles": "circles, circle, circling",
        "rolls": "rolls, roll, rolling",
        "falls": "falls, fall, falling, drops, drop, dropping",
    },
    "setting": {
        "at day": "day, daytime, noon",
        "at sunset": "sunset, dusk",
        "at night": "night, midnight",
        "in the snow": "snow, snowy, winter",
        "in the jungle": "jungle, forest",
    },
    "style": {"shaded": "shaded", "cartoon": "cartoon, cartoons"},
    "event": {
        "hits": "hits, hit, hitting",
        "pushes": "pushes, push, pushing",
        "leaves": "leaves, leave, leaving",
        "trail": "trail, trails",
    },
    "relation": {
        **{name: name for name in RELATIONS},
        "left of": "left of, on the left of",
        "right of": "right of, on the right of",
        "on top of": "on top of, atop",
    },
    "place": {"": "on the left, on the right, in the middle, far away"},
    "then": {"": "then, afterwards"},
}
_CAMERA_VERBS = {
    "pans": ("pans", "pan", "panning"),
    "orbits": ("orbits", "orbit", "orbiting"),
    "dollies": ("dollies", "dolly", "dollying"),
}


def parse_caption(text: str) -> PromptSpec:
    """Parse what `text` requests; the order of words within a clause does not matter.

    The first mention counts: of a setting, a style, a camera motion, a relation, an event, and of
    each object's motions before and after "then". "Then" before an object or a setting starts the
    description of the end.
    """
    tokens, after = _parted(list(_tokens(_WORDS.findall(text.lower()))))
    objects = _objects(tokens)
    kinds = [token.kind for token in tokens if token.kind in (*_TRAITS, "relation")]
    if kinds[:1] == ["relation"]:  # "behind a cube stands a sphere"
        objects[:2] = reversed(objects[:2])
    said = {token.kind: token.value for token in reversed(tokens)}
    return PromptSpec(
        objects=tuple(objects),
        relation=said.get("relation"),
        setting=said.get("setting"),
        style=said.get("style"),
        camera=said.get("camera"),
        event=said.get("event"),
        later=_later(after),
    )


def _parted(tokens: Sequence[_Token]) -> tuple[list[_Token], list[_Token]]:
    """Split the tokens into those about the end, returned last, and all others."""
    for place, (token, following) in enumerate(pairwise(tokens)):
        if token == _THEN and following.kind in _OF_THE_END and following.kind != "motion":
            end = place + 1
            while end < len(tokens) and tokens[end].kind in _OF_THE_END:
                end += 1
            return [*tokens[:place], *tokens[end:]], list(tokens[place + 1 : end])
    return list(tokens), []


def _later(tokens: Sequence[_Token]) -> PromptSpec | None:
    if not tokens:
        return None
    setting = next((token.value for token in tokens if token.kind == "setting"), None)
    return PromptSpec(tuple(_objects(tokens)), setting=setting)


def _tokens(words: Sequence[str]) -> Iterator[_Token]:
    """Yield the longest meaningful phrases, in order."""
    place = 0
    while place < len(words):
        for length in range(min(_LONGEST, len(words) - place), 0, -1):
            phrase = tuple(words[place : place + length])
            if phrase in _LEXICON:
                yield _LEXICON[phrase]
                break
        else:
            length = 1
        place += length


def _lexicon() -> dict[tuple[str, ...], _Token]:
    phrases = {
        tuple(phrase.split()): _Token(kind, name)
        for kind, names in _SPELLINGS.items()
        for name, spellings in names.items()
        for phrase in spellings.split(", ")
    }
    return {**phrases, **dict(_camera_phrases()), **{(stop,): _STOP for stop in _STOPS}}


def _camera_phrases() -> Iterator[tuple[tuple[str, ...], _Token]]:
    for phrase in ("camera stays still", "camera stands still", "still camera", "static camera"):
        yield tuple(phrase.split()), _Token("camera", CAMERA_MOTIONS[0])
    for name in CAMERA_MOTIONS[1:]:
        verb, direction = name.split()
        for spelling in _CAMERA_VERBS[verb]:
            for between in ((), ("to", "the")):
                yield (spelling, *between, direction), _Token("camera", name)


_LEXICON = _lexicon()
_LONGEST = max(map(len, _LEXICON))


class _Draft:
    """An object whose clause is being parsed."""

    def __init__(self) -> None:
        self.said: dict[str, str] = {}
        self.after = False

    def hear(self, token: _Token) -> None:
        """Record a trait or a motion; the first one of each kind counts."""
        if token == _THEN:
            self.after = True
        elif token.kind != "motion":
            self.said.setdefault(token.kind, token.value)
        elif self._rolls() and token.value in _HEADINGS:
            self.said.setdefault("heading", _HEADINGS[token.value])
        else:
            self.said.setdefault("then" if self.after else "motion", token.value)

    def _rolls(self) -> bool:
        return self.said.get("then" if self.after else "motion") == "rolls"


def _objects(tokens: Sequence[_Token]) -> list[WantedObject]:
    drafts = [_Draft()]
    for clause in _clauses(tokens):
        if any(token.kind in _TRAITS and token.kind in drafts[-1].said for token in clause):
            drafts.append(_Draft())
        for token in clause:
            if token.kind in _TRAITS and token.kind in drafts[-1].said:
                drafts.append(_Draft())
            if token.kind in (*_TRAITS, "motion", "then"):
                drafts[-1].hear(token)
    return [WantedObject(**draft.said) for draft in drafts if draft.said]


def _clauses(tokens: Sequence[_Token]) -> Iterator[list[_Token]]:
    """Split the tokens where another object may begin."""
    clause: list[_Token] = []
    for token in tokens:
        if token == _STOP or token.kind in ("relation", "event"):
            yield clause
            clause = []
        clause.append(token)
    yield clause
