"""What newer ComfyUIs offer and older ones lack, asked for in one place."""
# pyright: reportMissingImports=false

from collections.abc import Callable
from typing import Any

import torch
from comfy import model_management, model_patcher
from torch import nn


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
