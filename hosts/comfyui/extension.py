"""The list of nodes in the form that ComfyUI asks a pack for."""
# pyright: reportMissingImports=false

from typing import Any

from comfy_api.v0_0_2 import ComfyExtension, io


class SpacetimeExtension(ComfyExtension):
    """Hands ComfyUI the pack's nodes.

    Args:
        nodes: V3 node classes.
    """

    def __init__(self, nodes: list[type[Any]]) -> None:
        self.nodes = nodes

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        """Every node class of the pack."""
        return self.nodes
