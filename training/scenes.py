"""The toy world scenes that the weights are trained on, and their captions."""

from random import Random

from ..toyworld import Scene, caption, draw_scene
from ..toyworld.camera import CAMERA_MOTIONS
from ..toyworld.captions import OMISSIONS
from ..toyworld.draw import STILL_CAMERA_KINDS

FRAME_RATES = (8.0, 12.0, 16.0, 24.0)

STYLE_SHARE = 0.12
CAMERA_SHARE = 0.12
"""Shares of scenes in the cartoon style, and of scenes with a moving camera."""

ATTEMPTS, SEEDS_APART = 5, 10**12
"""Number of seeds tried for a scene, and their spacing, which exceeds the number of scenes."""

CLIP_KINDS = {
    "single": 0.36,
    "sequence": 0.13,
    "pair": 0.12,
    "relation": 0.11,
    "three": 0.05,
    "falls": 0.06,
    "occlusion": 0.06,
    "changes": 0.06,
    "hits": 0.01,
    "pushes": 0.01,
    "leaves": 0.01,
    "trail": 0.01,
    "driven": 0.01,
}
"""Share of each kind of scene in clips. Kinds that fail more often are more frequent. Four clips in
ten hold several objects; with 7 % of those, the model never learned which object has which colour.
"""

STILL_KINDS = {"single": 0.3, "pair": 0.3, "relation": 0.3, "three": 0.1}
"""Share of each kind in single images, where composition is learned at a tenth of the cost."""

MOTION_WEIGHTS = {"spins": 2.0, "rolls": 2.0, "circles": 1.5}
"""Sampling weights of single-object clips whose motion is hard to learn. A weight of 7 did not help
spins and rolls and hurt the other motions."""


def scene_seed(seed: int, number: int) -> int:
    """Seed of clip ``number``, below 10 million; different data seeds never share a scene."""
    return seed * 10_000_000 + number


def training_scene(
    seed: int, frames: int, fps: float, *, loop: bool = False, kind: str | None = None
) -> Scene:
    """Draw a scene of the training mixture for a clip of ``frames`` frames.

    If a seed's scene does not fit into that time, another seed is tried.

    Args:
        seed: seed of the scene.
        frames: number of pixel frames; for a loop, exactly one period.
        fps: frame rate.
        loop: whether time is circular.
        kind: kind of the scene; drawn by its share if None.
    """
    for attempt in range(ATTEMPTS):
        try:
            return _draw(seed + attempt * SEEDS_APART, frames, fps, loop, kind)
        except ValueError:
            if attempt == ATTEMPTS - 1:
                raise
    raise AssertionError


def _draw(seed: int, frames: int, fps: float, loop: bool, kind: str | None) -> Scene:
    draws = Random(seed)
    style = "cartoon" if draws.random() < STYLE_SHARE else "shaded"
    moving = draws.random() < CAMERA_SHARE
    if loop:
        return draw_scene(seed, kind="loop", style=style, duration=frames / fps)
    shares = STILL_KINDS if frames == 1 else CLIP_KINDS
    kind = kind or draws.choices(list(shares), list(shares.values()))[0]
    if frames == 1:
        return draw_scene(seed, kind=kind, style=style)
    camera = draws.choice(CAMERA_MOTIONS[1:]) if moving and kind not in STILL_CAMERA_KINDS else None
    return draw_scene(seed, kind=kind, style=style, camera=camera, duration=frames / fps)


def partial_caption(scene: Scene) -> str:
    """Short caption without the setting, the motions or both, chosen by the scene's seed.

    This trains the model to choose fitting ones when a prompt does not name them.
    """
    return caption(scene, omit=OMISSIONS[scene.seed % len(OMISSIONS)])


def clip_weight(kind: str, text: str) -> float:
    """Sampling weight in training of a clip with this kind and short caption."""
    if kind != "single":
        return 1.0
    return max((weight for motion, weight in MOTION_WEIGHTS.items() if motion in text), default=1.0)
