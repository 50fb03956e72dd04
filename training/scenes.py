"""Which scenes of the toy world the weights are trained on."""

from random import Random

from ..toyworld import MIXTURE, Scene, draw_scene
from ..toyworld.camera import CAMERA_MOTIONS

FRAME_RATES = (8.0, 12.0, 16.0, 24.0)

STYLE_SHARE = 0.12
CAMERA_SHARE = 0.12
"""Shares of scenes in the drawn style, and of those whose camera moves."""

ATTEMPTS, SEEDS_APART = 5, 100_000
"""Seeds tried for a scene, and their distance: more than a source has scenes."""

SINGLE_WEIGHT = 1.5
MOTION_WEIGHTS = {
    "spins": 5.0,
    "rolls": 5.0,
    "circles": 1.5,
    "moves left": 1.5,
    "moves right": 1.5,
}
"""How much more often a training step takes a clip of one object, and of those one whose motion is
hard to learn. How often a prompt comes does not change what answers it.
"""

STILL_KINDS = ("single", "pair", "relation", "three")
"""Kinds of scenes that a single picture can show."""


def scene_seed(seed: int, number: int) -> int:
    """Seed of clip ``number``, below 10 million; different data seeds never share a scene."""
    return seed * 10_000_000 + number


def training_scene(seed: int, frames: int, fps: float, *, loop: bool = False) -> Scene:
    """A scene of the training mixture for a clip of so many frames.

    A seed whose scene cannot show itself in that time gives way to another one.

    Args:
        seed: of the scene.
        frames: pixel frames; of a loop exactly one period.
        fps: frames per second.
        loop: whether time is a circle.
    """
    for attempt in range(ATTEMPTS):
        try:
            return _draw(seed + attempt * SEEDS_APART, frames, fps, loop)
        except ValueError:
            if attempt == ATTEMPTS - 1:
                raise
    raise AssertionError


def _draw(seed: int, frames: int, fps: float, loop: bool) -> Scene:
    dice = Random(seed)
    style = "cartoon" if dice.random() < STYLE_SHARE else "shaded"
    moving = dice.random() < CAMERA_SHARE
    if loop:
        return draw_scene(seed, kind="loop", style=style, duration=frames / fps)
    if frames == 1:
        shares = [MIXTURE[kind] for kind in STILL_KINDS]
        return draw_scene(seed, kind=dice.choices(STILL_KINDS, shares)[0], style=style)
    camera = dice.choice(CAMERA_MOTIONS[1:]) if moving else None
    return draw_scene(seed, style=style, camera=camera, duration=frames / fps)


def clip_weight(kind: str, text: str) -> float:
    """How often a training step takes a clip of a kind with a short caption, relative to others."""
    if kind != "single":
        return 1.0
    hard = (weight for motion, weight in MOTION_WEIGHTS.items() if motion in text)
    return SINGLE_WEIGHT * max(hard, default=1.0)
