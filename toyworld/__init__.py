"""The procedural world: scenes, captions and a ray-traced renderer with exact ground truth."""

from .captions import caption, detailed_caption, vocabulary
from .draw import MIXTURE, draw_scene, random_scene
from .hints import lasting_tracks, nearness, outlines
from .physics import Collision, States, collisions, simulate
from .prompt_spec import PromptSpec, WantedObject, parse_caption
from .renderer import Clip, render
from .scene import (
    ALL_MOTIONS,
    COLOURS,
    COMMANDS,
    KINDS,
    MOTIONS,
    RELATIONS,
    SHAPES,
    SIZES,
    STYLES,
    Actions,
    Change,
    Scene,
    SceneObject,
)
from .settings import SETTINGS
from .true_flow import TrueFlow, true_flow

__all__ = [
    "ALL_MOTIONS",
    "COLOURS",
    "COMMANDS",
    "KINDS",
    "MIXTURE",
    "MOTIONS",
    "RELATIONS",
    "SETTINGS",
    "SHAPES",
    "SIZES",
    "STYLES",
    "Actions",
    "Change",
    "Clip",
    "Collision",
    "PromptSpec",
    "Scene",
    "SceneObject",
    "States",
    "TrueFlow",
    "WantedObject",
    "caption",
    "collisions",
    "detailed_caption",
    "draw_scene",
    "lasting_tracks",
    "nearness",
    "outlines",
    "parse_caption",
    "random_scene",
    "render",
    "simulate",
    "true_flow",
    "vocabulary",
]
