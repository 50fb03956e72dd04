"""The node that runs in the standalone host, and who watches it."""

import logging
from collections.abc import Callable

from torch import Tensor

from ...graph.call import current_node
from ...media import shown
from ..stretch import along

Progress = Callable[[int, int], None]
"""(done, total) steps of the node that runs."""

Preview = Callable[[Tensor], None]
"""A film strip (H, W, 3) in [0, 1] of the clips in progress."""


class StandaloneSession:
    """Progress, pictures and warnings of the node that runs.

    Args:
        progress: told of every step of a long node.
        preview: shown what is being sampled after every step; without it nothing is drawn.
    """

    def __init__(self, progress: Progress, preview: Preview | None) -> None:
        self._progress, self.preview = progress, preview

    def progress(self, done: int, total: int) -> None:
        """Tell how much of a run is done."""
        self._progress(*along(done, total))

    def ticker(self, total: int) -> Callable[[int], None]:
        """A progress bar; Ctrl-C stops by itself."""
        return lambda done: self.progress(done, total)

    def warn(self, message: str) -> None:
        """A line on the error stream that begins with the node's title."""
        node = current_node()
        logging.getLogger(__name__).warning(
            "%s", message if node is None else f"{shown(node.title)}: {message}"
        )
