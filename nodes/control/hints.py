"""Hints for ControlNets that need no model: edges, lines, brightness and low detail of a video."""

from functools import partial
from typing import Any

from ...hosts import io
from ...media.hints import (
    LESS_DETAIL,
    CannyOptions,
    LineOptions,
    canny_edges,
    line_art,
    low_detail,
    luminance,
    soft_edges,
)
from ..helpers.advanced import advanced
from ..helpers.hints import CATEGORY, hint_output, hinted, images_input
from ..helpers.refusal import refusal
from ..helpers.search import search_words


def _canny_options(low_threshold: float, high_threshold: float, blur: float) -> CannyOptions:
    return CannyOptions(low=low_threshold, high=high_threshold, sigma=blur)


class SpacetimeCannyEdges(io.ComfyNode):
    """Thin edges."""

    takes_streams = frozenset({"images"})

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeCannyEdges",
            display_name="Canny Edges",
            category=CATEGORY,
            description="Draws the edges of every frame as white lines one pixel wide on black, "
            "the hint of Canny ControlNets.",
            **search_words("canny", "edge detection", "controlnet preprocessor", "hint", "outline"),
            inputs=[
                images_input(),
                io.Float.Input(
                    "low_threshold", default=0.1, min=0.0, max=1.0, step=0.01,
                    tooltip="Faint edges are drawn from this difference of brightness or colour "
                    "on, where they hang on to a clear one.",
                ),
                io.Float.Input(
                    "high_threshold", default=0.2, min=0.0, max=1.0, step=0.01,
                    tooltip="Clear edges have this difference or more: 0 is none, 1 that between "
                    "black and white. Lower draws more.",
                ),
                io.Float.Input(
                    "blur", default=1.0, min=0.0, max=32.0, step=0.1,
                    tooltip="Blur before edges are sought, in pixels: more leaves out fine "
                    "texture and noise. 0 is none.",
                ),
            ],
            outputs=[hint_output("White edges on black")],
            is_output_node=True,
        )  # fmt: skip

    @classmethod
    def validate_inputs(
        cls, low_threshold: float | None, high_threshold: float | None, blur: float | None
    ) -> Any:
        """Refuse thresholds in the wrong order before the graph runs."""
        return refusal(_canny_options, low_threshold, high_threshold, blur)

    @classmethod
    def execute(
        cls, images: Any, low_threshold: float = 0.1, high_threshold: float = 0.2, blur: float = 1.0
    ) -> io.NodeOutput:
        """Draw the edges."""
        options = _canny_options(low_threshold, high_threshold, blur)
        return hinted(cls, images, partial(canny_edges, options=options))


class SpacetimeSoftEdges(io.ComfyNode):
    """Outlines as glowing lines."""

    takes_streams = frozenset({"images"})

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeSoftEdges",
            display_name="Soft Edges (HED, SoftEdge)",
            category=CATEGORY,
            description="Draws outlines as soft lines, bright where they are clear at every "
            "scale and faint in texture: a hint for SoftEdge and HED ControlNets. Without "
            "thresholds, so that lines do not flicker.",
            **search_words("hed", "softedge", "pidinet", "controlnet preprocessor", "hint", "edge"),
            inputs=[
                images_input(),
                io.Float.Input(
                    "softness", default=1.0, min=0.3, max=16.0, step=0.1,
                    tooltip="Width of the finest lines in pixels: more for large pictures, and "
                    "to leave out what is small.",
                ),
                io.Float.Input(
                    "strength", default=2.0, min=0.1, max=20.0, step=0.1,
                    tooltip="How bright lines are. With 1 only the edge between black and white "
                    "is white; more for soft or dark pictures.",
                ),
            ],
            outputs=[hint_output("Soft white lines on black")],
            is_output_node=True,
        )  # fmt: skip

    @classmethod
    def execute(cls, images: Any, softness: float = 1.0, strength: float = 2.0) -> io.NodeOutput:
        """Draw the outlines."""
        return hinted(cls, images, partial(soft_edges, softness=softness, strength=strength))


