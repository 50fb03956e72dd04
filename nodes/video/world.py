"""Example Clip: a seeded clip of the toy world with its exact ground truth."""

import json
from collections.abc import Iterable
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
    caption,
    detailed_caption,
    draw_scene,
    random_scene,
    render,
)
from ...toyworld.camera import CAMERA_MOTIONS
from ...toyworld.scene import DEFAULT_DURATION
from ..helpers.search import search_words
from ..helpers.sizes import check_size, size_problem

CAUSAL = LatentFormat(channels=16)
"""Clips have sizes that the video VAEs take."""

PIXELS_AT_A_TIME = 2**22
"""Of all frames that are rendered together: a second or two of work."""

ANY, SINGLE = "any", KINDS[0]
_FIRST = KINDS.index("loop") + 1
KIND_CHOICES = [*KINDS[:_FIRST], ANY, *KINDS[_FIRST:]]
"""Kinds that came later follow `ANY`, so that no choice changes its place."""

SHADED, STILL = STYLES[0], CAMERA_MOTIONS[0]


def _choice(id: str, options: Any, what: str) -> Any:
    return io.Combo.Input(
        id, options=[ANY, *options], default=ANY, tooltip=f"{what}; any lets the seed choose."
    )


def _looks() -> list[Any]:
    """Inputs that graphs saved by earlier versions lack, so they are optional."""
    return [
        io.Combo.Input(
            "kind", options=KIND_CHOICES, default=SINGLE, optional=True,
            tooltip="What happens: single is one object in one motion, any a mixture. "
            "Shape, colour and motion are the first object's.",
        ),
        io.Combo.Input(
            "style", options=list(STYLES), default=SHADED, optional=True,
            tooltip="Lit solids, or flat colours with outlines.",
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


def _outputs() -> list[Any]:
    return [
        io.Image.Output(display_name="IMAGE", tooltip="The frames."),
        io.String.Output(display_name="caption", tooltip="What the clip shows, as a prompt."),
        io.Mask.Output(display_name="MASK", tooltip="Visible pixels of the objects."),
        io.Image.Output(display_name="depth", tooltip="Near is white, far is black."),
        io.String.Output(
            display_name="tracks", tooltip="JSON: per object a list of x, y and visible."
        ),
        io.Float.Output(display_name="fps", tooltip="Frames per second, for Create Video."),
        io.Image.Output(
            display_name="objects",
            tooltip="Each object's mask in a channel of its own: the first is red, the "
            "second green, the third blue.",
        ),
        io.String.Output(
            display_name="detailed caption",
            tooltip="The caption with sizes, places and style.",
        ),
    ]


class SpacetimeExampleClip(io.ComfyNode):
    """A clip to try every graph on without a file."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeExampleClip",
            display_name="Example Clip",
            category="Spacetime/Video",
            description="A short rendered clip with its caption, mask, depth and tracks, so that "
            "every graph has an input offline.",
            **search_words("toy world", "test video", "ground truth", "mask", "synthetic data"),
            inputs=[
                io.Int.Input(
                    "seed", default=0, min=0, max=2**31 - 1, control_after_generate=True,
                    tooltip="Which clip: the same seed and choices give the same one.",
                ),
                _pixels("width"),
                _pixels("height"),
                io.Int.Input(
                    "frames", default=17, min=1, max=1441, step=4,
                    tooltip="Frames: 1 + a multiple of 4.",
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
            ],
            outputs=_outputs(),
        )  # fmt: skip

    @classmethod
    def validate_inputs(cls, width: int | None, height: int | None, frames: int | None) -> Any:
        """Refuse sizes that no video VAE takes."""
        return size_problem(CAUSAL, width, height, frames, held=True)

    @classmethod
    def execute(
        cls, seed: int, width: int, height: int, frames: int, fps: float,
        shape: str = ANY, colour: str = ANY, motion: str = ANY, setting: str = ANY,
        kind: str = SINGLE, style: str = SHADED, camera: str = STILL,
    ) -> io.NodeOutput:  # fmt: skip
        """Render the clip."""
        check_size(CAUSAL, VideoShape(frames, height, width), held=True)
        choices = {"shape": shape, "colour": colour, "motion": motion, "setting": setting}
        fixed = {name: choice for name, choice in choices.items() if choice != ANY}
        scene = _scene(seed, frames / fps, fixed, (kind, style, camera))
        clip = _rendered(scene, VideoShape(frames, height, width), fps)
        return io.NodeOutput(
            clip.video[0],
            caption(scene),
            clip.masks[0].any(dim=1).float(),
            _depth_image(clip.depth[0]),
            _tracks_json(clip),
            fps,
            _objects_image(clip.masks[0]),
            detailed_caption(scene),
        )


def _scene(seed: int, duration: float, fixed: dict[str, str], look: tuple[str, str, str]) -> Scene:
    """Draw the scene. One object before a still camera is drawn as it was when that was all."""
    kind, style, camera = look
    if (kind, camera) == (SINGLE, STILL):
        scene = random_scene(seed, **fixed, duration=max(DEFAULT_DURATION, duration))
        return replace(scene, style=style)
    return draw_scene(
        seed,
        kind=None if kind == ANY else kind,
        style=style,
        camera=camera,
        **fixed,
        duration=duration,
    )


def _rendered(scene: Scene, shape: VideoShape, fps: float) -> Clip:
    """Render some frames at a time, with a tick and a chance to stop after each part."""
    frames, height, width = shape
    tick = host().session.ticker(frames)
    size = max(1, PIXELS_AT_A_TIME // (height * width))
    parts: list[Clip] = []
    for start in range(0, frames, size):
        count = min(size, frames - start)
        parts.append(
            render([scene], frames=count, height=height, width=width, fps=fps, first=start)
        )
        tick(start + count)
    states = States(*_joined(part.states for part in parts))
    return Clip(*_joined(part[:-1] for part in parts), states=states)


def _joined(parts: Iterable[tuple[Tensor, ...]]) -> list[Tensor]:
    """Put what each part shows (1, F, ...) behind each other."""
    return [torch.cat(each, dim=1) for each in zip(*parts, strict=True)]


def _objects_image(masks: Tensor) -> Tensor:
    """Masks (F, O, H, W) of up to three objects as colour channels (F, H, W, 3)."""
    channels = masks.movedim(1, -1).float()
    return functional.pad(channels, (0, 3 - channels.shape[-1]))


def _depth_image(depth: Tensor) -> Tensor:
    nearness = 1 / depth.clamp(min=1e-3)
    span = (nearness.max() - nearness.min()).clamp(min=1e-6)
    scaled = (nearness - nearness.min()) / span
    return torch.stack((scaled,) * 3, dim=-1)  # (F, H, W, 3)


def _tracks_json(clip: Clip) -> str:
    tracks = [
        [{"x": round(x, 2), "y": round(y, 2), "visible": bool(visible)} for x, y, visible in points]
        for points in clip.tracks[0].transpose(0, 1).tolist()
    ]
    return json.dumps(tracks)


NODES: list[type[Any]] = [SpacetimeExampleClip]
