"""Spacetime: video diffusion nodes for ComfyUI and for graphs that run without a screen."""

WEB_DIRECTORY = "./web"
"""Served by ComfyUI: help pages of the nodes, their pictures, and what draws on a node."""


async def comfy_entrypoint() -> object:
    """Give ComfyUI the pack's nodes; nothing of the pack is imported before it asks.

    Of two copies in ``custom_nodes`` the first one serves; the second one says so and has none.
    """
    import logging
    from pathlib import Path

    from .hosts.comfyui.extension import SpacetimeExtension
    from .hosts.copies import (
        installed_elsewhere,
        loaded_before,
        second_copy_warning,
        second_install_warning,
    )

    here, logger = Path(__file__).parent, logging.getLogger(__name__)
    if used := loaded_before(__name__):
        logger.warning(second_copy_warning(used, here))
        return SpacetimeExtension([])
    if installed := installed_elsewhere(here):
        logger.warning(second_install_warning(here, installed))

    from . import hosts
    from .hosts.comfyui.host import ComfyHost

    hosts.use(ComfyHost())
    from .nodes import all_nodes

    return SpacetimeExtension(all_nodes())
