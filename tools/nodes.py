"""The pack's nodes as on a machine without weights and outputs of its own."""

from pathlib import Path
from typing import Any

from .. import hosts
from ..hosts.standalone.folders import Folders
from ..hosts.standalone.host import StandaloneHost

NO_FILES = Path(__file__).with_name("no_files")
"""A folder that does not exist, so that file lists contain only files shipped with the pack."""


def pack_nodes() -> list[type[Any]]:
    """Return every node of the pack, defined by a standalone host without files.

    Raises:
        Exception: any error that keeps one of them from loading.
    """
    nothing = Folders(input=NO_FILES, output=NO_FILES)
    hosts.use(StandaloneHost(models=NO_FILES, device="cpu", folders=nothing))
    from ..nodes import all_nodes

    return all_nodes(strict=True)
