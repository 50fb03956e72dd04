"""Pixels <-> files: video as a stream of frames, images, file names, resizing, film strips.

Frames are float32 tensors `(F, H, W, 3)` in [0, 1], images `(H, W, 3)`. PyAV and pillow are
imported by the functions that need them, so importing this package costs nothing.
"""

from .errors import MediaError
from .images import LoadedImage, load_image, load_images, save_image
from .paths import claimed_output_path, output_target, plain_path
from .probe import VideoInfo, content_tags, probe_video
from .rate import to_frame_rate
from .read import read_video
from .remux import copy_streams
from .resize import resize
from .strip import film_strip, film_strips, grid
from .write import WrittenVideo, write_video

__all__ = [
    "LoadedImage",
    "MediaError",
    "VideoInfo",
    "WrittenVideo",
    "claimed_output_path",
    "content_tags",
    "copy_streams",
    "film_strip",
    "film_strips",
    "grid",
    "load_image",
    "load_images",
    "output_target",
    "plain_path",
    "probe_video",
    "read_video",
    "resize",
    "save_image",
    "to_frame_rate",
    "write_video",
]
