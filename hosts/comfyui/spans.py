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
"""Conditions by name, each of them parts, as the host's guiders hold them."""

Place = tuple[str, int]
"""The name of a condition, and the number of a part in it."""


class SpannedConds:
    """Conditions of which some parts change over time.

    ``further`` conditions of one part each stand beside them, one for each span after the first.

    Args:
        conds: of a guider, as they were made.
        tell: told once where a run of one piece passes prompts by.
    """

    def __init__(self, conds: Conds, tell: Callable[[str], None]) -> None:
        self._spans, self._chooser = _spanned(conds), SpanChooser(tell)
        self.further: Conds = {
            _name((name, part), number): [_timed(conds[name][part], spans, number)]
            for (name, part), spans in self._spans.items()
            for number in range(1, len(spans.spans))
        }

    def at(self, conds: Conds, at: Evaluation) -> dict[str, Any]:
        """The conditions of what is looked at.

        Args:
            conds: these and the further ones, as the host has prepared them.
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
    """All prompts over time in a guider's conditions."""
    return tuple(_spanned(conds).values())


@on_both
def with_text_of(guider: Any, latent: Latent) -> Any:
    """A guider whose prompts of several clips are those of the one that a LATENT is."""
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
    """A part with another prompt, which the host tells from the first by its name."""
    context, options = spans.part(part, number)
    return {**options, "cross_attn": context, "uuid": uuid.uuid4()}


def _name(place: Place, number: int) -> str:
    name, part = place
    return f"{name} part {part} span {number}"
