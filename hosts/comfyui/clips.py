"""Frames and sound of the host's VIDEO objects."""
# pyright: reportMissingImports=false

from typing import Any

from comfy_api.input_impl import VideoFromFile

from ...media import Clip, FileClip, HeldClip
from ..audio import to_sound


def clip_of(video: Any) -> Clip:
    """Open a VIDEO's file, trimmed if the VIDEO is, or else its frames and sound in memory."""
    if not isinstance(video, VideoFromFile):
        parts = video.get_components()
        return HeldClip(parts.images[..., :3], parts.frame_rate, to_sound(parts.audio))
    chosen = getattr(video, "get_active_trim_window", None)  # later hosts can trim a video
    begin, duration = (0.0, 0.0) if chosen is None else chosen()
    return FileClip(video.get_stream_source(), begin, duration or None)
