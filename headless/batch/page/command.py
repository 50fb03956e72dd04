"""`spacetime contact-sheet`: write the page of a batch."""

from pathlib import Path

from ....media import plain_path
from ...streams import print_results
from ..batches import find_batch
from ..layout import Layout
from ..lock import FolderInUse, FolderLock
from ..manifest import FILE
from .sheet import write_page


def sheet_command(folder: Path) -> int:
    """Write the page of a batch, print its path, and return the exit code.

    Args:
        folder: an output folder, for its last batch; or the folder of one batch.

    Raises:
        FileNotFoundError: there is no batch.
        ManifestError: its manifest cannot be read.
        OSError: the page cannot be written.
    """
    place = plain_path(folder)
    manifest = place / FILE if (place / FILE).is_file() else find_batch(place, None)
    layout = Layout(manifest.parent.parent.parent, manifest.parent)
    page = write_page(layout, is_live=_is_running(layout.batch.parent))
    return print_results([str(page)])


def _is_running(folder: Path) -> bool:
    try:
        with FolderLock(folder):
            return False
    except FolderInUse:
        return True
