"""The timeline record of a clip: the artist's frames, each at its position.

F frames, H rows, W columns, f latent frames.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from torch import Tensor

from ..models.shapes import WAN_COMPRESSION, Compression, LatentShape, VideoShape
from .sound import SoundPiece

MADE = 1.0
"""The change of a position where nothing is given."""


@dataclass(frozen=True, eq=False)
class Piece:
    """The artist's frames at a position on a timeline.

    Args:
        frames: (F, H, W, 3) in [0, 1], of the timeline's size.
        start: frame of the result at which they start; may be negative.
        change: (F or 1, H, W) in [0, 1], how far each pixel is changed: 0 is given and returned
            untouched, 1 is regenerated; None if all pixels are given.
        held: whether copies of the nearest frame fill up the latent frames that the piece covers in
            part, as a single image requires.

    Raises:
        ValueError: the sizes do not fit together, or a change lies outside [0, 1].
    """

    frames: Tensor
    start: int = 0
    change: Tensor | None = None
    held: bool = False

    def __post_init__(self) -> None:
        if self.frames.ndim != 4 or self.frames.shape[3] != 3 or not len(self.frames):
            raise ValueError(
                f"frames of shape {tuple(self.frames.shape)}: expected (frames, rows, columns, 3) "
                "with at least one frame"
            )
        if self.change is not None:
            _check_change(self.change, self.frames)

    @property
    def end(self) -> int:
        """Frame of the result after the last frame of the piece."""
        return self.start + len(self.frames)

    def change_at(self, frame: int) -> Tensor | float:
        """Change (H, W) at a frame of the result, or 0.0 if the piece is fully given."""
        if self.change is None:
            return 0.0
        return self.change[0 if len(self.change) == 1 else frame - self.start]


def _check_change(change: Tensor, frames: Tensor) -> None:
    fits = change.ndim == 3 and change.shape[1:] == frames.shape[1:3]
    if not fits or len(change) not in (1, len(frames)):
        raise ValueError(
            f"a mask of shape {tuple(change.shape)} for frames of shape {tuple(frames.shape)}: "
            "expected masks of the frames' size, one for all frames or one per frame"
        )
    if float(change.min()) < 0 or float(change.max()) > 1:
        raise ValueError(
            f"a mask with values from {float(change.min()):g} to {float(change.max()):g}: use "
            "values from 0 (given) to 1 (regenerated)"
        )


class Shown(NamedTuple):
    """A frame of a piece, by its number in the result.

    Attributes:
        stands_in: whether it is shown in place of a frame of the result that is to be generated.
    """

    piece: Piece
    frame: int
    stands_in: bool = False

    @property
    def pixels(self) -> Tensor:
        """Pixels (H, W, 3) of the frame."""
        return self.piece.frames[self.frame - self.piece.start]

    @property
    def change(self) -> Tensor | float:
        """Change of the frame, (H, W) or a number."""
        return self.piece.change_at(self.frame)


class Join(NamedTuple):
    """Where generated frames meet given ones: between ``frame`` - 1 and ``frame`` of the result."""

    frame: int
    given_before: bool


@dataclass(frozen=True, eq=False)
class Timeline:
    """The plan of a clip: its given frames and the stretch to sample.

    Args:
        shape: shape of the result; its length is exact, whatever lengths the VAE supports.
        fps: frame rate.
        latent_frames: number of latent frames to sample.
        start: frame of the result at which the sampled stretch starts; negative if it starts
            earlier. Frames of the result outside the stretch must be given.
        pieces: the given frames; later pieces lie on top of earlier ones.
        loop: whether time is circular.
        compression: compression of the VAE.
        sounds: sound of the given frames.

    Raises:
        ValueError: a piece has another size, a frame outside the stretch is not wholly given, or a
            loop's length differs from that of the stretch.
    """

    shape: VideoShape
    fps: float
    latent_frames: int
    start: int = 0
    pieces: tuple[Piece, ...] = ()
    loop: bool = False
    compression: Compression = WAN_COMPRESSION
    sounds: tuple[SoundPiece, ...] = ()

    def __post_init__(self) -> None:
        for piece in self.pieces:
            if tuple(piece.frames.shape[1:3]) != self.shape[1:]:
                height, width = piece.frames.shape[1:3]
                raise ValueError(
                    f"frames of {width}x{height} on a timeline of "
                    f"{self.shape.width}x{self.shape.height}: fit them first (Fit Video)"
                )
        if self.loop and self.shape.frames != len(self.stretch):
            raise ValueError(
                f"a loop of {self.shape.frames} frames: use a multiple of {self.compression.time}"
            )
        missing = [each for each in self._outside() if self.given(each) is not True]
        if missing:
            raise ValueError(
                f"frame {missing[0]} of a timeline of {self.shape.frames} frames is to be "
                f"generated, at least in part, but the model only sees frames "
                f"{self.stretch.start} to {self.stretch.stop - 1}: give the whole frame, or let "
                "the model see it with more context"
            )

    def _outside(self) -> Iterator[int]:
        yield from range(min(self.start, self.shape.frames))
        yield from range(max(self.stretch.stop, 0), self.shape.frames)

    @property
    def latent_shape(self) -> LatentShape:
        """Shape of the latent to sample."""
        height, width = (side // self.compression.space for side in self.shape[1:])
        return LatentShape(self.latent_frames, height, width)

    @cached_property
    def stretch(self) -> range:
        """Frames of the result that the sampled latent decodes to; some may be cropped."""
        count = self.compression.video_shape(self.latent_shape, loop=self.loop).frames
        return range(self.start, self.start + count)

    @property
    def closes(self) -> bool:
        """Whether it ends where it begins: its first frames are given once more after its last."""
        return any(piece.start == self.shape.frames for piece in self.pieces)

    @property
    def first_frame(self) -> int:
        """Absolute number of the first latent frame, which determines its noise."""
        return self.start // self.compression.time

    def behind(self, latent_frame: int) -> range:
        """Frames of the result that a latent frame covers."""
        time, lone = self.compression.time, not self.loop
        first = latent_frame * time - (time - 1 if lone and latent_frame else 0)
        return range(self.start + first, self.start + first + (time if first or not lone else 1))

    def holds_whole(self, frames: range) -> bool:
        """Whether any latent frame lies wholly within these frames of the result."""
        every = (self.behind(each) for each in range(self.latent_frames))
        return any(frames.start <= each.start and each.stop <= frames.stop for each in every)

    def placed(self, piece: Piece) -> "Timeline":
        """Return the timeline with one more piece on top."""
        return replace(self, pieces=(*self.pieces, piece))

    def piece_at(self, frame: int) -> Piece | None:
        """Topmost piece at a frame of the result, None if there is none."""
        frame = self._on_circle(frame)
        for piece in reversed(self.pieces):
            if piece.start <= frame < piece.end:
                return piece
        return None

    def given(self, frame: int) -> Tensor | bool:
        """Mask (H, W) of the given pixels of a frame; True if all are given, False if none is."""
        shown = self.shown_at(frame)
        change = MADE if shown is None else shown.change
        if not isinstance(change, Tensor):
            return change == 0
        given = change.eq(0)
        return given if bool(given.any()) and not bool(given.all()) else bool(given.all())

    def pixels(self, frame: int) -> Tensor | None:
        """The artist's frame (H, W, 3) at a frame of the result; None if there is none."""
        shown = self.shown_at(frame)
        return None if shown is None else shown.pixels

    def shown_at(self, frame: int) -> Shown | None:
        """Topmost piece's frame at a frame of the result; None if there is none."""
        piece = self.piece_at(frame)
        return None if piece is None else Shown(piece, self._on_circle(frame))

    def shown(self, latent_frame: int) -> list[Shown | None]:
        """What the model sees in each frame that a latent frame covers; None for nothing.

        In place of a frame without a piece, the nearest frame of a held piece in the same latent
        frame is shown.
        """
        frames = [self._on_circle(frame) for frame in self.behind(latent_frame)]
        pieces = [self.piece_at(frame) for frame in frames]
        held = next((each for each in pieces if each is not None and each.held), None)
        return [
            self._stand_in(held, frame) if piece is None else Shown(piece, frame)
            for frame, piece in zip(frames, pieces, strict=True)
        ]

    def _stand_in(self, held: Piece | None, frame: int) -> Shown | None:
        if held is None:
            return None
        nearest = min(max(frame, held.start), held.end - 1)
        return Shown(held, nearest, stands_in=0 <= frame < self.shape.frames)

    def _on_circle(self, frame: int) -> int:
        return frame % self.shape.frames if self.loop else frame

    def joins(self) -> list[Join]:
        """Joins between fully given frames and others, in order.

        A join at the length of the result is where a closed clip starts over.
        """
        last = self.shape.frames
        goes_on = last in self.stretch and self.given(last) is True
        frames = range(-1 if self.loop else 0, last + goes_on)
        whole = {frame: self.given(frame) is True for frame in frames}
        return [Join(b, whole[a]) for a, b in pairwise(frames) if whole[a] != whole[b]]
