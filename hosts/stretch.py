"""Progress of a run as part of a whole of several runs."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_PART: ContextVar[tuple[int, int]] = ContextVar("part of a whole", default=(0, 1))


@contextmanager
def stretch(number: int, count: int) -> Iterator[None]:
    """Count the run inside the block as part ``number``, from 0, of ``count`` equal parts."""
    token = _PART.set((number, count))
    try:
        yield
    finally:
        _PART.reset(token)


def is_part() -> bool:
    """Whether the current run is one of several parts."""
    return _PART.get()[1] > 1


def along(done: int, total: int) -> tuple[int, int]:
    """Convert a run's steps done and total steps to those of the whole that it is part of."""
    number, count = _PART.get()
    return number * total + done, count * total
