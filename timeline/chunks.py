"""Long video: the order in which the latent frames of a clip are generated, and their context.

A clip too long for one run is generated in chunks as one stream of latents: each run sees existing
latents and generates the ones next to them. Nothing is decoded and re-encoded in between, so the
VAE's errors do not accumulate.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise

CHUNKS_FOLDER = "chunks"
"""Subfolder of the output folder for the finished chunks of runs that can be interrupted."""


@dataclass(frozen=True)
class Chunk:
    """One run of a long clip.

    Args:
        shown: the latent frames in the run, in order; all but ``made`` and ``lead`` exist already.
        made: the frames that are generated and kept.
        lead: a frame that is generated with them and discarded; None for none.
    """

    shown: tuple[int, ...]
    made: range
    lead: int | None = None

    @property
    def places(self) -> list[int]:
        """Indices of the generated frames within the run."""
        return [self.shown.index(frame) for frame in self.made]

    def onto(self, ends: Collection[int]) -> "Chunk":
        """Return the run with the frame after ``made`` generated too, if it is one of ``ends``."""
        if self.made.stop not in ends:
            return self
        return replace(self, made=range(self.made.start, self.made.stop + 1))


@dataclass(frozen=True, kw_only=True)
class ChunkPlan:
    """How to cut a long clip into chunks.

    Args:
        length: latent frames per run, as many as the model was trained on.
        context: number of these that exist already.
        anchor: whether every run sees the clip's first latent frame, against drift.

    Raises:
        ValueError: a run has no room for new frames.
    """

    length: int
    context: int
    anchor: bool = True

    def __post_init__(self) -> None:
        if self.context < 1 or self.length < self.context + 2:
            raise ValueError(
                f"chunks of {self.length} latent frames with {self.context} of context leave no "
                "room for new frames: use longer chunks or less context"
            )

    def chunks(self, free: Sequence[bool], keyframes: Collection[int] = ()) -> list[Chunk]:
        """Cut a clip into chunks.

        Frames after a given part are generated forward in time, frames before it backward. A gap
        between two given parts is generated forward; its last run sees both sides, with as much of
        the part after the gap as it has room for. A keyframe after a gap also ends it: the run
        that leads into it generates it as well.

        Args:
            free: for each latent frame, whether any of it is to be generated.
            keyframes: numbers of the free frames that show what the frames before them lead into.
        """
        ends_of_gaps = {n for n in keyframes if n and free[n - 1] and n - 1 not in keyframes}
        gaps = _gaps([each and n not in ends_of_gaps for n, each in enumerate(free)])
        ends = [gap.start for gap in gaps[1:]] + [len(free)]
        return [
            chunk.onto(ends_of_gaps)
            for gap, end in zip(gaps, ends, strict=False)  # without a gap, one end remains
            for chunk in self._filling(gap, range(gap.stop, end))
        ]

    def _filling(self, gap: range, behind: range) -> Iterator[Chunk]:
        """Chunks for a gap and the given frames after it."""
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
        """Chunks from the end of a gap to its start.

        A run that does not start at the clip's start gets one extra leading latent frame, because
        a model generates the first frame of a run unlike all others.
        """
        place = gap.stop
        while place > 0:
            after = range(place, behind.stop)[: self.context]
            room = self.length - len(after) - 1
            made = range(place - _share(place, room, -1), place)
            lead = made.start - 1 if made.start else None
            yield Chunk((*([] if lead is None else [lead]), *made, *after), made, lead)
            place = made.start


def _share(left: int, room: int, more: int) -> int:
    """Number of latent frames of the next run, so that the remaining runs are about equal.

    Args:
        left: latent frames to generate in this run and all later ones.
        room: latent frames that fit into a run.
        more: additional latent frames that the last run has to hold.
    """
    runs = -(-(left + more) // room)
    return left if runs <= 1 else min(max(1, left - 1), -(-(left + more) // runs))


def _gaps(free: Sequence[bool]) -> list[range]:
    """Find the runs of consecutive free frames."""
    lengths = [(wanted, len(list(row))) for wanted, row in groupby(free)]
    ends = [0]
    for _, length in lengths:
        ends.append(ends[-1] + length)
    spans = zip(lengths, pairwise(ends), strict=True)
    return [range(*span) for (wanted, _), span in spans if wanted]