class SpacetimeLineArt(io.ComfyNode):
    """A drawing of strokes."""

    takes_streams = frozenset({"images"})

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeLineArt",
            display_name="Line Art (Lineart, XDoG)",
            category=CATEGORY,
            description="Draws every frame as a pen would: strokes along edges, on their dark "
            "side. A hint for Lineart and Scribble ControlNets.",
            **search_words(
                "lineart", "xdog", "scribble", "sketch", "pen", "controlnet preprocessor", "hint"
            ),
            inputs=[
                images_input(),
                io.Float.Input(
                    "line_width", default=1.2, min=0.5, max=32.0, step=0.1,
                    tooltip="Width of the lines in pixels; wide ones also leave out small things.",
                ),
                io.Float.Input(
                    "threshold", default=0.16, min=0.01, max=1.0, step=0.01,
                    tooltip="Difference of brightness or colour whose line is half as bright as a "
                    "clear one. Lower draws more.",
                ),
                io.Boolean.Input(
                    "black_on_white", default=False,
                    tooltip="Draw in black on white paper. ControlNets expect white on black.",
                ),
            ],
            outputs=[hint_output("The lines, white on black unless chosen otherwise")],
            is_output_node=True,
        )  # fmt: skip

    @classmethod
    def execute(
        cls,
        images: Any,
        line_width: float = 1.2,
        threshold: float = 0.16,
        black_on_white: bool = False,
    ) -> io.NodeOutput:
        """Draw the lines."""
        options = LineOptions(width=line_width, threshold=threshold)
        if black_on_white:
            return hinted(cls, images, lambda planes: 1 - line_art(planes, options))
        return hinted(cls, images, partial(line_art, options=options))


class SpacetimeLuminance(io.ComfyNode):
    """A video in grey."""

    takes_streams = frozenset({"images"})

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeLuminance",
            display_name="Luminance",
            category=CATEGORY,
            description="Leaves only the brightness of every frame, as a hint for ControlNets "
            "that keep the light and choose the colours anew.",
            **search_words(
                "grayscale", "greyscale", "brightness", "recolor", "colorize", "black and white",
                "controlnet preprocessor", "hint",
            ),
            inputs=[images_input()],
            outputs=[hint_output("The brightness (BT.709 luma) in all three channels")],
            is_output_node=True,
        )  # fmt: skip

    @classmethod
    def execute(cls, images: Any) -> io.NodeOutput:
        """Take the brightness."""
        return hinted(cls, images, luminance)


class SpacetimeLowDetail(io.ComfyNode):
    """A video as seen from far away."""

    takes_streams = frozenset({"images"})

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeLowDetail",
            display_name="Low Detail (Tile, Blur)",
            category=CATEGORY,
            description="Takes the fine detail out of every frame and keeps its size: the hint of "
            "Tile and Blur ControlNets, which invent the detail anew.",
            **search_words(
                "tile", "blur", "pixelate", "upscale", "restore", "detail",
                "controlnet preprocessor", "hint",
            ),
            inputs=[
                images_input(),
                io.Float.Input(
                    "factor", default=8.0, min=1.0, max=256.0, step=0.5,
                    tooltip="How many times less detail there is: what is smaller than this many "
                    "pixels goes.",
                ),
                io.Combo.Input(
                    "how", options=list(LESS_DETAIL), default=LESS_DETAIL[0],
                    **advanced(),
                    tooltip="tile shrinks the frame and enlarges it smoothly again, blur is a "
                    "Gaussian blur.",
                ),
            ],
            outputs=[hint_output("Frames of the same size without fine detail")],
            is_output_node=True,
        )  # fmt: skip

    @classmethod
    def validate_inputs(cls, how: str | None) -> Any:
        """Refuse an unknown way before the graph runs."""
        return refusal(_check_how, how)

    @classmethod
    def execute(cls, images: Any, factor: float = 8.0, how: Any = LESS_DETAIL[0]) -> io.NodeOutput:
        """Take the detail out."""
        _check_how(how)
        return hinted(cls, images, partial(low_detail, how=how, factor=factor))


def _check_how(how: str) -> None:
    if how not in LESS_DETAIL:
        raise ValueError(f"less detail by {how!r}: choose one of {', '.join(LESS_DETAIL)}")


NODES: list[type[Any]] = [
    SpacetimeCannyEdges,
    SpacetimeSoftEdges,
    SpacetimeLineArt,
    SpacetimeLuminance,
    SpacetimeLowDetail,
]
