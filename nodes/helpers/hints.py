"""What the nodes that make hints share: sockets, and pictures on the node."""

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
"""Frames that are shown on a node: the first, the last and what lies between."""

FASTEST = 5.0
"""Percent of a picture's shorter side per frame that has the full colour in pictures of flow."""


def images_input() -> Any:
    """The clip that a hint is made of."""
    return io.Image.Input(
        "images",
        tooltip="The frames of the video to follow, from Get Video Components; one picture from "
        "Load Image is a hint for one frame.",
    )


def hint_output(what: str) -> Any:
    """The pictures of a hint."""
    return io.Image.Output(display_name="IMAGE", tooltip=f"{what}, as many frames as came in.")


def fastest_input(*, optional: bool = False) -> Any:
    """How fast is a full colour; the editor shows it behind other optional inputs if it is one."""
    return io.Float.Input(
        "fastest", default=FASTEST, min=0.01, max=100.0, step=0.1, optional=optional,
        tooltip="Motion that has the full colour, in percent of the picture's shorter side per "
        "frame. The same number for all clips keeps their colours comparable.",
    )  # fmt: skip


def fastest_pixels(percent: float, height: int, width: int) -> float:
    """Pixels per frame that have the full colour."""
    return percent / 100 * min(height, width)


def hinted(cls: type[Any], images: Tensor | FrameStream, hint: Hint) -> io.NodeOutput:
    """What a node answers that makes a hint of each frame by itself."""
    made = hint_frames(images, hint, host().session.ticker(len(images)))
    return with_preview(cls, made, made)


def with_preview(cls: type[Any], shown: Tensor | FrameStream, *outputs: Any) -> io.NodeOutput:
    """Outputs with some frames to look at; those of a stream are not made for that."""
    if isinstance(shown, FrameStream):
        return io.NodeOutput(*outputs)
    last = len(shown) - 1
    steps = max(1, PREVIEWED - 1)
    chosen = sorted({round(number * last / steps) for number in range(steps + 1)})
    return io.NodeOutput(*outputs, ui=ui.PreviewImage(shown[chosen], cls=cls))
