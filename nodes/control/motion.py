"""Draw Motion and Camera Move: describe motion as tracks."""

from typing import Any, get_args

from torch import Tensor

from ...hosts import io, ui
from ...media.fit import Size
from ...motion import Tracks, read_tracks, write_tracks
from ...motion.camera import CameraMove, filled_up, seen_by
from ...motion.easing import Easing, progress
from ...motion.path import moved_along, stroke_path
from ..helpers.advanced import advanced
from ..helpers.motions import mask_over, size_of, tracks_input, tracks_output, tracks_over
from ..helpers.refusal import refusal
from ..helpers.search import search_words
from ..helpers.timelines import frames_input

CATEGORY = "Spacetime/Control"

PICTURE_KEY = "motion_picture"
"""UI key under which the editor receives the image to draw on."""


def easing_input() -> Any:
    """Input: how a motion begins and ends."""
    return io.Combo.Input(
        "easing",
        options=list(get_args(Easing)),
        default="linear",
        tooltip="linear moves at an even pace; ease in begins slowly, ease out ends slowly.",
    )


def _picture_to_draw_on(image: Tensor, cls: Any) -> dict[str, Any]:
    return {PICTURE_KEY: ui.PreviewImage(image[:1], cls=cls).as_dict()["images"]}


class SpacetimeDrawMotion(io.ComfyNode):
    """Move what is under a mask along a path."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeDrawMotion",
            display_name="Draw Motion (Brush, Trajectory)",
            category=CATEGORY,
            description="Moves what is under a mask along a path: drag over the image to draw "
            "it. Chain several of these nodes to move several objects.",
            **search_words(
                "motion brush", "trajectory", "drag", "spline", "path", "animate object",
                "motion control", "dragnuwa", "move object",
            ),
            inputs=[
                io.Image.Input("image", tooltip="The image; of a batch, the first."),
                io.Mask.Input(
                    "mask", tooltip="White over the object to move, from Load Image."
                ),
                io.String.Input(
                    "path", default="", multiline=True,
                    placeholder='[{"x": 20, "y": 40}, {"x": 90, "y": 40}]',
                    tooltip="The path, drawn on the image: points in image pixels. The object "
                    "moves by the path's displacement from its first point.",
                ),
                frames_input("Frames of the clip.", 17),
                io.Float.Input(
                    "scale", default=1.0, min=0.05, max=20.0, step=0.01,
                    tooltip="Size at the end: 2 is twice as large, 0.5 half as large.",
                ),
                io.Float.Input(
                    "rotation", default=0.0, min=-3600.0, max=3600.0, step=1.0,
                    tooltip="Clockwise rotation at the end, in degrees.",
                ),
                easing_input(),
                io.Mask.Input(
                    "path_mask", optional=True,
                    tooltip="The path as a painted stroke, used instead of path. It begins at "
                    "the end nearer to the object.",
                ),
                tracks_input("Existing tracks, to which the new ones are added.", optional=True),
            ],
            outputs=[tracks_output()],
        )  # fmt: skip

    @classmethod
    def validate_inputs(cls, path: str | None) -> Any:
        """Reject an unreadable path before the graph runs."""
        anywhere = Size(1, 1)
        return refusal(_checked_path, path, anywhere) if path and path.strip() else True

    @classmethod
    def execute(
        cls,
        image: Tensor,
        mask: Tensor,
        path: str,
        frames: int = 17,
        scale: float = 1.0,
        rotation: float = 0.0,
        easing: Easing = "linear",
        path_mask: Tensor | None = None,
        tracks: str | None = None,
    ) -> io.NodeOutput:
        """Place tracks on the object and move them."""
        size = size_of(image)
        thing, stroke = mask_over(mask, size), mask_over(path_mask, size, "path_mask")
        assert thing is not None
        others = tracks_over(tracks, image, frames)
        way = _drawn_path(path, image) if stroke is None else stroke_path(stroke, thing)
        made = moved_along(thing, way, frames, scale=scale, rotation=rotation, easing=easing)
        text = write_tracks(made if others is None else others.with_more(made))
        return io.NodeOutput(text, ui=_picture_to_draw_on(image, cls))


def _drawn_path(path: str, image: Tensor) -> Tensor:
    """Return the points (N, 2) of a path.

    Raises:
        ValueError: there are none, or several paths.
    """
    if not path.strip():
        raise ValueError(
            "no path is drawn: drag over the image on the node, write points such as "
            '[{"x": 20, "y": 40}, {"x": 90, "y": 40}] in path, or connect path_mask'
        )
    return _checked_path(path, size_of(image))


def _checked_path(path: str, size: Size) -> Tensor:
    """Return the only track (N, 2) of a text."""
    read = read_tracks(path, size)
    if len(read) > 1:
        raise ValueError(
            f"got {len(read)} paths for one object: draw one path, and use one Draw Motion node "
            "per object"
        )
    return read.places[0]


class SpacetimeCameraMove(io.ComfyNode):
    """Move a camera over an image."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeCameraMove",
            display_name="Camera Move (Pan, Orbit, Dolly)",
            category=CATEGORY,
            description="Covers the image with tracks, as a moving camera sees them. For moves "
            "in sequence, chain several of these nodes, each with its own start and end.",
            **search_words(
                "camera control", "pan", "tilt", "zoom", "dolly", "roll", "orbit", "crane",
                "parallax", "ken burns", "camera trajectory",
            ),
            inputs=[
                io.Image.Input("image", tooltip="The image; of a batch, the first."),
                frames_input("Frames of the clip.", 17),
                _degrees("pan", "that the camera turns right; negative values turn left."),
                _degrees("tilt", "that the camera turns up; negative values turn down."),
                io.Float.Input(
                    "zoom", default=1.0, min=0.05, max=20.0, step=0.01,
                    tooltip="Magnification at the end: 2 looks twice as near.",
                ),
                io.Float.Input(
                    "dolly", default=0.0, min=-10.0, max=0.95, step=0.01,
                    tooltip="How far the camera moves forward, as a share of the distance to the "
                    "plane; negative values move back. With depth, near things grow faster.",
                ),
                _degrees("roll", "that the camera turns clockwise about its axis."),
                _degrees("orbit", "that the camera moves to the right around the middle of the "
                "plane."),
                _share("start", 0.0, "begins"),
                _share("end", 1.0, "ends"),
                easing_input(),
                io.Image.Input(
                    "depth", optional=True,
                    tooltip="A depth map of the image, with near white: in dolly and orbit, near "
                    "and far things then move apart.",
                ),
                io.Float.Input(
                    "plane", default=0.5, min=0.0, max=1.0, step=0.01, **advanced(),
                    tooltip="Grey value in depth at which the camera looks: orbit goes around "
                    "it, and without depth everything lies on it.",
                ),
                tracks_input("Objects that move on their own, or an earlier camera move.",
                             optional=True),
            ],
            outputs=[tracks_output()],
        )  # fmt: skip

    @classmethod
    def validate_inputs(cls, start: float | None, end: float | None) -> Any:
        """Reject an end that is not after the start before the graph runs."""
        return refusal(lambda first, last: progress(2, start=first, end=last), start, end)

    @classmethod
    def execute(
        cls,
        image: Tensor,
        frames: int = 17,
        pan: float = 0.0,
        tilt: float = 0.0,
        zoom: float = 1.0,
        dolly: float = 0.0,
        roll: float = 0.0,
        orbit: float = 0.0,
        start: float = 0.0,
        end: float = 1.0,
        easing: Easing = "linear",
        depth: Tensor | None = None,
        plane: float = 0.5,
        tracks: str | None = None,
    ) -> io.NodeOutput:
        """Move the camera."""
        move = CameraMove(
            pan=pan, tilt=tilt, roll=roll, zoom=zoom, dolly=dolly, orbit=orbit,
            start=start, end=end, easing=easing,
        )  # fmt: skip
        size = size_of(image)
        points = filled_up(tracks_over(tracks, image, frames), size, frames)
        nearness = None if depth is None else _nearness(depth, image, points)
        return io.NodeOutput(write_tracks(seen_by(move, points, size, nearness, plane)))


def _nearness(depth: Tensor, image: Tensor, points: Tracks) -> Tensor:
    """Sample a depth map where tracks begin: grey values (N,).

    Raises:
        ValueError: the map and the image differ in size.
    """
    if depth.shape[1:3] != image.shape[1:3]:
        raise ValueError(
            f"a depth map of {depth.shape[2]}x{depth.shape[1]} for an image of "
            f"{image.shape[2]}x{image.shape[1]} pixels: connect the depth map of the same image"
        )
    height, width = depth.shape[1:3]
    x, y = points.starts.floor().long().unbind(1)
    return depth[0, y.clamp(0, height - 1), x.clamp(0, width - 1), :3].float().cpu().mean(1)


def _degrees(id: str, what: str) -> Any:
    return io.Float.Input(
        id, default=0.0, min=-360.0, max=360.0, step=0.1, tooltip=f"Degrees {what}"
    )


def _share(id: str, default: float, does: str) -> Any:
    return io.Float.Input(
        id,
        default=default,
        min=0.0,
        max=1.0,
        step=0.01,
        tooltip=f"When the move {does}: 0 is the clip's start, 1 its end.",
    )


NODES: list[type[Any]] = [SpacetimeDrawMotion, SpacetimeCameraMove]
