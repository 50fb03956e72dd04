"""Prompts over time among a guider's conditions, which the host prepares once per run."""
# pyright: reportMissingImports=false

import copy
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ...samplers.runs import Evaluation
from ..clip_texts import text_of
from ..keys import Latent
from ..prompt_spans import PromptSpans, SpanChooser, spans_of
from .after import on_both

Conds = Mapping[str, Sequence[dict[str, Any]]]
"""Conditions by name, each a list of parts, as in the host's guiders."""

Place = tuple[str, int]
"""The name of a condition and the number of one of its parts."""


class SpannedConds:
    """Conditions with parts that change over time.

    For each span after the first, ``further`` holds an additional condition of one part.

    Args:
        conds: a guider's original conditions.
        tell: called once if a run in one piece skips prompts.
    """

    def __init__(self, conds: Conds, tell: Callable[[str], None]) -> None:
        self._spans, self._chooser = _spanned(conds), SpanChooser(tell)
        self.further: Conds = {
            _name((name, part), number): [_timed(conds[name][part], spans, number)]
            for (name, part), spans in self._spans.items()
            for number in range(1, len(spans.spans))
        }

    def at(self, conds: Conds, at: Evaluation) -> dict[str, Any]:
        """Return the conditions for an evaluation.

        Args:
            conds: these and the further ones, as prepared by the host.
            at: the evaluation.
        """
        return {
            name: [self._part((name, part), conds, at) for part in range(len(conds[name]))]
            for name in conds
            if name not in self.further
        }

    def _part(self, place: Place, conds: Conds, at: Evaluation) -> dict[str, Any]:
        spans, (name, part) = self._spans.get(place), place
        number = 0 if spans is None else self._chooser.number(spans, at)
        return conds[_name(place, number)][0] if number else conds[name][part]


def spans_of_conds(conds: Conds) -> tuple[PromptSpans, ...]:
    """Return all prompts over time in a guider's conditions."""
    return tuple(_spanned(conds).values())


@on_both
def with_text_of(guider: Any, latent: Latent) -> Any:
    """Return a guider with only the LATENT's own prompt, out of prompts for several clips."""
    bound = copy.copy(guider)
    bound.original_conds = {
        name: [_of_clip(part, latent) for part in parts]
        for name, parts in guider.original_conds.items()
    }
    return bound


def _of_clip(part: Mapping[str, Any], latent: Latent) -> dict[str, Any]:
    context = part.get("cross_attn")
    if context is None:
        return dict(part)
    text, options = text_of(context, part, latent)
    return {**options, "cross_attn": text}


def _spanned(conds: Conds) -> dict[Place, PromptSpans]:
    return {
        (name, number): spans
        for name, parts in conds.items()
        for number, part in enumerate(parts)
        if (spans := spans_of(part.get("cross_attn"), part)) is not None
    }


def _timed(part: Mapping[str, Any], spans: PromptSpans, number: int) -> dict[str, Any]:
    """Return a part with another prompt and its own name, by which the host identifies it."""
    context, options = spans.part(part, number)
    return {**options, "cross_attn": context, "uuid": uuid.uuid4()}


def _name(place: Place, number: int) -> str:
    name, part = place
    return f"{name} part {part} span {number}"
