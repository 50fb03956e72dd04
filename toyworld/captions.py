"""The caption grammar: scenes to words."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from .actions import orders
from .camera import CAMERA_MOTIONS
from .scene import ALL_MOTIONS, COLOURS, RELATIONS, SHAPES, SIZES, STYLES, Scene, SceneObject
from .settings import SETTINGS

MOST_WORDS = 40
"""Length limit of a detailed caption."""

_MOST_TOLD = 4
_MIDDLE = 0.2
_CLOSE, _FAR = 5.6, 7.4
_PLACES = ("on the left", "on the right", "in the middle", "close", "far away")
_SIDES = ("left", "right")
_CAMERA_COMMANDS = {
    "left": "pans left",
    "right": "pans right",
    "forward": "dollies in",
    "back": "dollies out",
}
_OTHER_WORDS = "a an and behind camera comes back hits leaves paints pushes that the then to trail"

OMISSIONS: tuple[frozenset[str], ...] = (
    frozenset({"setting"}),
    frozenset({"motion"}),
    frozenset({"setting", "motion"}),
)
"""The parts that `caption` can leave out, so that a model learns to choose them."""

Naming = Callable[[SceneObject], str]


class _Words(NamedTuple):
    """How objects are named: with `bare` where a relation already gives their place."""

    name: Naming
    bare: Naming
    leaves: str = "leaves"
    motions: bool = True


def caption(scene: Scene, omit: frozenset[str] = frozenset()) -> str:
    """Return the short caption, such as "a red sphere stays still at day".

    Args:
        scene: the scene to describe.
        omit: one of `OMISSIONS`: without the setting "a red sphere stays still", without the
            motion "a red sphere at day". Events between two objects and changes are always
            described.
    """
    style = [] if scene.style == STYLES[0] else [scene.style]
    words = _Words(_name, _name, motions="motion" not in omit)
    story, later = _story(scene, words), _later(scene, words)
    where = [] if "setting" in omit else [scene.setting]
    return ", ".join([" ".join([story, *where]), *later, *style, *_camera(scene)])


def detailed_caption(scene: Scene) -> str:
    """Return the caption with sizes, places and style as well, in at most `MOST_WORDS` words.

    Places are those at time 0 (for a circle, its centre); they are left out if they would make the
    caption too long.
    """
    texts = [_detailed(scene, naming) for naming in (_placed(scene, 2), _placed(scene, 1), _sized)]
    return next((text for text in texts if len(text.split()) <= MOST_WORDS), texts[-1])


def vocabulary() -> list[str]:
    """Return every word that a caption can contain, sorted."""
    names = (*COLOURS, *SHAPES, *SIZES, *ALL_MOTIONS, *SETTINGS, *STYLES, *RELATIONS)
    phrases = (*names, *CAMERA_MOTIONS, *_PLACES, *_SIDES, _OTHER_WORDS)
    return sorted({word for phrase in phrases for word in phrase.split()})


def _detailed(scene: Scene, naming: Naming) -> str:
    words = _Words(naming, _sized, f"leaves to the {_side(scene.objects[0])}")
    story, later = _story(scene, words), _later(scene, words)
    return ", ".join([f"{story} {scene.setting}", *later, scene.style, *_camera(scene)])


def _story(scene: Scene, words: _Words) -> str:
    first, *others = scene.objects
    clauses = [_clause(scene, index, words) for index in range(len(scene.lasting))]
    if scene.kind == "leaves" and words.motions:
        clauses[0] = f"{words.name(first)} {words.leaves} and comes back{_trail(first)}"
    elif scene.kind in ("hits", "pushes"):
        and_ = " and" if words.motions else ""
        clauses[:2] = [f"{clauses[0]}{and_} {scene.kind} {words.name(others[0])}"]
    elif scene.kind == "occlusion":
        passing = _clause(scene, 0, words._replace(name=words.bare))
        clauses[:2] = [f"{passing} behind {words.name(others[0])}"]
    elif scene.relation is not None:
        clauses[:2] = [_related(scene, words)]
    return " and ".join(clauses)


def _later(scene: Scene, words: _Words) -> list[str]:
    """Describe the end of a scene with a change."""
    change = scene.change
    if change is None:
        return []
    bare = words._replace(name=words.bare)
    told = [_clause(scene, len(scene.objects) - 1, bare)] if change.exchanges else []
    told += [change.setting] if change.setting else []
    return [f"then {' '.join(told)}"]


def _clause(scene: Scene, index: int, words: _Words) -> str:
    thing = scene.objects[index]
    if not words.motions:
        return words.name(thing)
    return f"{words.name(thing)} {_motions(scene, index)}{_trail(thing)}"


def _related(scene: Scene, words: _Words) -> str:
    """Describe two objects by their relation; leave out "stays still"."""
    doing = [_motions(scene, index) for index in range(2)]
    told = (words.motions and motions != "stays still" for motions in doing)
    first, second = (motions if tell else "" for motions, tell in zip(doing, told, strict=True))
    end = f"that {second}" if second else ""
    subject, other = words.bare(scene.objects[0]), words.name(scene.objects[1])
    return " ".join(filter(None, (subject, first, scene.relation, other, end)))


def _motions(scene: Scene, index: int) -> str:
    thing = scene.objects[index]
    ordered = [order.motion for order in orders(scene, index)]
    driven = index == 0 and scene.actions is not None and scene.actions.target == "object"
    motions = _merged(ordered[:-1] or ordered) if driven else [thing.motion, *ordered]
    told = (f"rolls {_side(thing)}" if motion == "rolls" else motion for motion in motions)
    return ", then ".join(told)


def _merged(steps: Iterable[str]) -> list[str]:
    """Merge equal consecutive steps into one."""
    merged: list[str] = []
    for step in steps:
        if merged[-1:] != [step]:
            merged.append(step)
    return merged[:_MOST_TOLD]


def _side(thing: SceneObject) -> str:
    """The direction in which it rolls, or in which its first motion goes."""
    rightwards = thing.heading > 0 if "rolls" in thing.motions else thing.motion == "moves right"
    return _SIDES[rightwards]


def _trail(thing: SceneObject) -> str:
    return " and paints a trail" if thing.trail else ""


def _camera(scene: Scene) -> list[str]:
    told = [scene.camera.motion] if scene.camera.moves else []
    if scene.actions is not None and scene.actions.target == "camera":
        told += _merged(_CAMERA_COMMANDS[c] for c in scene.actions.commands if c != "none")
    return [f"the camera {', then '.join(told)}"] if told else []


def _name(thing: SceneObject) -> str:
    article = "an" if thing.colour[0] in "aeiou" else "a"
    return f"{article} {thing.colour} {thing.shape}"


def _sized(thing: SceneObject) -> str:
    size = min(SIZES, key=lambda name: abs(SIZES[name] - thing.size))
    return f"a {size} {thing.colour} {thing.shape}"


def _placed(scene: Scene, details: int) -> Naming:
    """Name objects with up to two details of their place: side, then distance."""

    def name(thing: SceneObject) -> str:
        across = thing.x / scene.camera.half_width(thing.y, thing.z)
        side = 2 if abs(across) < _MIDDLE else int(across > 0)
        distance = _PLACES[3] if thing.z < _CLOSE else _PLACES[4] if thing.z > _FAR else ""
        return " ".join(filter(None, (_sized(thing), *(_PLACES[side], distance)[:details])))

    return name
