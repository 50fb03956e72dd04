"""Imports without garbage collection.

Objects that modules create live as long as the process. Searching them for garbage repeatedly
during the imports, and once more at exit, would cost a third of the time PyTorch takes to load.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def importing() -> Iterator[None]:
    """Disable garbage collection in a block; objects that exist after it are never collected."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
