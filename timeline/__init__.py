"""The timeline: what of a clip is given, what is made, and how the two become one.

Frames of the artist have places on a timeline. From it follow the latent that is sampled, with
what is given held in it, and the finished clip, in which the artist's frames come back untouched.
"""

from .assemble import assembled
from .encode import PART_KEY, START_KEY, TIMELINE_KEY, latent_of
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
]
