"""Long video: in which order, and beside what, the latent frames of a clip are made.

A clip too long for one run is made in chunks as one stream of latents: each run is shown latents
that are there already and makes those beside them. Nothing is decoded and encoded in between, so
that a VAE's errors do not add up.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

CHUNKS_FOLDER = "chunks"
"""In the folder of results: finished chunks of runs that may be stopped."""


@dataclass(frozen=True)
class Chunk:
    """One run.

    Args:
        shown: the latent frames in it, in their order there.
        made: those of them whose result is kept.
        lead: a frame that is made with them and thrown away; None for none. The others are there.
    """

    shown: tuple[int, ...]
    made: range
    lead: int | None = None

    @property
    def places(self) -> list[int]:
        """Where the made frames stand in the run."""
        return [self.shown.index(frame) for frame in self.made]


@dataclass(frozen=True, kw_only=True)
class ChunkPlan:
    """How a long clip is cut.

    Args:
        length: latent frames in a run, as many as the model knows.
        context: of them, those that are there already.
        anchor: whether the clip's first latent frame is shown in every run, against drift.

    Raises:
        ValueError: a run has no room for anything new.
    """

    length: int
    context: int
    anchor: bool = True

    def __post_init__(self) -> None:
        if self.context < 1 or self.length < self.context + 2:
            raise ValueError(
                f"chunks of {self.length} latent frames with {self.context} of context: use longer "
                "chunks, or less context"
            )

    def chunks(self, free: Sequence[bool]) -> list[Chunk]:
        """Cut a clip.

        What lies behind something given is made forward in time, what lies before it backward; a
        gap between two given parts is made forward, and its last run sees both sides, of what lies
        behind it as much as a run has room for.

        Args:
            free: of each latent frame, whether any of it is to be made.
        """
        gaps = _gaps(free)
        ends = [gap.start for gap in gaps[1:]] + [len(free)]
        return [
            chunk
            for gap, end in zip(gaps, ends, strict=False)  # without a gap there is an end still
            for chunk in self._filling(gap, range(gap.stop, end))
        ]

    def _filling(self, gap: range, behind: range) -> Iterator[Chunk]:
        """The runs of a gap, and of the given frames behind it."""
        if gap.start == 0 and behind:
            return self._backward(gap, behind)
        return self._forward(gap, behind)

    def _forward(self, gap: range, behind: range) -> Iterator[Chunk]:
        place = gap.start
        while place < gap.stop:
            before = range(max(0, place - self.context), place)
            anchor = (0,) if self.anchor and before.start > 0 else ()
            room = self.length - len(anchor) - len(before)
            after = behind[: min(self.context, max(1, room - 1))]
            made = range(place, place + _share(gap.stop - place, room, len(after)))
            seen = after if made.stop == gap.stop else range(0)
            yield Chunk((*anchor, *before, *made, *seen), made)
            place = made.stop

    def _backward(self, gap: range, behind: range) -> Iterator[Chunk]:
        """A run that does not begin with the clip has one latent frame more before the others: a
        model makes the first frame of what it sees unlike all further ones."""
        place = gap.stop
        while place > 0:
            after = range(place, behind.stop)[: self.context]
            room = self.length - len(after) - 1
            made = range(place - _share(place, room, -1), place)
            lead = made.start - 1 if made.start else None
            yield Chunk((*([] if lead is None else [lead]), *made, *after), made, lead)
            place = made.start


def _share(left: int, room: int, more: int) -> int:
    """Latent frames of the next run, so that all that are left are about as long.

    Args:
        left: latent frames to make in this run and those after it.
        room: of a run.
        more: latent frames that the last run has to hold beside those.
    """
    runs = -(-(left + more) // room)
    return left if runs <= 1 else min(max(1, left - 1), -(-(left + more) // runs))


def _gaps(free: Sequence[bool]) -> list[range]:
    """The rows of free frames."""
    lengths = [(wanted, len(list(row))) for wanted, row in groupby(free)]
    ends = [0]
    for _, length in lengths:
        ends.append(ends[-1] + length)
    spans = zip(lengths, pairwise(ends), strict=True)
    return [range(*span) for (wanted, _), span in spans if wanted]
