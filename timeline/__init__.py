"""The timeline: what of a clip is given, what is made, and how the two become one.

Frames of the artist have places on a timeline. From it follow the latent that is sampled, with
what is given held in it, and the finished clip, in which the artist's frames come back untouched.
"""

from .assemble import assembled
from .encode import TIMELINE_KEY, Encode, latent_of
from .record import Join, Piece, Timeline

__all__ = ["TIMELINE_KEY", "Encode", "Join", "Piece", "Timeline", "assembled", "latent_of"]
