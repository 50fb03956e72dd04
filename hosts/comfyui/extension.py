"""ComfyUI's entry point: the list of the pack's nodes."""
# pyright: reportMissingImports=false

from typing import Any

from comfy_api.v0_0_2 import ComfyExtension, io


class SpacetimeExtension(ComfyExtension):
    """Registers the pack's nodes with ComfyUI.

    Args:
        nodes: V3 node classes.
    """

    def __init__(self, nodes: list[type[Any]]) -> None:
        self.nodes = nodes

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        """Return every node class of the pack."""
        return self.nodes
