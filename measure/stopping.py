"""Measurements that are interrupted end with what they have."""

from collections.abc import Callable, Iterator, Sized
from contextlib import contextmanager

from .figures import Table


class Stopped(KeyboardInterrupt):
    """A task was interrupted; ``table`` holds what it had found until then."""

    def __init__(self, table: Table) -> None:
        super().__init__()
        self.table = table


@contextmanager
def keeping(found: Sized, table: Callable[[], Table]) -> Iterator[None]:
    """Let an interruption carry the table of what was found before it, if that is anything.

    Raises:
        Stopped: in place of ``KeyboardInterrupt``.
    """
    try:
        yield
    except KeyboardInterrupt:
        if len(found):
            raise Stopped(table()) from None
        raise
