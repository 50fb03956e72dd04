"""Spacetime: video diffusion nodes for ComfyUI and for graphs that run without a screen."""

WEB_DIRECTORY = "./web"
"""Served by ComfyUI: help pages of the nodes and their pictures, no scripts."""


async def comfy_entrypoint() -> object:
    """Give ComfyUI the pack's nodes; nothing of the pack is imported before it asks."""
    from . import hosts
    from .hosts.comfyui.extension import SpacetimeExtension
    from .hosts.comfyui.host import ComfyHost

    hosts.use(ComfyHost())
    from .nodes import all_nodes

    return SpacetimeExtension(all_nodes())
