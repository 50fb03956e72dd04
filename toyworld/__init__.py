"""The procedural world: scenes, captions and a ray-cast renderer with exact ground truth."""

from .captions import caption, parse_caption, vocabulary
from .renderer import Clip, render
from .scene import COLOURS, MOTIONS, SHAPES, SIZES, Scene, SceneObject, random_scene
from .settings import SETTINGS

__all__ = [
    "COLOURS",
    "MOTIONS",
    "SETTINGS",
    "SHAPES",
    "SIZES",
    "Clip",
    "Scene",
    "SceneObject",
    "caption",
    "parse_caption",
    "random_scene",
    "render",
    "vocabulary",
]
