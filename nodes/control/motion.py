"""Draw Motion and Camera Move: what moves where, as tracks."""

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
"""Under which the editor is told the picture to draw on."""


def easing_input() -> Any:
    """How a motion begins and ends."""
    return io.Combo.Input(
        "easing",
        options=list(get_args(Easing)),
        default="linear",
        tooltip="linear moves evenly; ease in begins slowly, ease out ends slowly.",
    )


def _picture_to_draw_on(image: Tensor, cls: Any) -> dict[str, Any]:
    return {PICTURE_KEY: ui.PreviewImage(image[:1], cls=cls).as_dict()["images"]}


class SpacetimeDrawMotion(io.ComfyNode):
    """What lies under a mask moves along a path."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeDrawMotion",
            display_name="Draw Motion (Brush, Trajectory)",
            category=CATEGORY,
            description="Moves what lies under a mask along a path that you draw on the picture: "
            "drag over it. Several of these nodes, one behind the other, move several things.",
            **search_words(
                "motion brush", "trajectory", "drag", "spline", "path", "animate object",
                "motion control", "dragnuwa", "move object",
            ),
            inputs=[
                io.Image.Input("image", tooltip="The picture; of several the first."),
                io.Mask.Input(
                    "mask", tooltip="White where the thing is that moves, from Load Image."
                ),
                io.String.Input(
                    "path", default="", multiline=True,
                    placeholder='[{"x": 20, "y": 40}, {"x": 90, "y": 40}]',
                    tooltip="Where it goes, drawn on the picture: points in its pixels. The thing "
                    "moves by as much as the path leads away from its first point.",
                ),
                frames_input("Frames of the clip.", 17),
                io.Float.Input(
                    "scale", default=1.0, min=0.05, max=20.0, step=0.01,
                    tooltip="Size at the end: 2 is twice as large, 0.5 half as large.",
                ),
                io.Float.Input(
                    "rotation", default=0.0, min=-3600.0, max=3600.0, step=1.0,
                    tooltip="Degrees by which it has turned at the end, clockwise.",
                ),
                easing_input(),
                io.Mask.Input(
                    "path_mask", optional=True,
                    tooltip="The path as a painted stroke, in place of path. It begins at the end "
                    "that lies nearer to the thing.",
                ),
                tracks_input("What moves already; the new tracks are added.", optional=True),
            ],
            outputs=[tracks_output()],
        )  # fmt: skip

    @classmethod
    def validate_inputs(cls, path: str | None) -> Any:
        """Refuse a path that cannot be read before the graph runs."""
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
        """Lay tracks over the thing and move them."""
        size = size_of(image)
        thing, stroke = mask_over(mask, size), mask_over(path_mask, size, "path_mask")
        assert thing is not None
        others = tracks_over(tracks, image, frames)
        way = _drawn_path(path, image) if stroke is None else stroke_path(stroke, thing)
        made = moved_along(thing, way, frames, scale=scale, rotation=rotation, easing=easing)
        text = write_tracks(made if others is None else others.with_more(made))
        return io.NodeOutput(text, ui=_picture_to_draw_on(image, cls))


def _drawn_path(path: str, image: Tensor) -> Tensor:
    """Points (N, 2) of a path.

    Raises:
        ValueError: there are none, or several paths.
    """
    if not path.strip():
        raise ValueError(
            "no path is drawn: drag over the picture on the node, write points such as "
            '[{"x": 20, "y": 40}, {"x": 90, "y": 40}], or connect path_mask'
        )
    return _checked_path(path, size_of(image))


def _checked_path(path: str, size: Size) -> Tensor:
    """The only track (N, 2) of a text."""
    read = read_tracks(path, size)
    if len(read) > 1:
        raise ValueError(
            f"{len(read)} paths for one thing: draw one, and take a Draw Motion for each thing"
        )
    return read.places[0]


class SpacetimeCameraMove(io.ComfyNode):
    """The camera moves over a picture."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeCameraMove",
            display_name="Camera Move (Pan, Orbit, Dolly)",
            category=CATEGORY,
            description="Tracks all over the picture, as a moving camera sees them. Several of "
            "these nodes, one behind the other, with a start and an end each, are moves in a row.",
            **search_words(
                "camera control", "pan", "tilt", "zoom", "dolly", "roll", "orbit", "crane",
                "parallax", "ken burns", "camera trajectory",
            ),
            inputs=[
                io.Image.Input("image", tooltip="The picture; of several the first."),
                frames_input("Frames of the clip.", 17),
                _degrees("pan", "that the camera turns to the right; below 0 to the left."),
                _degrees("tilt", "that it turns up; below 0 down."),
                io.Float.Input(
                    "zoom", default=1.0, min=0.05, max=20.0, step=0.01,
                    tooltip="How much the lens enlarges at the end: 2 is twice as near.",
                ),
                io.Float.Input(
                    "dolly", default=0.0, min=-10.0, max=0.95, step=0.01,
                    tooltip="How far the camera drives forward, as a share of the distance to the "
                    "plane; below 0 back. With depth, near things grow faster.",
                ),
                _degrees("roll", "that it turns clockwise about its axis."),
                _degrees("orbit", "that it goes to the right around the middle of the plane."),
                _share("start", 0.0, "begins"),
                _share("end", 1.0, "ends"),
                easing_input(),
                io.Image.Input(
                    "depth", optional=True,
                    tooltip="A depth map of the picture, near is white: near and far things then "
                    "move apart in dolly and orbit.",
                ),
                io.Float.Input(
                    "plane", default=0.5, min=0.0, max=1.0, step=0.01, **advanced(),
                    tooltip="Grey value of the depth at which the camera looks: orbit goes around "
                    "it, and without depth everything lies on it.",
                ),
                tracks_input("What moves by itself, or a camera move before this one.",
                             optional=True),
            ],
            outputs=[tracks_output()],
        )  # fmt: skip

    @classmethod
    def validate_inputs(cls, start: float | None, end: float | None) -> Any:
        """Refuse a time that does not end after it begins before the graph runs."""
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
    """The grey values (N,) of a depth map where tracks begin.

    Raises:
        ValueError: the map has another size than the picture.
    """
    if depth.shape[1:3] != image.shape[1:3]:
        raise ValueError(
            f"a depth map of {depth.shape[2]}x{depth.shape[1]} and a picture of "
            f"{image.shape[2]}x{image.shape[1]} pixels: give the depth of the same picture"
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
        tooltip=f"When the move {does}: 0 is the clip's beginning, 1 its end.",
    )


NODES: list[type[Any]] = [SpacetimeDrawMotion, SpacetimeCameraMove]
