"""What newer ComfyUIs offer and older ones lack, asked for in one place."""
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
"""Under which nodes that make empty latents say for which compression they did."""

MIXED = {"mixed_ops": True}
"""What a model's config says of weights of which some are quantised."""


_TIME_FACTORS = {"LTXV": 8, "Mochi": 6, "Cosmos1CV8x8x8": 8}
"""Of video latents of older hosts, by the names of their formats; others have that of Wan."""


def time_factor(latent_format: Any) -> int:
    """Frames of the video behind each frame of a latent after the first."""
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
    """The host's patcher for a network whose weights are there.

    Args:
        network: the model, with its weights in the formats to compute in.
        load_device: where it computes.
        offload_device: where its weights wait.
        streams: take the kind that brings weights layer by layer, where the host was started with
            it; such results stay in a cache that gives way under memory pressure.
    """
    archive = getattr(model_management, "archive_model_dtypes", None)
    if archive is not None:
        archive(network)
    kind = getattr(model_patcher, "CoreModelPatcher", None) if streams else None
    return (kind or model_patcher.ModelPatcher)(
        network, load_device=load_device, offload_device=offload_device
    )


def rebuild_with(patcher: Any, build: Callable[..., Any], *arguments: Any) -> None:
    """Tell the host how to make a patcher again: for another device, or without streaming.

    Args:
        patcher: from ``make_patcher``.
        build: called with the arguments and, where weights shall not be streamed, with
            ``disable_dynamic=True``; it returns a patcher.
        arguments: for it.
    """
    if hasattr(patcher, "cached_patcher_init"):
        patcher.cached_patcher_init = (build, arguments)


def device_context(device: torch.device) -> AbstractContextManager[Any]:
    """What makes a device the current one, where the host does that."""
    context = getattr(model_management, "cuda_device_context", None)
    return nullcontext() if context is None else context(device)


def fit_empty(patcher: Any, latent: Mapping[str, Any]) -> Tensor:
    """The samples of a LATENT; zeros get the model's channels and, in newer hosts, its size."""
    fit = comfy.sample.fix_empty_latent_channels
    taken = inspect.signature(fit).parameters
    return fit(patcher, latent["samples"], **{n: latent.get(n) for n in RATIO_KEYS if n in taken})


def stored_formats() -> tuple[str, ...]:
    """Formats of quantised weights that the host's layers compute with."""
    if not hasattr(comfy.ops, "mixed_precision_ops") or find_spec("comfy_kitchen") is None:
        return ()
    from comfy.quant_ops import QUANT_ALGOS

    return tuple(name for name in QUANT_ALGOS if name in PACKED)


def stored_ops(dtype: torch.dtype) -> Any:
    """The host's layers for quantised weights, which restore them to ``dtype`` to compute."""
    return comfy.ops.mixed_precision_ops(MIXED, dtype, full_precision_mm=True)


def index_window(frames: Sequence[int], axis: int, total: int) -> IndexListContextWindow:
    """The host's window of some frames of a state that has so many along an axis."""
    taken = inspect.signature(IndexListContextWindow).parameters
    more = {"total_frames": total} if "total_frames" in taken else {}
    return IndexListContextWindow(list(frames), dim=axis, **more)
