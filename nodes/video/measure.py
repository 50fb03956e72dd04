"""Measure Video: whether joins show, colours drift, motion freezes, a loop closes."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ...hosts import host, io, ui
from ...measure.scores.continuity import Layout, continuity_plot, measure_continuity
from ...measure.scores.joins import Join
from ...measure.scores.stability import MOST_DRIFT
from ...timeline import TIMELINE_KEY, Timeline
from ..helpers.advanced import advanced
from ..helpers.number_text import read_numbers
from ..helpers.refusal import refusal
from ..helpers.search import search_words

GIVEN, MADE = "given", "made"
FIRST_PARTS = (GIVEN, MADE)


class SpacetimeMeasureVideo(io.ComfyNode):
    """A video's changes over time, as a plot, as numbers, and as a verdict."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeMeasureVideo",
            display_name="Measure Video (Seams, Drift)",
            category="Spacetime/Video",
            description="Measures whether joins between given and made parts show, whether colours "
            "or sharpness drift, whether motion freezes, and whether a loop closes.",
            **search_words(
                "seam", "quality", "metrics", "consistency", "flicker", "color shift", "loop check",
                "freeze", "jump", "evaluate video",
            ),
            inputs=[*_video(), *_layout()],
            outputs=[
                io.Image.Output(display_name="IMAGE", tooltip="Plots over the frames."),
                io.String.Output(display_name="JSON", tooltip="All numbers."),
                io.Boolean.Output(
                    display_name="PASS",
                    tooltip="True if no join shows, nothing drifts and a loop closes.",
                ),
            ],
            is_output_node=True,
        )  # fmt: skip

    @classmethod
    def validate_inputs(cls, joins: str | None, first_part: str | None = GIVEN) -> Any:
        """Refuse joins that cannot be read before the graph runs."""
        return refusal(_joins_of, joins, first_part)

    @classmethod
    def execute(
        cls,
        images: Tensor,
        fps: float = 16.0,
        joins: str = "",
        loop: bool = False,
        latent: Mapping[str, Any] | None = None,
        object_mask: Tensor | None = None,
        first_part: str = GIVEN,
        most_drift: float = MOST_DRIFT,
    ) -> io.NodeOutput:
        """Measure, draw and judge."""
        images = images[..., :3]
        layout = Layout(joins=_joins_of(joins, first_part), loop=loop)
        if latent is not None:
            layout = _layout_of(latent, layout, len(images))
        place = None if object_mask is None else _centres(object_mask, len(images))
        found = measure_continuity(images, layout, place=place, most_drift=most_drift)
        if found.motion.frozen > fps:
            host().session.warn(
                f"almost nothing moves for {found.motion.frozen / fps:.1f} s: if that is not "
                "meant, ask for motion in the prompt, or use another seed"
            )
        text = json.dumps(found.as_dict(fps), indent=1, ensure_ascii=False)
        image = continuity_plot(found)[None]
        return io.NodeOutput(image, text, found.passed, ui=ui.PreviewImage(image, cls=cls))


def _joins_of(text: str, first_part: str) -> tuple[Join, ...]:
    """Joins of parts that alternate between given and made."""
    if first_part not in FIRST_PARTS:
        raise ValueError(f"unknown first part {first_part!r}: choose {' or '.join(FIRST_PARTS)}")
    frames = read_numbers(text)
    if 0 in frames:
        raise ValueError("a join at frame 0: name the first frame after each join, from 1 on")
    odd = first_part == GIVEN
    return tuple(Join(frame, (n % 2 == 0) == odd) for n, frame in enumerate(frames))


def _layout_of(latent: Mapping[str, Any], written: Layout, count: int) -> Layout:
    """The layout of a timeline or a loop, with joins that were written down in place of its own."""
    timeline: Timeline | None = latent.get(TIMELINE_KEY)
    if timeline is None and latent.get("loop"):
        return replace(written, loop=True)
    if timeline is None:
        raise ValueError(
            "this latent says nothing of given and made parts: connect the one that goes to Decode "
            "Timeline, or leave it out and write the joins down"
        )
    if timeline.shape.frames != count:
        raise ValueError(
            f"{count} frames, but the timeline of the latent has {timeline.shape.frames}: connect "
            "the frames from Decode Timeline"
        )
    joins = timeline.joins()
    return Layout(
        joins=written.joins or tuple(Join(*join) for join in joins if 0 < join.frame < count),
        loop=written.loop or timeline.loop or any(join.frame == count for join in joins),
        factor=timeline.compression.time,
    )


def _centres(masks: Tensor, count: int) -> Tensor:
    """Where the object of masks (F, H, W) is, (F, 2) in pixels; not a number where it is hidden."""
    if len(masks) != count:
        raise ValueError(
            f"{len(masks)} masks of the object for {count} frames: give one for each frame"
        )
    rows, columns = (torch.arange(side) + 0.5 for side in masks.shape[1:])
    masks = masks.float().cpu()
    sums = [(masks.sum(dim=1) * columns).sum(dim=1), (masks.sum(dim=2) * rows).sum(dim=1)]
    area = masks.sum(dim=(1, 2))
    return torch.where(area[:, None] > 0, torch.stack(sums, dim=1) / area[:, None], torch.nan)


def _video() -> list[Any]:
    return [
        io.Image.Input(
            "images", tooltip="The frames to measure, from Decode Timeline or Decode Video."
        ),
        io.Float.Input(
            "fps", default=16.0, min=0.01, max=1000.0, step=0.01,
            tooltip="Frames per second; tells times in seconds.",
        ),
        io.String.Input(
            "joins", default="",
            tooltip="The first frame after each join of a given and a made part, such as 17, 37. "
            "Parts alternate, and the first one is given. Empty: those of latent, or none.",
        ),
        io.Boolean.Input(
            "loop", default=False,
            tooltip="Measure whether the first frame goes on from the last one.",
        ),
    ]  # fmt: skip


def _layout() -> list[Any]:
    return [
        io.Latent.Input(
            "latent", optional=True,
            tooltip="The latent that went to Decode Timeline: it knows the joins.",
        ),
        io.Mask.Input(
            "object_mask", optional=True,
            tooltip="A mask per frame of one object, from a segmentation node. Then jumps and "
            "turns of its path count, too.",
        ),
        io.Combo.Input(
            "first_part", options=list(FIRST_PARTS), default=GIVEN, optional=True, **advanced(),
            tooltip="Whether the part before the first of the written joins is given or made.",
        ),
        io.Float.Input(
            "most_drift", default=MOST_DRIFT, min=0.0, max=255.0, step=0.1, optional=True,
            **advanced(),
            tooltip="How far what does not move may drift from start to end, in 1/255. Raise it "
            "where the light changes; 0 lets any drift pass.",
        ),
    ]  # fmt: skip


NODES: list[type[Any]] = [SpacetimeMeasureVideo]
