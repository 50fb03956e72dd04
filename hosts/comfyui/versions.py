"""Feature detection for what newer ComfyUIs offer and older ones lack."""
# pyright: reportMissingImports=false

import inspect
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib.util import find_spec
from typing import Any

import comfy.ops
import comfy.sample
import torch
from comfy import model_management, model_patcher
from comfy.context_windows import IndexListContextWindow
from torch import Tensor, nn

from ...model_loaders.stored import PACKED
from ...models.shapes import WAN_COMPRESSION

RATIO_KEYS = ("downscale_ratio_spacial", "downscale_ratio_temporal")
"""Keys under which nodes that create empty latents state the compression."""

MIXED = {"mixed_ops": True}
"""The entry in a model's config for weights that are partly quantised."""


_TIME_FACTORS = {"LTXV": 8, "Mochi": 6, "Cosmos1CV8x8x8": 8}
"""Time factors of older hosts' video latents by format name; all others have Wan's."""


def time_factor(latent_format: Any) -> int:
    """Return the number of video frames per latent frame after the first."""
    told = getattr(latent_format, "temporal_downscale_ratio", None)
    if told is not None:
        return int(told)
    if latent_format.latent_dimensions != 3:
        return 1
    return _TIME_FACTORS.get(type(latent_format).__name__, WAN_COMPRESSION.time)


def make_patcher(
    network: nn.Module,
    *,
    load_device: torch.device,
    offload_device: torch.device,
    streams: bool = True,
) -> Any:
    """Build the host's patcher for a network with loaded weights.

    Args:
        network: the model, with its weights in the formats to compute in.
        load_device: where it computes.
        offload_device: where its weights wait.
        streams: use the kind that streams weights layer by layer, if the host was started with
            it; the host's cache may drop such results under memory pressure.
    """
    archive = getattr(model_management, "archive_model_dtypes", None)
    if archive is not None:
        archive(network)
    kind = getattr(model_patcher, "CoreModelPatcher", None) if streams else None
    return (kind or model_patcher.ModelPatcher)(
        network, load_device=load_device, offload_device=offload_device
    )


def rebuild_with(patcher: Any, build: Callable[..., Any], *arguments: Any) -> None:
    """Tell the host how to rebuild a patcher, for another device or without streaming.

    Args:
        patcher: from ``make_patcher``.
        build: returns a patcher; called with the arguments, and with ``disable_dynamic=True`` if
            weights are not to be streamed.
        arguments: for ``build``.
    """
    if hasattr(patcher, "cached_patcher_init"):
        patcher.cached_patcher_init = (build, arguments)


def device_context(device: torch.device) -> AbstractContextManager[Any]:
    """Return a context that makes a device the current one, if the host does that."""
    context = getattr(model_management, "cuda_device_context", None)
    return nullcontext() if context is None else context(device)


def fit_empty(patcher: Any, latent: Mapping[str, Any]) -> Tensor:
    """Return a LATENT's samples; zeros get the model's channels and, in newer hosts, its size."""
    fit = comfy.sample.fix_empty_latent_channels
    taken = inspect.signature(fit).parameters
    return fit(patcher, latent["samples"], **{n: latent.get(n) for n in RATIO_KEYS if n in taken})


def stored_formats() -> tuple[str, ...]:
    """List the quantised weight formats that the host's layers compute with."""
    if not hasattr(comfy.ops, "mixed_precision_ops") or find_spec("comfy_kitchen") is None:
        return ()
    from comfy.quant_ops import QUANT_ALGOS

    return tuple(name for name in QUANT_ALGOS if name in PACKED)


def stored_ops(dtype: torch.dtype) -> Any:
    """Return the host's layers for quantised weights, which dequantise them to ``dtype``."""
    return comfy.ops.mixed_precision_ops(MIXED, dtype, full_precision_mm=True)


def index_window(frames: Sequence[int], axis: int, total: int) -> IndexListContextWindow:
    """Return the host's window of some frames of a state with ``total`` frames along an axis."""
    taken = inspect.signature(IndexListContextWindow).parameters
    more = {"total_frames": total} if "total_frames" in taken else {}
    return IndexListContextWindow(list(frames), dim=axis, **more)
