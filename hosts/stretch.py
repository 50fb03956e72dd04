"""Progress of a run that is one of several, as a part of the whole."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_PART: ContextVar[tuple[int, int]] = ContextVar("part of a whole", default=(0, 1))


@contextmanager
def stretch(number: int, count: int) -> Iterator[None]:
    """Count what runs inside as the ``number``-th, from 0, of ``count`` equal parts."""
    token = _PART.set((number, count))
    try:
        yield
    finally:
        _PART.reset(token)


def is_part() -> bool:
    """Whether what runs is one of several parts."""
    return _PART.get()[1] > 1


def along(done: int, total: int) -> tuple[int, int]:
    """Steps done of a run, and its steps -> those of the whole that it is a part of."""
    number, count = _PART.get()
    return number * total + done, count * total
