"""Prompts over time, and the choice of one of them for each evaluation.

B batch, S text tokens, D text width.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from torch import Tensor

from ..samplers.clips import Clip, Clips
from ..samplers.runs import Evaluation
from .keys import CLIP_TEXTS_KEY, SPANS_KEY
from .stretch import is_part

IN_ONE_PIECE = (
    "this run generates {frames} frames in one piece and uses only the prompt at its middle, "
    "although others begin within it: prompts change between chunks and between windows; use "
    "Sample Long Video or Context Windows"
)


class Span(NamedTuple):
    """A prompt and the time at which it starts.

    Args:
        start: in seconds, or in frames of the video.
        context: of the prompt (B, S, D).
        options: of its conditioning.
    """

    start: float
    context: Tensor
    options: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class PromptSpans:
    """A sequence of prompts over time.

    Args:
        spans: in order of time; the first also applies before it starts.
        in_frames: whether starts are in frames rather than in seconds.
    """

    spans: tuple[Span, ...]
    in_frames: bool = False

    @property
    def known(self) -> Iterator[object]:
        """Values that identify these prompts."""
        yield self.in_frames
        for span in self.spans:
            yield span.start
            yield span.context

    def check(self, clips: Clips) -> None:
        """Check that the prompts can be placed in clips.

        Raises:
            ValueError: a clip's frame rate is unknown, and the prompts start at seconds.
        """
        for clip in clips.each:
            self._rate(clip)

    def number_at(self, clip: Clip) -> int:
        """Return the number of the span at the middle of a clip's generated frames."""
        starts = [span.start for span in self.spans]
        return max(0, bisect_right(starts, clip.middle / self._rate(clip)) - 1)

    def change_within(self, clip: Clip) -> bool:
        """Whether a prompt starts within a clip's generated frames."""
        rate = self._rate(clip)
        starts = (span.start * rate for span in self.spans[1:])
        return any(clip.made_from < start < clip.made_until for start in starts)

    def part(self, options: Mapping[str, Any], number: int) -> tuple[Tensor, dict[str, Any]]:
        """Return the context and the options of a conditioning with one of these prompts.

        Args:
            options: of the conditioning that holds all prompts.
            number: of the span.
        """
        span = self.spans[number]
        rest = {key: value for key, value in options.items() if key != SPANS_KEY}
        return span.context, {**rest, **span.options}

    def _rate(self, clip: Clip) -> float:
        """Frames of the video per unit of time."""
        if self.in_frames:
            return 1.0
        if clip.fps is None:
            raise ValueError(
                "prompts start at seconds, but the latent does not state its frame rate: write "
                "frames (72f: instead of 4.5:), or create the latent with Empty Video"
            )
        return clip.fps


def spans_of(context: Tensor | None, options: Mapping[str, Any]) -> PromptSpans | None:
    """Return the prompts over time of a conditioning.

    None also if another node has since changed its text: the new text applies at all times.
    """
    found: PromptSpans | None = options.get(SPANS_KEY)
    return found if found is not None and context is found.spans[0].context else None


def told_by(parts: Iterable[tuple[Tensor | None, Mapping[str, Any]]]) -> Iterator[object]:
    """Yield what identifies conditionings: all their texts, and the times of these.

    Args:
        parts: contexts (B, S, D) and options.
    """
    for context, options in parts:
        spans = spans_of(context, options)
        yield context
        yield from options.get(CLIP_TEXTS_KEY, ())
        yield from () if spans is None else spans.known


class SpanChooser:
    """Chooses prompts during a run.

    Args:
        tell: called once if a run in one piece skips prompts.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell, self._told = tell, False

    def number(self, spans: PromptSpans, at: Evaluation) -> int:
        """Return the number of the span for an evaluation.

        Raises:
            ValueError: its frames or their rate are unknown, or packed clips fall in several spans.
        """
        if at.clips is None:
            raise ValueError("prompts over time need a state with known frames: use a video latent")
        numbers = {spans.number_at(clip) for clip in at.clips.each}
        if len(numbers) > 1:
            raise ValueError(
                "the middles of the packed clips fall under different prompts: pack clips of equal "
                "length, or sample them one by one with Sample"
            )
        self._warn(spans, at.clips.each[0])
        return numbers.pop()

    def _warn(self, spans: PromptSpans, clip: Clip) -> None:
        if self._told or not clip.whole or is_part() or not spans.change_within(clip):
            return
        self._told = True
        self._tell(IN_ONE_PIECE.format(frames=clip.made_until - clip.made_from))
