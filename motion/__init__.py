"""Motion drawn by an artist: points that move over an image, and everything derived from them."""

from .tracks import Tracks, read_tracks, write_tracks

__all__ = ["Tracks", "read_tracks", "write_tracks"]
