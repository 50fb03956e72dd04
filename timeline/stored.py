"""Convert timelines to and from tensors and plain values, for files."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from ..media import Sound
from ..models.shapes import Compression, VideoShape
from .record import Piece, Timeline
from .sound import SoundPiece


def to_tensors(timeline: Timeline) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return named tensors and JSON values from which ``from_tensors`` rebuilds the timeline."""
    tensors: dict[str, Tensor] = {}
    for number, piece in enumerate(timeline.pieces):
        tensors[f"piece.{number}.frames"] = piece.frames
        if piece.change is not None:
            tensors[f"piece.{number}.change"] = piece.change
    for number, sound in enumerate(timeline.sounds):
        tensors[f"sound.{number}.samples"] = sound.sound.samples
    plain = {
        "shape": list(timeline.shape),
        "fps": timeline.fps,
        "latent_frames": timeline.latent_frames,
        "start": timeline.start,
        "loop": timeline.loop,
        "compression": [timeline.compression.time, timeline.compression.space],
        "pieces": [[piece.start, piece.held] for piece in timeline.pieces],
        "sounds": [[each.sound.rate, each.start, each.frames] for each in timeline.sounds],
    }
    return tensors, plain


def from_tensors(tensors: Mapping[str, Tensor], plain: Mapping[str, Any]) -> Timeline:
    """Rebuild a timeline from the output of ``to_tensors``.

    Raises:
        KeyError: an entry is missing.
    """
    pieces = [
        Piece(
            tensors[f"piece.{number}.frames"],
            start,
            tensors.get(f"piece.{number}.change"),
            held=held,
        )
        for number, (start, held) in enumerate(plain["pieces"])
    ]
    sounds = [
        SoundPiece(Sound(tensors[f"sound.{number}.samples"], rate), start, frames)
        for number, (rate, start, frames) in enumerate(plain["sounds"])
    ]
    return Timeline(
        VideoShape(*plain["shape"]),
        plain["fps"],
        plain["latent_frames"],
        start=plain["start"],
        pieces=tuple(pieces),
        loop=plain["loop"],
        compression=Compression(*plain["compression"]),
        sounds=tuple(sounds),
    )
