"""The caption grammar: scenes to words and words back to what they ask for."""

from __future__ import annotations

import re

from .scene import COLOURS, MOTIONS, SHAPES, Scene, SceneObject
from .settings import SETTINGS

_WORDS = re.compile(r"[a-z]+")

_MOTION_WORDS: dict[str, tuple[str, ...]] = {
    "stays still": ("still", "stays", "stands", "rests"),
    "moves left": ("left", "leftwards"),
    "moves right": ("right", "rightwards"),
    "comes closer": ("closer", "approaches", "nearer"),
    "goes away": ("away", "recedes"),
    "bounces": ("bounces", "bounce", "bouncing"),
    "spins": ("spins", "spin", "spinning"),
    "circles": ("circles", "circling"),
}
_SETTING_WORDS: dict[str, tuple[str, ...]] = {
    "at day": ("day", "daytime", "noon"),
    "at sunset": ("sunset", "dusk"),
    "at night": ("night", "midnight"),
    "in the snow": ("snow", "snowy", "winter"),
    "in the jungle": ("jungle", "forest"),
}


def caption(scene: Scene) -> str:
    """Return the short caption, such as "a red sphere stays still at day".

    Several objects are joined by "and".
    """
    told = " and ".join(_clause(thing) for thing in scene.objects)
    return f"{told} {scene.setting}"


def vocabulary() -> list[str]:
    """Return every word that a caption can contain, sorted."""
    phrases = (*COLOURS, *SHAPES, *MOTIONS, *SETTINGS, "a an and")
    return sorted({word for phrase in phrases for word in phrase.split()})


def parse_caption(text: str) -> dict[str, str | None]:
    """Return what `text` asks for, in any word order.

    Returns:
        "colour", "shape", "motion" and "setting", each the name used by scenes (the first one
        mentioned) or None where the text says nothing about it.
    """
    words = _WORDS.findall(text.lower())
    return {
        "colour": _first(words, {name: (name,) for name in COLOURS}),
        "shape": _first(words, {name: (name, f"{name}s") for name in SHAPES}),
        "motion": _first(words, _MOTION_WORDS),
        "setting": _first(words, _SETTING_WORDS),
    }


def _clause(thing: SceneObject) -> str:
    article = "an" if thing.colour[0] in "aeiou" else "a"
    return f"{article} {thing.colour} {thing.shape} {thing.motion}"


def _first(words: list[str], meanings: dict[str, tuple[str, ...]]) -> str | None:
    names = {word: name for name, spellings in meanings.items() for word in spellings}
    return next((names[word] for word in words if word in names), None)
