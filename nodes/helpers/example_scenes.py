"""Scenes of the toy world for nodes: their inputs, and clips rendered in parts."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from ...hosts import host, io
from ...models.latent_format import LatentFormat
from ...models.shapes import VideoShape
from ...toyworld import (
    COLOURS,
    KINDS,
    MOTIONS,
    SETTINGS,
    SHAPES,
    STYLES,
    Clip,
    Scene,
    States,
    draw_scene,
    random_scene,
    render,
)
from ...toyworld.camera import CAMERA_MOTIONS
from ...toyworld.scene import DEFAULT_DURATION
from .sizes import check_size, size_problem

CAUSAL = LatentFormat(channels=16)
"""Clip sizes are limited to those that the video VAEs take."""

PIXELS_AT_A_TIME = 2**22
"""Pixels of all frames rendered together: a second or two of work."""

ANY, SINGLE = "any", KINDS[0]
_FIRST = KINDS.index("loop") + 1
KIND_CHOICES = [*KINDS[:_FIRST], ANY, *KINDS[_FIRST:]]
"""Kinds added later follow `ANY`, so that existing choices keep their place."""

SHADED, STILL = STYLES[0], CAMERA_MOTIONS[0]
LOOK = {"kind": SINGLE, "style": SHADED, "camera": STILL}
DEFAULTS = {"shape": ANY, "colour": ANY, "motion": ANY, "setting": ANY, **LOOK}


def _choice(id: str, options: Any, what: str) -> Any:
    return io.Combo.Input(
        id, options=[ANY, *options], default=ANY, tooltip=f"{what}; any lets the seed choose."
    )


def _looks() -> list[Any]:
    """Optional inputs, because graphs saved by earlier versions lack them."""
    return [
        io.Combo.Input(
            "kind", options=KIND_CHOICES, default=SINGLE, optional=True,
            tooltip="What happens: single is one object in one motion, any is a mixture. Shape, "
            "colour and motion describe the first object.",
        ),
        io.Combo.Input(
            "style", options=list(STYLES), default=SHADED, optional=True,
            tooltip="Shaded solids, or flat colours with outlines.",
        ),
        io.Combo.Input(
            "camera", options=list(CAMERA_MOTIONS), default=STILL, optional=True,
            tooltip="How the camera moves.",
        ),
    ]  # fmt: skip


def _pixels(id: str) -> Any:
    return io.Int.Input(
        id, default=64, min=16, max=2048, step=16,
        tooltip=f"{id.capitalize()} in pixels, a multiple of 16.",
    )  # fmt: skip


def scene_inputs() -> list[Any]:
    """Inputs that define a scene and the size of its clip."""
    return [
        io.Int.Input(
            "seed", default=0, min=0, max=2**31 - 1, control_after_generate=True,
            tooltip="Selects the clip: the same seed and choices always give the same one.",
        ),
        _pixels("width"),
        _pixels("height"),
        io.Int.Input(
            "frames", default=17, min=1, max=1441, step=4,
            tooltip="Length in frames: 1 + a multiple of 4.",
        ),
        io.Float.Input(
            "fps", default=16.0, min=1.0, max=120.0, step=0.01,
            tooltip="Frames per second.",
        ),
        _choice("shape", SHAPES, "Shape of the object"),
        _choice("colour", COLOURS, "Colour of the object"),
        _choice("motion", MOTIONS, "What the object does"),
        _choice("setting", SETTINGS, "Where it happens"),
        *_looks(),
    ]  # fmt: skip


def form_problem(width: int | None, height: int | None, frames: int | None) -> Any:
    """The problem with a clip's size as text; True if there is none."""
    return size_problem(CAUSAL, width, height, frames, held=True)


def example_clip(
    seed: int, form: VideoShape, fps: float, choices: Mapping[str, str]
) -> tuple[Scene, Clip]:
    """Draw the requested scene and render it.

    Args:
        seed: the same seed and choices give the same clip.
        form: frames, height and width of the clip.
        fps: frames per second.
        choices: values of `scene_inputs`, from shape to camera; missing ones get the defaults.

    Raises:
        ValueError: no video VAE takes clips of this size, or there is no such scene.
    """
    check_size(CAUSAL, form, held=True)
    scene = _scene(seed, form.frames / fps, {**DEFAULTS, **choices})
    return scene, _rendered(scene, form, fps)


def _scene(seed: int, duration: float, choices: Mapping[str, str]) -> Scene:
    """Draw the scene. One object with a still camera is drawn as in the first versions."""
    look = {name: choices[name] for name in LOOK}
    fixed = {n: value for n, value in choices.items() if n not in LOOK and value != ANY}
    if (look["kind"], look["camera"]) == (SINGLE, STILL):
        scene = random_scene(seed, **fixed, duration=max(DEFAULT_DURATION, duration))
        return replace(scene, style=look["style"])
    if look["kind"] == ANY:
        del look["kind"]
    return draw_scene(seed, **look, **fixed, duration=duration)


def _rendered(scene: Scene, shape: VideoShape, fps: float) -> Clip:
    """Render some frames at a time, with a progress tick and a chance to stop after each part."""
    frames, height, width = shape
    tick = host().session.ticker(frames)
    size = frames_at_a_time(height, width)
    parts: list[Clip] = []
    for start in range(0, frames, size):
        count = min(size, frames - start)
        parts.append(
            render([scene], frames=count, height=height, width=width, fps=fps, first=start)
        )
        tick(start + count)
    states = States(*_joined(part.states for part in parts))
    return Clip(*_joined(part[:-1] for part in parts), states=states)


def frames_at_a_time(height: int, width: int) -> int:
    """Number of frames of a size to process together."""
    return max(1, PIXELS_AT_A_TIME // (height * width))


def _joined(parts: Iterable[tuple[Tensor, ...]]) -> list[Tensor]:
    """Concatenate the tensors (1, F, ...) of all parts along time."""
    return [torch.cat(each, dim=1) for each in zip(*parts, strict=True)]


def objects_image(masks: Tensor) -> Tensor:
    """Convert masks (F, O, H, W) of up to three objects to colour channels (F, H, W, 3)."""
    channels = masks.movedim(1, -1).float()
    return functional.pad(channels, (0, 3 - channels.shape[-1]))


def tracks_json(tracks: Tensor) -> str:
    """Write tracks (F, O, 3) as text: per object a list of x, y and visible, one for each frame."""
    objects = [
        [{"x": round(x, 2), "y": round(y, 2), "visible": bool(visible)} for x, y, visible in points]
        for points in tracks.transpose(0, 1).tolist()
    ]
    return json.dumps(objects)
