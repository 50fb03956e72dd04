"""Videos that the tests of reading and writing begin with, and how they read them."""

from fractions import Fraction

import av
import numpy as np
import torch
from av.stream import Disposition

from spacetime_video.media import read_video


def ramp(frames=12, height=32, width=48):
    """Frames that differ from each other: grey levels rise with time, a gradient lies across."""
    brightness = torch.linspace(0.1, 0.8, frames)[:, None, None, None]
    gradient = torch.linspace(0, 0.2, width)[None, None, :, None]
    return (brightness + gradient).expand(frames, height, width, 3).contiguous()


def read_all(path, **options):
    return torch.cat(list(read_video(path, **options)))


def write_at(path, pts, fps=10, **options):
    """Write flat grey frames with given time stamps (in tenths of a second)."""
    with av.open(str(path), "w") as output:
        stream = output.add_stream(options.pop("codec", "libx264"), rate=fps)
        stream.width, stream.height, stream.pix_fmt = 32, 16, options.pop("pix_fmt", "yuv420p")
        stream.options = options
        for index, stamp in enumerate(pts):
            grey = np.full((16, 32, 3), 20 * index, np.uint8)
            frame = av.VideoFrame.from_ndarray(grey, format="rgb24")
            frame.pts, frame.time_base = stamp, 1 / Fraction(fps)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))


def covered(path):
    """Write an MP4 with a red cover picture and, behind it, four grey frames."""
    with av.open(str(path), "w") as output:
        cover = output.add_stream("mjpeg", rate=10)
        cover.width, cover.height, cover.pix_fmt = 64, 64, "yuvj420p"
        cover.disposition = Disposition.attached_pic
        stream = output.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 32, 16, "yuv420p"
        red = np.full((64, 64, 3), (255, 0, 0), np.uint8)
        output.mux(cover.encode(av.VideoFrame.from_ndarray(red, format="rgb24")))
        output.mux(cover.encode(None))
        for index in range(4):
            grey = np.full((16, 32, 3), 20 * index, np.uint8)
            output.mux(stream.encode(av.VideoFrame.from_ndarray(grey, format="rgb24")))
        output.mux(stream.encode(None))
    path.write_bytes(tags_first(path.read_bytes()))


def tags_first(mp4):
    """Move the tags, the cover among them, before the tracks."""
    tracks, tags = (mp4.index(name) - 4 for name in (b"trak", b"udta"))
    end = tags + int.from_bytes(mp4[tags : tags + 4], "big")
    return mp4[:tracks] + mp4[tags:end] + mp4[tracks:tags] + mp4[end:]


def turned_clockwise(mp4):
    """Replace the track's identity matrix by a quarter turn clockwise."""

    def matrix(a, b, c, d):
        numbers = [a, b, 0, c, d, 0, 0, 0, 0x4000]
        return b"".join((n * 65536).to_bytes(4, "big", signed=True) for n in numbers)

    at = mp4.index(matrix(1, 0, 0, 1), mp4.index(b"tkhd"))
    return mp4[:at] + matrix(0, 1, -1, 0) + mp4[at + 36 :]
