"""Interrupted measurements return what they have found so far."""

from collections.abc import Callable, Iterator, Sized
from contextlib import contextmanager

from .figures import Table


class Stopped(KeyboardInterrupt):
    """A task was interrupted; ``table`` holds what it found before that."""

    def __init__(self, table: Table) -> None:
        super().__init__()
        self.table = table


@contextmanager
def keeping(found: Sized, table: Callable[[], Table]) -> Iterator[None]:
    """Turn an interruption into one that carries the table of what was found, if anything was.

    Raises:
        Stopped: in place of ``KeyboardInterrupt``.
    """
    try:
        yield
    except KeyboardInterrupt:
        if len(found):
            raise Stopped(table()) from None
        raise
