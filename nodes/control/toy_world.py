"""Toy World Hints: render a toy-world clip with exact hints, to try out and test control."""

from typing import Any

import torch
from torch import Tensor

from ...hosts import io, ui
from ...media.hints import Flow, flow_pictures
from ...models.shapes import VideoShape
from ...toyworld import Clip, Scene, caption, lasting_tracks, nearness, outlines, true_flow
from ..helpers.example_scenes import (
    example_clip,
    form_problem,
    frames_at_a_time,
    objects_image,
    scene_inputs,
    tracks_json,
)
from ..helpers.hints import CATEGORY, FASTEST, FLOW, fastest_input, fastest_pixels
from ..helpers.search import search_words


def _outputs() -> list[Any]:
    return [
        io.Image.Output(display_name="IMAGE", tooltip="The clip that the hints belong to."),
        io.Image.Output(
            display_name="depth",
            tooltip="Near is bright, far is dark, on the same scale in every frame and clip.",
        ),
        io.Image.Output(
            display_name="objects",
            tooltip="One mask per object, in a channel of its own: the first is red, the second "
            "green, the third blue.",
        ),
        io.Image.Output(display_name="edges", tooltip="The objects' outlines, one pixel wide."),
        io.Image.Output(
            display_name="motion", tooltip="The exact motion as colours, as from Optical Flow."
        ),
        io.Custom(FLOW).Output(
            display_name="flow", tooltip="The exact motion in pixels per frame, for other nodes."
        ),
        io.Mask.Output(display_name="MASK", tooltip="Visible pixels of all objects."),
        io.String.Output(
            display_name="tracks",
            tooltip="JSON: per object a list with x, y and visible for each frame, in pixels.",
        ),
        io.String.Output(display_name="caption", tooltip="What the clip shows, as a prompt."),
        io.Float.Output(display_name="fps", tooltip="Frames per second, for Create Video."),
    ]


class SpacetimeToyWorldHints(io.ComfyNode):
    """Render a toy-world clip with exact hints."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeToyWorldHints",
            display_name="Toy World Hints (Depth, Masks, Tracks)",
            category=CATEGORY,
            description="Renders a clip of the toy world with its exact depth, object masks, "
            "outlines, motion and tracks: hints for a ControlNet that need no file and contain "
            "no estimation error.",
            **search_words(
                "depth", "segmentation", "mask", "trajectory", "flow", "ground truth", "hint",
            ),
            inputs=[*scene_inputs(), fastest_input(optional=True)],
            outputs=_outputs(),
            is_output_node=True,
        )  # fmt: skip

    @classmethod
    def validate_inputs(cls, width: int | None, height: int | None, frames: int | None) -> Any:
        """Reject sizes that no video VAE accepts."""
        return form_problem(width, height, frames)

    @classmethod
    def execute(
        cls, seed: int, width: int, height: int, frames: int, fps: float,
        fastest: float = FASTEST, **choices: str,
    ) -> io.NodeOutput:  # fmt: skip
        """Render the clip and its hints."""
        scene, clip = example_clip(seed, VideoShape(frames, height, width), fps, choices)
        flow = Flow(_vectors(scene, clip, fps), frames)
        pictures = {
            "clip": clip.video[0],
            "depth": _grey(nearness(clip.depth[0])),
            "objects": objects_image(clip.masks[0]),
            "edges": _grey(outlines(clip.masks[0]).float()),
            "motion": flow_pictures(flow, fastest_pixels(fastest, height, width)),
        }
        shown = torch.stack([each[frames // 2] for each in pictures.values()])
        return io.NodeOutput(
            *pictures.values(),
            flow,
            clip.masks[0].any(dim=1).float(),
            tracks_json(lasting_tracks(clip)[0]),
            caption(scene),
            fps,
            ui=ui.PreviewImage(shown, cls=cls),
        )


def _vectors(scene: Scene, clip: Clip, fps: float) -> Tensor:
    """The exact flow (F - 1, H, W, 2), computed a few frames at a time."""
    frames, height, width = clip.depth.shape[1:]
    size = frames_at_a_time(height, width)
    parts = [torch.zeros(0, height, width, 2)]
    for start in range(0, frames - 1, size):
        part = clip.between(start, min(start + size + 1, frames))
        parts.append(true_flow([scene], part, fps=fps, first=start).vectors[0])
    return torch.cat(parts)


def _grey(values: Tensor) -> Tensor:
    """Values (F, H, W) as grey images (F, H, W, 3)."""
    return torch.stack((values,) * 3, dim=-1)


NODES: list[type[Any]] = [SpacetimeToyWorldHints]
