"""The parts of a scene: objects and their motions, a setting, a camera and a player."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields

from .camera import STILL_CAMERA, Camera
from .settings import RGB, SETTINGS

SHAPES: tuple[str, ...] = ("sphere", "cube", "cylinder", "cone")
MOTIONS: tuple[str, ...] = (
    "stays still",
    "moves left",
    "moves right",
    "comes closer",
    "goes away",
    "bounces",
    "spins",
    "circles",
    "rolls",
)
ALL_MOTIONS: tuple[str, ...] = (*MOTIONS, "falls")
"""`MOTIONS` may also come second; a fall can only come first."""

ROLLING_SHAPES: tuple[str, ...] = ("sphere", "cylinder")
STYLES: tuple[str, ...] = ("shaded", "cartoon")
RELATIONS: tuple[str, ...] = ("left of", "right of", "behind", "in front of", "on top of")
COMMANDS: tuple[str, ...] = ("none", "left", "right", "forward", "back")
TARGETS: tuple[str, ...] = ("object", "camera")
KINDS: tuple[str, ...] = (
    "single",
    "sequence",
    "pair",
    "relation",
    "three",
    "falls",
    "hits",
    "pushes",
    "occlusion",
    "leaves",
    "trail",
    "driven",
    "loop",
    "changes",
)
COLOURS: dict[str, RGB] = {
    "red": (0.88, 0.09, 0.09),
    "green": (0.10, 0.68, 0.16),
    "blue": (0.08, 0.26, 0.92),
    "yellow": (0.98, 0.88, 0.10),
    "purple": (0.58, 0.14, 0.74),
    "orange": (1.00, 0.48, 0.03),
    "white": (0.97, 0.97, 0.97),
    "black": (0.06, 0.06, 0.07),
}
SIZES: dict[str, float] = {"small": 1.2, "large": 1.6}

DEFAULT_DURATION = 33 / 16
BOUNCE_PERIOD = 0.8
MOST_OBJECTS = 3


def check_choice(kind: str, name: str, options: Iterable[str]) -> None:
    """Raise a ValueError that lists all `options` if `name` is not among them."""
    names = tuple(options)
    if name not in names:
        raise ValueError(f"unknown {kind} {name!r}: use one of {', '.join(names)}")


@dataclass(frozen=True, kw_only=True)
class SceneObject:
    """Describe one object and its motion.

    Args:
        shape, colour, motion: one of `SHAPES`, `COLOURS`, `ALL_MOTIONS`. Only spheres and
            cylinders (which then lie along z) can roll.
        size: approximate width and height in units (see `SIZES`; solids.py has the exact solids).
        x, z: place on the floor at time 0; for "circles" the centre of the circle.
        speed: units per second; for "spins" and "circles" radians per second; for "bounces"
            bounces per second, where 0 means one per `BOUNCE_PERIOD`.
        reach: the bounce's height or the circle's radius in units.
        yaw: angle about the vertical at time 0, in radians (of a rolling cylinder: about its axis).
        phase: where in its cycle a bounce or a circle begins, in [0, 1).
        then: one of `MOTIONS`, which begins at `turn` seconds from wherever the first motion ends.
            A bounce that is in the air comes down first.
        turn: seconds.
        then_speed: as `speed`, for `then`.
        y: height of its lowest point at time 0: where "falls" starts, or the height of its support.
        heading: for "rolls": -1 to the left, 1 to the right.
        trail: whether it paints a stripe of its colour on the floor as it passes.
        appears, vanishes: the object is present from the first time up to but excluding the second,
            in seconds; to the end if `vanishes` is None.

    Raises:
        ValueError: a name is unknown, a number is impossible, or the shape cannot do the motion.
    """

    shape: str
    colour: str
    motion: str = "stays still"
    size: float = SIZES["small"]
    x: float = 0.0
    z: float = 6.0
    speed: float = 0.0
    reach: float = 0.0
    yaw: float = 0.0
    phase: float = 0.0
    then: str | None = None
    turn: float = 0.0
    then_speed: float = 0.0
    y: float = 0.0
    heading: float = 0.0
    trail: bool = False
    appears: float = 0.0
    vanishes: float | None = None

    def __post_init__(self) -> None:
        check_choice("shape", self.shape, SHAPES)
        check_choice("colour", self.colour, COLOURS)
        check_choice("motion", self.motion, ALL_MOTIONS)
        if self.then is not None:
            check_choice("second motion", self.then, MOTIONS)
        self._check_numbers()
        self._check_rolling()

    @property
    def motions(self) -> tuple[str, ...]:
        """Its motions, in order."""
        return (self.motion,) if self.then is None else (self.motion, self.then)

    def _check_numbers(self) -> None:
        numbers = {field.name: getattr(self, field.name) for field in fields(self)}
        for name, value in numbers.items():
            if isinstance(value, float) and not math.isfinite(value):
                raise ValueError(f"the object's {name} is {value}: use a finite number")
        if self.size <= 0:
            raise ValueError(f"an object of size {self.size} cannot be seen: use a size above 0")
        if self.y < 0:
            raise ValueError(f"an object at height {self.y} is under the floor: use 0 or more")
        if (self.then is None) != (self.turn == 0) or self.turn < 0:
            raise ValueError(
                f"then {self.then!r} with turn {self.turn}: a second motion needs both `then` and "
                "a turn above 0 seconds; leave both out for a single motion"
            )

        if self.appears < 0 or (self.vanishes is not None and self.vanishes <= self.appears):
            raise ValueError(
                f"an object that appears at {self.appears} s and vanishes at {self.vanishes} s: "
                "use a time of 0 or more to appear and a later one to vanish"
            )

    def _check_rolling(self) -> None:
        if "rolls" not in self.motions:
            return
        if self.shape not in ROLLING_SHAPES:
            raise ValueError(f"a {self.shape} cannot roll: use a {' or a '.join(ROLLING_SHAPES)}")
        if self.heading not in (-1.0, 1.0):
            raise ValueError(f"a roll with heading {self.heading}: use -1 (left) or 1 (right)")
        if self.shape == "cylinder" and "spins" in self.motions:
            raise ValueError("a cylinder that spins cannot also roll: use a sphere")


@dataclass(frozen=True)
class Actions:
    """A player's commands: of equal length, from time 0 on, with nothing after the last.

    Args:
        target: "object" (the first one) or "camera".
        commands: each one of `COMMANDS`. "left" and "right" move an object or turn a camera.
            "forward" moves an object away from the viewer, or the camera where it looks; "back"
            moves them the other way.
        rate: commands per second.
        speed: units per second.
    """

    target: str
    commands: tuple[str, ...]
    rate: float
    speed: float = 1.2

    def __post_init__(self) -> None:
        check_choice("target", self.target, TARGETS)
        for command in self.commands:
            check_choice("command", command, COMMANDS)
        if self.rate <= 0 or self.speed < 0:
            raise ValueError(
                f"{self.rate} commands per second at a speed of {self.speed}: use a rate above 0 "
                "and a speed of 0 or more"
            )


@dataclass(frozen=True, kw_only=True)
class Change:
    """The difference between the beginning and the end of a scene.

    Args:
        begin, end: seconds between which the change takes place.
        setting: one of `SETTINGS`, the one at the end; None if it stays the same. If the camera
            pans, it turns to this setting, which has its own light; otherwise the colours and the
            light change gradually.
        exchanges: whether the first object is seen only at the beginning, and the last one only at
            the end.

    Raises:
        ValueError: the setting is unknown, it ends before it begins, or nothing changes.
    """

    begin: float
    end: float
    setting: str | None = None
    exchanges: bool = False

    def __post_init__(self) -> None:
        if self.setting is not None:
            check_choice("setting", self.setting, SETTINGS)
        if not 0 <= self.begin < self.end:
            raise ValueError(
                f"a change from {self.begin} to {self.end} seconds: use a begin of 0 or more and a "
                "later end"
            )
        if self.setting is None and not self.exchanges:
            raise ValueError("the change has no effect: give a setting, or exchange objects")


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Describe one clip's world: one to three objects, their setting, the camera and a player.

    Args:
        objects: the objects in the scene; relations and events refer to the first one.
        setting, style, kind: one of `SETTINGS`, `STYLES`, `KINDS`.
        camera: the camera that sees the scene.
        relation: one of `RELATIONS`, of the first object to the second one.
        restitution: of collisions on the floor, from 0 (objects continue together) to 1 (elastic).
        actions: of a player, or None.
        change: the difference at the end, or None.
        seed: the seed that the scene was drawn from.

    Raises:
        ValueError: a name is unknown, or the objects are too many or too few.
    """

    objects: tuple[SceneObject, ...]
    setting: str = "at day"
    style: str = "shaded"
    camera: Camera = STILL_CAMERA
    relation: str | None = None
    restitution: float = 1.0
    actions: Actions | None = None
    kind: str = "single"
    seed: int = 0
    change: Change | None = None

    def __post_init__(self) -> None:
        check_choice("setting", self.setting, SETTINGS)
        check_choice("style", self.style, STYLES)
        check_choice("kind", self.kind, KINDS)
        count = len(self.objects)
        if not 1 <= count <= MOST_OBJECTS:
            problem = "is too crowded" if count else "has nothing to render"
            raise ValueError(f"a scene of {count} objects {problem}: use 1 to {MOST_OBJECTS}")
        if self.relation is not None:
            check_choice("relation", self.relation, RELATIONS)
            if count < 2:
                raise ValueError(f"relation {self.relation!r} needs a second object: add one")
        if self.relation == "on top of" and "rolls" in self.objects[1].motions:
            raise ValueError(
                "nothing can stand on top of a rolling object: give the second object another "
                "motion"
            )
        if self.actions is not None and self.actions.target == "object" and self.objects[0].then:
            raise ValueError("a player moves the first object: leave its second motion out")
        if not 0 <= self.restitution <= 1:
            raise ValueError(f"restitution {self.restitution}: use 0 (pushes) to 1 (hits)")
        if self.change is not None:
            self._check_change(self.change)

    @property
    def lasting(self) -> tuple[SceneObject, ...]:
        """All objects except the one that is seen only after a change."""
        arrives = self.change is not None and self.change.exchanges
        return self.objects[:-1] if arrives else self.objects

    @property
    def turns_elsewhere(self) -> bool:
        """Whether the camera pans from one setting to another."""
        elsewhere = self.change is not None and self.change.setting is not None
        return elsewhere and self.camera.moves and self.camera.motion.startswith("pans")

    def _check_change(self, change: Change) -> None:
        if change.setting == self.setting:
            raise ValueError(f"a change from {self.setting!r} to itself: use another setting")
        if change.exchanges and len(self.objects) < 2:
            raise ValueError("one object cannot be exchanged: give a second one for the end")
