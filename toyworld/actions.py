"""Orders of an object over time: its own motions, or a player's commands."""

from __future__ import annotations

from typing import NamedTuple

from .scene import Scene

_MOTIONS = {
    "none": "stays still",
    "left": "moves left",
    "right": "moves right",
    "forward": "goes away",
    "back": "comes closer",
}


class Order(NamedTuple):
    """A motion that begins at `start` seconds, from the object's position at that time."""

    start: float
    motion: str
    speed: float


def orders(scene: Scene, index: int) -> list[Order]:
    """Return the orders of object `index` after its first motion, in chronological order."""
    thing, actions = scene.objects[index], scene.actions
    if index == 0 and actions is not None and actions.target == "object":
        told = [
            Order(number / actions.rate, _MOTIONS[command], actions.speed)
            for number, command in enumerate((*actions.commands, "none"))
        ]
        return told
    return [] if thing.then is None else [Order(thing.turn, thing.then, thing.then_speed)]
