"""The pack's nodes as they are on a machine without weights of its own."""

from pathlib import Path
from typing import Any

from ... import hosts
from ...hosts.standalone.host import StandaloneHost

NO_MODELS = Path(__file__).with_name("no_models")
"""A folder that does not exist, so that lists of files hold what comes with the pack only."""


def pack_nodes() -> list[type[Any]]:
    """Every node of the pack, defined by a standalone host without models.

    Raises:
        Exception: whatever keeps one of them from loading.
    """
    hosts.use(StandaloneHost(models=NO_MODELS, device="cpu"))
    from ...nodes import all_nodes

    return all_nodes(strict=True)
