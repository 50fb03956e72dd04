"""Motion that an artist draws: points that move over a picture, and what follows from them."""

from .tracks import Tracks, read_tracks, write_tracks

__all__ = ["Tracks", "read_tracks", "write_tracks"]
