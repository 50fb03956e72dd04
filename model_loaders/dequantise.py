"""Scaled 8-bit weights back to plain ones: weight = stored value times its scale."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from .keys import UnsupportedCheckpointError

_SCALES = (".scale_weight", ".weight_scale")
_COMPANIONS = (*_SCALES, ".scale_input", ".input_scale", ".comfy_quant")
_FORMAT = "float8_e4m3fn"


def dequantise(
    state_dict: Mapping[str, Tensor],
    *,
    dtype: torch.dtype,
    metadata: Mapping[str, str] | None = None,
) -> dict[str, Tensor]:
    """Replace float8 weights by plain ones and leave their scales and markers out.

    Understands ComfyUI's `scale_weight` files with the `scaled_fp8` marker, the newer
    `weight_scale` files with `comfy_quant` entries, and float8 without any scale.

    Args:
        state_dict: tensors by name; tensors of other types are passed on as they are.
        dtype: type of the restored weights.
        metadata: the file's header, where newer files may name the formats instead.

    Raises:
        UnsupportedCheckpointError: the weights are quantised in another way.
    """
    _refuse_unknown_formats(state_dict, metadata or {})
    plain: dict[str, Tensor] = {}
    for key, tensor in state_dict.items():
        if key == "scaled_fp8" or key.endswith((*_COMPANIONS, ".scaled_fp8")):
            continue
        plain[key] = _restore(key, tensor, state_dict, dtype) if _is_float8(tensor) else tensor
    return plain


def _is_float8(tensor: Tensor) -> bool:
    return tensor.is_floating_point() and tensor.element_size() == 1


def _restore(
    key: str, tensor: Tensor, state_dict: Mapping[str, Tensor], dtype: torch.dtype
) -> Tensor:
    layer = key.removesuffix(".weight")
    scale = next((state_dict[layer + s] for s in _SCALES if layer + s in state_dict), None)
    if scale is None:
        return tensor.to(dtype)
    if scale.numel() != 1:
        raise UnsupportedCheckpointError(
            f"{key!r} has a scale of shape {tuple(scale.shape)}, only one number per weight is "
            "supported: use the fp16, bf16 or fp8_scaled file of this model"
        )
    return (tensor.float() * scale.float().reshape(())).to(dtype)


def _refuse_unknown_formats(state_dict: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    for layer, details in _formats(state_dict, metadata).items():
        found = details.get("format")
        if found != _FORMAT:
            raise UnsupportedCheckpointError(
                f"{layer!r} is quantised as {found!r}, which is not supported (only {_FORMAT!r} "
                "is): use the fp16, bf16 or fp8_scaled file of this model"
            )


def _formats(
    state_dict: Mapping[str, Tensor], metadata: Mapping[str, str]
) -> dict[str, dict[str, Any]]:
    """Collect what the file says of each quantised layer, from its header and its tensors."""
    header = json.loads(metadata.get("_quantization_metadata", "{}")).get("layers", {})
    entries = {
        key.removesuffix(".comfy_quant"): json.loads(tensor.cpu().numpy().tobytes())
        for key, tensor in state_dict.items()
        if key.endswith(".comfy_quant")
    }
    return header | entries
