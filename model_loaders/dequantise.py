"""Restore scaled 8-bit weights to plain ones: weight = stored value times its scale."""

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
_UNREADABLE = "the file's description of its quantised weights is not readable: download it again"
_PLAIN = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
_FLOAT8 = (torch.float8_e4m3fn, torch.float8_e5m2)


def dequantise(
    state_dict: Mapping[str, Tensor],
    *,
    dtype: torch.dtype,
    metadata: Mapping[str, str] | None = None,
) -> dict[str, Tensor]:
    """Replace float8 weights by plain ones and drop their scales and markers.

    Understands ComfyUI's `scale_weight` files with the `scaled_fp8` marker, the newer
    `weight_scale` files with `comfy_quant` entries, and float8 without any scale.

    Args:
        state_dict: tensors by name; tensors of other dtypes are passed through.
        dtype: dtype of the restored weights.
        metadata: the file's header, where newer files may name the formats instead.

    Raises:
        UnsupportedCheckpointError: the weights are quantised in another way.
    """
    _refuse_unknown_formats(state_dict, metadata or {})
    refuse_unknown_types(state_dict)
    plain: dict[str, Tensor] = {}
    for key, tensor in state_dict.items():
        if _is_companion(key):
            continue
        plain[key] = _restore(key, tensor, state_dict, dtype) if is_float8(tensor) else tensor
    return plain


def refuse_unknown_types(state_dict: Mapping[str, Tensor]) -> None:
    """Refuse integer and boolean weights, which are codes of some quantisation.

    Raises:
        UnsupportedCheckpointError: there are such weights.
    """
    for key, tensor in state_dict.items():
        if not _is_companion(key) and tensor.dtype not in _PLAIN and not is_float8(tensor):
            raise UnsupportedCheckpointError(
                f"{key!r} is stored as {str(tensor.dtype).removeprefix('torch.')}, a quantisation "
                "that is not supported: use the fp16, bf16 or fp8_scaled file of this model"
            )


def _is_companion(key: str) -> bool:
    return key == "scaled_fp8" or key.endswith((*_COMPANIONS, ".scaled_fp8"))


def is_float8(tensor: Tensor) -> bool:
    """Whether a tensor has a float8 dtype."""
    return tensor.dtype in _FLOAT8


def _restore(
    key: str, tensor: Tensor, state_dict: Mapping[str, Tensor], dtype: torch.dtype
) -> Tensor:
    scale = scale_of(key.removesuffix(".weight"), state_dict)
    if scale is None:
        return tensor.to(dtype)
    if scale.numel() != 1:
        raise UnsupportedCheckpointError(
            f"{key!r} has a scale of shape {tuple(scale.shape)}, but only one number per weight is "
            "supported: use the fp16, bf16 or fp8_scaled file of this model"
        )
    return (tensor.float() * scale.float().reshape(())).to(dtype)


def scale_of(layer: str, state_dict: Mapping[str, Tensor]) -> Tensor | None:
    """Scale of a layer's weights, under either name that files use; None if there is none."""
    return next((state_dict[layer + s] for s in _SCALES if layer + s in state_dict), None)


def _refuse_unknown_formats(state_dict: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    for layer, details in formats_of(state_dict, metadata).items():
        found = details.get("format")
        if found != _FORMAT:
            raise UnsupportedCheckpointError(
                f"{layer!r} is quantised as {found!r}, which is not supported (only {_FORMAT!r} "
                "is): use the fp16, bf16 or fp8_scaled file of this model"
            )


def formats_of(
    state_dict: Mapping[str, Tensor], metadata: Mapping[str, str]
) -> dict[str, dict[str, Any]]:
    """Collect a file's description of each quantised layer, from its header and its tensors.

    Raises:
        UnsupportedCheckpointError: the description is not readable.
    """
    texts = {
        key.removesuffix(".comfy_quant"): tensor.cpu().numpy().tobytes()
        for key, tensor in state_dict.items()
        if key.endswith(".comfy_quant")
    }
    try:
        header = json.loads(metadata.get("_quantization_metadata", "{}")).get("layers", {})
        entries = header | {key: json.loads(text) for key, text in texts.items()}
        if all(isinstance(details, dict) for details in entries.values()):
            return entries
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise UnsupportedCheckpointError(_UNREADABLE) from error
    raise UnsupportedCheckpointError(_UNREADABLE)
