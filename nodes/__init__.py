"""The pack's nodes: each a schema around one call. Import them after a host was chosen."""

from typing import Any


def all_nodes() -> list[type[Any]]:
    """Every node class of the pack, in the order of the menu."""
    from . import latents, load, noise, patches, prompt, sampling, solvers, video, world

    modules = (load, prompt, latents, patches, noise, solvers, sampling, video, world)
    return [node for module in modules for node in module.NODES]
