"""Per-window values that guidance keeps from step to step."""

from collections.abc import Hashable
from typing import Generic, TypeVar

from ..clips import Clips
from ..runs import Evaluation

Value = TypeVar("Value")


class WindowMemory(Generic[Value]):
    """Keyed values for each evaluated window.

    A window that is not evaluated during a whole noise level is forgotten: windows that move from
    step to step never come back, and a long clip has many of them.
    """

    def __init__(self) -> None:
        self._kept: dict[Clips | None, dict[Hashable, Value]] = {}
        self._seen: set[Clips | None] = set()
        self._level: float | None = None

    def of(self, at: Evaluation) -> dict[Hashable, Value]:
        """Return the mutable values of an evaluation's window."""
        if at.level != self._level:
            self._kept = {each: self._kept[each] for each in self._kept if each in self._seen}
            self._seen, self._level = set(), at.level
        self._seen.add(at.clips)
        return self._kept.setdefault(at.clips, {})
