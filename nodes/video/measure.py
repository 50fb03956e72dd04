"""Measure Video: check for visible joins, drifting colours, frozen motion and open loops."""

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
    """Measure a video's changes over time as a plot, as numbers and as a verdict."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeMeasureVideo",
            display_name="Measure Video (Seams, Drift)",
            category="Spacetime/Video",
            description="Measures whether joins between given and generated parts are visible, "
            "whether colours or sharpness drift, whether motion freezes, and whether a loop "
            "closes.",
            **search_words(
                "seam", "quality", "metrics", "consistency", "flicker", "color shift", "loop check",
                "freeze", "jump", "evaluate video",
            ),
            inputs=[*_video(), *_layout()],
            outputs=[
                io.Image.Output(display_name="IMAGE", tooltip="Plots over the frames."),
                io.String.Output(display_name="JSON", tooltip="All measured numbers."),
                io.Boolean.Output(
                    display_name="PASS",
                    tooltip="True if no join is visible, nothing drifts and a loop closes.",
                ),
            ],
            is_output_node=True,
        )  # fmt: skip

    @classmethod
    def validate_inputs(cls, joins: str | None, first_part: str | None = GIVEN) -> Any:
        """Reject joins that cannot be read before the graph runs."""
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
                f"almost nothing moves for {found.motion.frozen / fps:.1f} s: if this is not "
                "intended, describe motion in the prompt, or use another seed"
            )
        text = json.dumps(found.as_dict(fps), indent=1, ensure_ascii=False)
        image = continuity_plot(found)[None]
        return io.NodeOutput(image, text, found.passed, ui=ui.PreviewImage(image, cls=cls))


def _joins_of(text: str, first_part: str) -> tuple[Join, ...]:
    """Joins of parts that alternate between given and generated."""
    if first_part not in FIRST_PARTS:
        raise ValueError(f"unknown first part {first_part!r}: choose {' or '.join(FIRST_PARTS)}")
    frames = read_numbers(text)
    if 0 in frames:
        raise ValueError(
            "frame 0 cannot be a join: enter the first frame after each join, from 1 on"
        )
    odd = first_part == GIVEN
    return tuple(Join(frame, (n % 2 == 0) == odd) for n, frame in enumerate(frames))


def _layout_of(latent: Mapping[str, Any], written: Layout, count: int) -> Layout:
    """The layout of a timeline or a loop; joins entered on the node replace its own."""
    timeline: Timeline | None = latent.get(TIMELINE_KEY)
    if timeline is None and latent.get("loop"):
        return replace(written, loop=True)
    if timeline is None:
        raise ValueError(
            "this latent does not say which parts are given and generated: connect the one that "
            "goes to Decode Timeline, or disconnect it and enter the joins"
        )
    if timeline.shape.frames != count:
        raise ValueError(
            f"got {count} frames, but the timeline of the latent has {timeline.shape.frames}: "
            "connect the frames from Decode Timeline"
        )
    joins = timeline.joins()
    return Layout(
        joins=written.joins or tuple(Join(*join) for join in joins if 0 < join.frame < count),
        loop=written.loop or timeline.loop or any(join.frame == count for join in joins),
        factor=timeline.compression.time,
    )


def _centres(masks: Tensor, count: int) -> Tensor:
    """Centres of the object in masks (F, H, W): (F, 2) in pixels, NaN where it is hidden."""
    if len(masks) != count:
        raise ValueError(f"got {len(masks)} object masks for {count} frames: connect one per frame")
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
            tooltip="Frames per second, used to report times in seconds.",
        ),
        io.String.Input(
            "joins", default="",
            tooltip="The first frame after each join of a given and a generated part, such as 17, "
            "37. Parts alternate, and the first one is given. If empty, the joins of latent are "
            "used, if any.",
        ),
        io.Boolean.Input(
            "loop", default=False,
            tooltip="Measure whether the first frame continues from the last one.",
        ),
    ]  # fmt: skip


def _layout() -> list[Any]:
    return [
        io.Latent.Input(
            "latent", optional=True,
            tooltip="The latent that went to Decode Timeline; it records the joins.",
        ),
        io.Mask.Input(
            "object_mask", optional=True,
            tooltip="One mask per frame of a single object, from a segmentation node. Jumps and "
            "turns of its path then count too.",
        ),
        io.Combo.Input(
            "first_part", options=list(FIRST_PARTS), default=GIVEN, optional=True, **advanced(),
            tooltip="Whether the part before the first join entered above is given or generated "
            "(made).",
        ),
        io.Float.Input(
            "most_drift", default=MOST_DRIFT, min=0.0, max=255.0, step=0.1, optional=True,
            **advanced(),
            tooltip="How far static areas may drift from start to end, in 1/255. Raise it if the "
            "light changes; 0 allows any drift.",
        ),
    ]  # fmt: skip


NODES: list[type[Any]] = [SpacetimeMeasureVideo]
