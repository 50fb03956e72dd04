"""The standalone host's versions of the ComfyUI nodes that saved graphs need most."""

from ...graph.schema import ComfyNode
from . import (
    stock_control,
    stock_frames,
    stock_image,
    stock_ksampler,
    stock_latent,
    stock_loaders,
    stock_models,
    stock_primitive,
    stock_sampling,
    stock_video,
)


def stock_nodes() -> list[type[ComfyNode]]:
    """Return the node classes."""
    media = (stock_image, stock_frames, stock_video)
    models = (stock_loaders, stock_models, stock_latent, stock_control)
    others = (stock_ksampler, stock_sampling, stock_primitive)
    return [node for module in (*media, *models, *others) for node in module.NODES]
