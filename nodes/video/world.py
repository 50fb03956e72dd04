"""Example Clip: a seeded clip of the toy world with its exact ground truth."""

from typing import Any

import torch
from torch import Tensor

from ...hosts import io
from ...models.shapes import VideoShape
from ...toyworld import caption, detailed_caption
from ..helpers.example_scenes import (
    example_clip,
    form_problem,
    objects_image,
    scene_inputs,
    tracks_json,
)
from ..helpers.search import search_words


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
            tooltip="Each object's mask in its own channel: the first is red, the second green, "
            "the third blue.",
        ),
        io.String.Output(
            display_name="detailed caption",
            tooltip="The caption with sizes, places and style.",
        ),
    ]


class SpacetimeExampleClip(io.ComfyNode):
    """Render a clip to try any graph with, without a file."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeExampleClip",
            display_name="Example Clip",
            category="Spacetime/Video",
            description="Renders a short clip with its caption, mask, depth and tracks, so that "
            "every graph has an input offline.",
            **search_words("toy world", "test video", "ground truth", "mask", "synthetic data"),
            inputs=scene_inputs(),
            outputs=_outputs(),
        )

    @classmethod
    def validate_inputs(cls, width: int | None, height: int | None, frames: int | None) -> Any:
        """Reject sizes that no video VAE takes."""
        return form_problem(width, height, frames)

    @classmethod
    def execute(
        cls, seed: int, width: int, height: int, frames: int, fps: float, **choices: str
    ) -> io.NodeOutput:
        """Render the clip."""
        scene, clip = example_clip(seed, VideoShape(frames, height, width), fps, choices)
        return io.NodeOutput(
            clip.video[0],
            caption(scene),
            clip.masks[0].any(dim=1).float(),
            _depth_image(clip.depth[0]),
            tracks_json(clip.tracks[0]),
            fps,
            objects_image(clip.masks[0]),
            detailed_caption(scene),
        )


def _depth_image(depth: Tensor) -> Tensor:
    nearness = 1 / depth.clamp(min=1e-3)
    span = (nearness.max() - nearness.min()).clamp(min=1e-6)
    scaled = (nearness - nearness.min()) / span
    return torch.stack((scaled,) * 3, dim=-1)  # (F, H, W, 3)


NODES: list[type[Any]] = [SpacetimeExampleClip]
