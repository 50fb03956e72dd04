"""The timeline: which parts of a clip are given, which are generated, and how the two are joined.

The artist's frames have positions on a timeline. The timeline determines the latent to sample,
which holds the given parts, and the finished clip, which returns the artist's frames untouched.
"""

from .assemble import assembled
from .encode import PART_KEY, START_KEY, TIMELINE_KEY, latent_of, softened
from .record import Join, Piece, Timeline
from .start import ClipPart, Encode, StartClip, StartOnDemand

__all__ = [
    "PART_KEY",
    "START_KEY",
    "TIMELINE_KEY",
    "ClipPart",
    "Encode",
    "Join",
    "Piece",
    "StartClip",
    "StartOnDemand",
    "Timeline",
    "assembled",
    "latent_of",
    "softened",
]
