"""Hints: images that a video is to follow, computed from the frames of another video."""

from .canny import CannyOptions, canny_edges
from .clips import hint_frames
from .flow import Flow, optical_flow
from .flow_colours import flow_pictures
from .line_art import LineOptions, line_art
from .low_detail import LESS_DETAIL, low_detail
from .pictures import luminance
from .soft_edges import soft_edges

__all__ = [
    "LESS_DETAIL",
    "CannyOptions",
    "Flow",
    "LineOptions",
    "canny_edges",
    "flow_pictures",
    "hint_frames",
    "line_art",
    "low_detail",
    "luminance",
    "optical_flow",
    "soft_edges",
]
