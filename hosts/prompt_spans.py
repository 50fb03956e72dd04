"""Prompts over time: which of them an evaluation takes.

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
    "this run makes {frames} frames in one piece and takes the prompt of its middle alone, "
    "although others begin in it: prompts change from chunk to chunk and from window to window, "
    "use Sample Long Video or Context Windows"
)


class Span(NamedTuple):
    """A prompt from a time on.

    Args:
        start: in seconds or in frames of the video.
        context: of the prompt (B, S, D).
        options: of its conditioning.
    """

    start: float
    context: Tensor
    options: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class PromptSpans:
    """Prompts one after the other.

    Args:
        spans: in the order of time; the first also holds before it starts.
        in_frames: whether they start at frames; else at seconds.
    """

    spans: tuple[Span, ...]
    in_frames: bool = False

    @property
    def known(self) -> Iterator[object]:
        """What tells these prompts from others."""
        yield self.in_frames
        for span in self.spans:
            yield span.start
            yield span.context

    def check(self, clips: Clips) -> None:
        """Refuse clips that have no time.

        Raises:
            ValueError: their rate is unknown, and the prompts start at seconds.
        """
        for clip in clips.each:
            self._rate(clip)

    def number_at(self, clip: Clip) -> int:
        """Of the span in which the middle of what is made of a clip lies."""
        starts = [span.start for span in self.spans]
        return max(0, bisect_right(starts, clip.middle / self._rate(clip)) - 1)

    def change_within(self, clip: Clip) -> bool:
        """Whether a prompt starts in the middle of what is made of a clip."""
        rate = self._rate(clip)
        starts = (span.start * rate for span in self.spans[1:])
        return any(clip.made_from < start < clip.made_until for start in starts)

    def part(self, options: Mapping[str, Any], number: int) -> tuple[Tensor, dict[str, Any]]:
        """A conditioning with one of these prompts: its context and its options.

        Args:
            options: of the conditioning that holds all of them.
            number: of the span.
        """
        span = self.spans[number]
        rest = {key: value for key, value in options.items() if key != SPANS_KEY}
        return span.context, {**rest, **span.options}

    def _rate(self, clip: Clip) -> float:
        """Units of time in a frame, that is frames of the video per unit."""
        if self.in_frames:
            return 1.0
        if clip.fps is None:
            raise ValueError(
                "prompts start at seconds, and the latent does not say its frames per second: "
                "write frames (72f: in place of 4.5:), or make the latent with Empty Video"
            )
        return clip.fps


def spans_of(context: Tensor | None, options: Mapping[str, Any]) -> PromptSpans | None:
    """The prompts over time of a conditioning.

    None also where another node has changed its text since: what it made holds all the time.
    """
    found: PromptSpans | None = options.get(SPANS_KEY)
    return found if found is not None and context is found.spans[0].context else None


def told_by(parts: Iterable[tuple[Tensor | None, Mapping[str, Any]]]) -> Iterator[object]:
    """What tells conditionings from others: all of their texts, and the times of them.

    Args:
        parts: their contexts (B, S, D) and options.
    """
    for context, options in parts:
        spans = spans_of(context, options)
        yield context
        yield from options.get(CLIP_TEXTS_KEY, ())
        yield from () if spans is None else spans.known


class SpanChooser:
    """Chooses prompts over a run.

    Args:
        tell: told once where a run of one piece passes prompts by.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell, self._told = tell, False

    def number(self, spans: PromptSpans, at: Evaluation) -> int:
        """Of the span that what is looked at takes.

        Raises:
            ValueError: its frames or their rate are unknown, or packed clips are in several spans.
        """
        if at.clips is None:
            raise ValueError("prompts over time, and a state whose frames are unknown: use a video")
        numbers = {spans.number_at(clip) for clip in at.clips.each}
        if len(numbers) > 1:
            raise ValueError(
                "packed clips whose middles lie in different spans of the prompts: pack clips of "
                "one length, or sample them one by one, with Sample"
            )
        self._warn(spans, at.clips.each[0])
        return numbers.pop()

    def _warn(self, spans: PromptSpans, clip: Clip) -> None:
        if self._told or not clip.whole or is_part() or not spans.change_within(clip):
            return
        self._told = True
        self._tell(IN_ONE_PIECE.format(frames=clip.made_until - clip.made_from))
