"""Sockets and previews shared by the nodes that create control hints."""

from typing import Any

from torch import Tensor

from ...hosts import host, io, ui
from ...media import FrameStream
from ...media.hints import hint_frames
from ...media.hints.clips import Hint

CATEGORY = "Spacetime/Control"

FLOW = "SPACETIME_FLOW"
"""Socket of a `Flow`: the motion of a clip in pixels per frame."""

PREVIEWED = 4
"""Number of frames previewed on a node: the first, the last and some in between."""

FASTEST = 5.0
"""Speed drawn in full colour in flow images, in percent of the shorter side per frame."""


def images_input() -> Any:
    """Input for the clip to create a hint from."""
    return io.Image.Input(
        "images",
        tooltip="The frames of the video to follow, from Get Video Components. A single image from "
        "Load Image is a hint for one frame.",
    )


def hint_output(what: str) -> Any:
    """Output for the images of a hint."""
    return io.Image.Output(display_name="IMAGE", tooltip=f"{what}, one frame per input frame.")


def fastest_input(*, optional: bool = False) -> Any:
    """Input for the speed drawn in full colour; shown after other optional inputs if optional."""
    return io.Float.Input(
        "fastest", default=FASTEST, min=0.01, max=100.0, step=0.1, optional=optional,
        tooltip="Speed drawn in full colour, in percent of the image's shorter side per frame. Use "
        "the same value for all clips to keep their colours comparable.",
    )  # fmt: skip


def fastest_pixels(percent: float, height: int, width: int) -> float:
    """Speed drawn in full colour, in pixels per frame."""
    return percent / 100 * min(height, width)


def hinted(cls: type[Any], images: Tensor | FrameStream, hint: Hint) -> io.NodeOutput:
    """Return the output of a node that creates a hint from each frame separately."""
    made = hint_frames(images, hint, host().session.ticker(len(images)))
    return with_preview(cls, made, made)


def with_preview(cls: type[Any], shown: Tensor | FrameStream, *outputs: Any) -> io.NodeOutput:
    """Outputs with a preview of some frames; a stream is not rendered for a preview."""
    if isinstance(shown, FrameStream):
        return io.NodeOutput(*outputs)
    last = len(shown) - 1
    steps = max(1, PREVIEWED - 1)
    chosen = sorted({round(number * last / steps) for number in range(steps + 1)})
    return io.NodeOutput(*outputs, ui=ui.PreviewImage(shown[chosen], cls=cls))
