"""The running node of the standalone host: progress, previews and warnings."""

import logging
from collections.abc import Callable

from torch import Tensor

from ...graph.call import current_node
from ...media import shown
from ..stretch import along

Progress = Callable[[int, int], None]
"""Takes (done, total) steps of the running node."""

Preview = Callable[[Tensor], None]
"""Takes a film strip (H, W, 3) in [0, 1] of the clips in progress."""


class StandaloneSession:
    """Progress, previews and warnings of the running node.

    Args:
        progress: called after every step of a long node.
        preview: called with a preview after every sampling step; None draws no previews.
    """

    def __init__(self, progress: Progress, preview: Preview | None) -> None:
        self._progress, self.preview = progress, preview

    def progress(self, done: int, total: int) -> None:
        """Report how much of a run is done."""
        self._progress(*along(done, total))

    def ticker(self, total: int) -> Callable[[int], None]:
        """Return a progress callback; it need not check for interruption, as Ctrl-C raises."""
        return lambda done: self.progress(done, total)

    def warn(self, message: str) -> None:
        """Log a warning that begins with the node's title."""
        node = current_node()
        logging.getLogger(__name__).warning(
            "%s", message if node is None else f"{shown(node.title)}: {message}"
        )
