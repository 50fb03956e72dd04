"""Media files: video as a stream of frames, images, file names, resizing, film strips.

Frames are float32 tensors `(F, H, W, 3)` in [0, 1], images `(H, W, 3)`. PyAV and pillow are
imported by the functions that need them, so importing this package costs nothing.
"""

from .clip import Clip, ClipForm, FileClip, HeldClip
from .errors import MediaError, NoRoomError
from .files import new_folder
from .folders import files_below
from .images import LoadedImage, image_tags, load_image, load_images, probe_image, save_image
from .limits import MOST_BYTES, check_pixels
from .memory import check_room
from .paths import (
    OutputFile,
    claimed_output,
    is_whole_path,
    plain_path,
    prove_output,
    prove_writable,
)
from .probe import VideoInfo, content_tags, probe_video
from .rate import to_frame_rate
from .read import read_video
from .remux import copy_streams
from .resize import resize
from .sound import Sound, read_sound
from .stream import FrameStream, frame_chunks, led_in, regrouped, whole_frames
from .strip import contact_sheet, film_strip, film_strips, grid
from .text import counted, printable, shown
from .write import QUALITY, WrittenVideo, write_video

__all__ = [
    "MOST_BYTES",
    "QUALITY",
    "Clip",
    "ClipForm",
    "FileClip",
    "FrameStream",
    "HeldClip",
    "LoadedImage",
    "MediaError",
    "NoRoomError",
    "OutputFile",
    "Sound",
    "VideoInfo",
    "WrittenVideo",
    "check_pixels",
    "check_room",
    "claimed_output",
    "contact_sheet",
    "content_tags",
    "copy_streams",
    "counted",
    "files_below",
    "film_strip",
    "film_strips",
    "frame_chunks",
    "grid",
    "image_tags",
    "is_whole_path",
    "led_in",
    "load_image",
    "load_images",
    "new_folder",
    "plain_path",
    "printable",
    "probe_image",
    "probe_video",
    "prove_output",
    "prove_writable",
    "read_sound",
    "read_video",
    "regrouped",
    "resize",
    "save_image",
    "shown",
    "to_frame_rate",
    "whole_frames",
    "write_video",
]
