"""Imports that the garbage collector keeps out of.

What modules make lives as long as the process. Searched for garbage again and again while they are
imported, and once more at the end, it would cost a third of the time that PyTorch takes to load.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def importing() -> Iterator[None]:
    """Import meanwhile; what there is afterwards is never searched for garbage."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
