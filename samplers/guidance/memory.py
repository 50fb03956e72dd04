"""What guidance remembers from step to step, of each window by itself."""

from collections.abc import Hashable
from typing import Generic, TypeVar

from ..clips import Clips
from ..runs import Evaluation

Value = TypeVar("Value")


class WindowMemory(Generic[Value]):
    """Values by a key, for each window that is looked at.

    A window that was not looked at during a whole noise level is forgotten: where windows move
    from step to step, none of them ever comes back, and a long clip has many.
    """

    def __init__(self) -> None:
        self._kept: dict[Clips | None, dict[Hashable, Value]] = {}
        self._seen: set[Clips | None] = set()
        self._level: float | None = None

    def of(self, at: Evaluation) -> dict[Hashable, Value]:
        """What is known of the window of an evaluation, to read and to write."""
        if at.level != self._level:
            self._kept = {each: self._kept[each] for each in self._kept if each in self._seen}
            self._seen, self._level = set(), at.level
        self._seen.add(at.clips)
        return self._kept.setdefault(at.clips, {})
