"""Prompts that clips were not generated for: clips that follow their own prompt fail them."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from ..toyworld.prompt_spec import PromptSpec
from .views import SIDEWAYS

_NOTHING = PromptSpec()


class Control(NamedTuple):
    """Other prompts to judge clips by, besides their own.

    Args:
        column: its name in a table.
        wanted: specs of all prompts -> the spec to judge each clip by instead; an empty
            `PromptSpec` where there is no such prompt.
        tests: tests that it is about; None for all of them.
    """

    column: str
    wanted: Callable[[Sequence[PromptSpec]], list[PromptSpec]]
    tests: tuple[str, ...] | None = None


def _shuffled(wanted: Sequence[PromptSpec]) -> list[PromptSpec]:
    return [*wanted[1:], *wanted[:1]]


def _another_number(wanted: Sequence[PromptSpec]) -> list[PromptSpec]:
    """For each prompt, the next one with another number of objects."""
    return [
        next(
            (
                other
                for other in (*wanted[place:], *wanted[:place])
                if len(other.objects) != len(own.objects)
            ),
            _NOTHING,
        )
        for place, own in enumerate(wanted)
    ]


def _colours_swapped(wanted: Sequence[PromptSpec]) -> list[PromptSpec]:
    """Give each object of differing shapes the next one's colour; a bag of words sees no change."""
    return [_recoloured(own) if _shapes_differ(own) else _NOTHING for own in wanted]


def _shapes_differ(wanted: PromptSpec) -> bool:
    return len({thing.shape for thing in wanted.objects}) == len(wanted.objects) > 1


def _recoloured(wanted: PromptSpec) -> PromptSpec:
    things = wanted.objects
    nexts = (*things[1:], things[0])
    recoloured = (replace(one, colour=n.colour) for one, n in zip(things, nexts, strict=True))
    return replace(wanted, objects=tuple(recoloured))


def _objects_swapped(wanted: Sequence[PromptSpec]) -> list[PromptSpec]:
    """Reverse the relations."""
    return [
        _NOTHING if own.relation is None else replace(own, objects=own.objects[::-1])
        for own in wanted
    ]


SHUFFLED = Control("shuffled prompts", _shuffled)
ANOTHER_NUMBER = Control("shuffled prompts", _another_number)
SWAPS = (
    Control("colours swapped", _colours_swapped, ("binding",)),
    Control("objects swapped", _objects_swapped, ("relation", SIDEWAYS)),
)


def controls_of(tests: Sequence[str]) -> tuple[Control, ...]:
    """The controls for clips with these tests."""
    return SHUFFLED, *(swap for swap in SWAPS if set(tests).intersection(swap.tests or ()))
