"""Hints for ControlNets, computed without a model: edges, lines, brightness and low detail."""

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
    """Draw thin edges."""

    takes_streams = frozenset({"images"})

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeCannyEdges",
            display_name="Canny Edges",
            category=CATEGORY,
            description="Draws the edges of every frame as white lines on black, one pixel wide: "
            "the hint for Canny ControlNets.",
            **search_words("canny", "edge detection", "controlnet preprocessor", "hint", "outline"),
            inputs=[
                images_input(),
                io.Float.Input(
                    "low_threshold", default=0.1, min=0.0, max=1.0, step=0.01,
                    tooltip="Smallest difference in brightness or colour at which a faint edge "
                    "is drawn, if it connects to a clear one.",
                ),
                io.Float.Input(
                    "high_threshold", default=0.2, min=0.0, max=1.0, step=0.01,
                    tooltip="Smallest difference of a clear edge: 0 is no difference, 1 is black "
                    "against white. Lower values draw more.",
                ),
                io.Float.Input(
                    "blur", default=1.0, min=0.0, max=32.0, step=0.1,
                    tooltip="Blur before edge detection, in pixels: higher values drop fine "
                    "texture and noise. 0 is no blur.",
                ),
            ],
            outputs=[hint_output("White edges on black")],
            is_output_node=True,
        )  # fmt: skip

    @classmethod
    def validate_inputs(
        cls, low_threshold: float | None, high_threshold: float | None, blur: float | None
    ) -> Any:
        """Reject thresholds in the wrong order before the graph runs."""
        return refusal(_canny_options, low_threshold, high_threshold, blur)

    @classmethod
    def execute(
        cls, images: Any, low_threshold: float = 0.1, high_threshold: float = 0.2, blur: float = 1.0
    ) -> io.NodeOutput:
        """Draw the edges."""
        options = _canny_options(low_threshold, high_threshold, blur)
        return hinted(cls, images, partial(canny_edges, options=options))


class SpacetimeSoftEdges(io.ComfyNode):
    """Draw outlines as soft lines."""

    takes_streams = frozenset({"images"})

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeSoftEdges",
            display_name="Soft Edges (HED, SoftEdge)",
            category=CATEGORY,
            description="Draws outlines as soft lines, bright where they are clear at every "
            "scale and faint in texture: a hint for SoftEdge and HED ControlNets. It uses no "
            "thresholds, so lines do not flicker.",
            **search_words("hed", "softedge", "pidinet", "controlnet preprocessor", "hint", "edge"),
            inputs=[
                images_input(),
                io.Float.Input(
                    "softness", default=1.0, min=0.3, max=16.0, step=0.1,
                    tooltip="Width of the finest lines in pixels: raise it for large images, or "
                    "to drop small details.",
                ),
                io.Float.Input(
                    "strength", default=2.0, min=0.1, max=20.0, step=0.1,
                    tooltip="Brightness of the lines. At 1 only an edge between black and white "
                    "is white; use more for soft or dark images.",
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
    """Draw pen strokes along edges."""

    takes_streams = frozenset({"images"})

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeLineArt",
            display_name="Line Art (Lineart, XDoG)",
            category=CATEGORY,
            description="Draws every frame like a pen drawing: strokes along edges, on their "
            "dark side. A hint for Lineart and Scribble ControlNets.",
            **search_words(
                "lineart", "xdog", "scribble", "sketch", "pen", "controlnet preprocessor", "hint"
            ),
            inputs=[
                images_input(),
                io.Float.Input(
                    "line_width", default=1.2, min=0.5, max=32.0, step=0.1,
                    tooltip="Width of the lines in pixels; wide lines also drop small details.",
                ),
                io.Float.Input(
                    "threshold", default=0.16, min=0.01, max=1.0, step=0.01,
                    tooltip="Difference in brightness or colour at which a line is half as "
                    "bright as a clear one. Lower values draw more.",
                ),
                io.Boolean.Input(
                    "black_on_white", default=False,
                    tooltip="Draw black lines on white. ControlNets expect white on black.",
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
    """Keep only brightness."""

    takes_streams = frozenset({"images"})

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeLuminance",
            display_name="Luminance",
            category=CATEGORY,
            description="Keeps only the brightness of every frame, as a hint for ControlNets "
            "that preserve the lighting and choose new colours.",
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
        """Compute the luma of each frame."""
        return hinted(cls, images, luminance)


class SpacetimeLowDetail(io.ComfyNode):
    """Remove fine detail."""

    takes_streams = frozenset({"images"})

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeLowDetail",
            display_name="Low Detail (Tile, Blur)",
            category=CATEGORY,
            description="Removes fine detail from every frame without changing its size: the "
            "hint for Tile and Blur ControlNets, which generate new detail.",
            **search_words(
                "tile", "blur", "pixelate", "upscale", "restore", "detail",
                "controlnet preprocessor", "hint",
            ),
            inputs=[
                images_input(),
                io.Float.Input(
                    "factor", default=8.0, min=1.0, max=256.0, step=0.5,
                    tooltip="How strongly to reduce detail: details smaller than this many "
                    "pixels disappear.",
                ),
                io.Combo.Input(
                    "how", options=list(LESS_DETAIL), default=LESS_DETAIL[0],
                    **advanced(),
                    tooltip="tile shrinks the frame and smoothly enlarges it again; blur applies "
                    "a Gaussian blur.",
                ),
            ],
            outputs=[hint_output("Frames of the same size without fine detail")],
            is_output_node=True,
        )  # fmt: skip

    @classmethod
    def validate_inputs(cls, how: str | None) -> Any:
        """Reject an unknown method before the graph runs."""
        return refusal(_check_how, how)

    @classmethod
    def execute(cls, images: Any, factor: float = 8.0, how: Any = LESS_DETAIL[0]) -> io.NodeOutput:
        """Remove the detail."""
        _check_how(how)
        return hinted(cls, images, partial(low_detail, how=how, factor=factor))


def _check_how(how: str) -> None:
    if how not in LESS_DETAIL:
        raise ValueError(f"unknown method {how!r} for how: choose one of {', '.join(LESS_DETAIL)}")


NODES: list[type[Any]] = [
    SpacetimeCannyEdges,
    SpacetimeSoftEdges,
    SpacetimeLineArt,
    SpacetimeLuminance,
    SpacetimeLowDetail,
]
