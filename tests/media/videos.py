"""Videos that the tests of reading and writing begin with, and how they read them."""

from fractions import Fraction

import av
import numpy as np
import torch

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
            frame.pts, frame.time_base = stamp, Fraction(1, fps)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))


def turned_clockwise(mp4):
    """Replace the track's identity matrix by a quarter turn clockwise."""

    def matrix(a, b, c, d):
        numbers = [a, b, 0, c, d, 0, 0, 0, 0x4000]
        return b"".join((n * 65536).to_bytes(4, "big", signed=True) for n in numbers)

    at = mp4.index(matrix(1, 0, 0, 1), mp4.index(b"tkhd"))
    return mp4[:at] + matrix(0, 1, -1, 0) + mp4[at + 36 :]
