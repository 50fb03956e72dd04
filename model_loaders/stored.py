"""Quantised weights kept as they are stored, for hosts whose layers compute with them.

Such a layer has its codes under ``weight``, its scales beside them, and a mark: JSON in bytes
that names the format, as ComfyUI's layers read it.
"""

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from .dequantise import formats_of, is_float8, scale_of

PACKED = {
    "float8_e4m3fn": 1,
    "float8_e5m2": 1,
    "mxfp8": 1,
    "int8_tensorwise": 1,
    "nvfp4": 2,
    "convrot_w4a4": 2,
    "asym_w4a8_int8": 2,
}
"""Formats that can be kept, with the number of weights in each stored number of a row."""

MARK = "comfy_quant"
SCALE = "weight_scale"
_SCALES = (SCALE, "weight_scale_2", "weight_s_rel", "weight_s_channel", "weight_codebook")
_OF_INPUTS = ("input_scale", "pre_quant_scale")
COMPANIONS = (MARK, *_SCALES, *_OF_INPUTS)
"""Names of a layer's tensors besides its codes and its bias."""

Convert = Callable[[Mapping[str, Tensor], Mapping[str, str]], dict[str, Tensor]]


@dataclass(frozen=True, eq=False)
class StoredLayer:
    """The quantised weights of one layer.

    Args:
        codes: (rows, stored numbers per row).
        details: the file's description of the codes, with a ``format``.
        beside: scales by their names in the layer.
    """

    codes: Tensor
    details: Mapping[str, Any]
    beside: Mapping[str, Tensor]

    @cached_property
    def stand_in(self) -> Tensor:
        """A weight of the layer's plain shape, on the meta device."""
        rows, numbers = self.codes.shape
        shape = (rows, numbers * PACKED[self.details["format"]])
        return torch.empty(shape, dtype=torch.bfloat16, device="meta")

    def tensors(self, layer: str) -> dict[str, Tensor]:
        """All tensors of the layer, by their names in a network."""
        mark = torch.tensor(list(json.dumps(dict(self.details)).encode()), dtype=torch.uint8)
        held = {"weight": self.codes, **self.beside, MARK: mark}
        return {f"{layer}.{name}": tensor for name, tensor in held.items()}


def convert_stored(
    state: Mapping[str, Tensor], header: Mapping[str, str], keep: Collection[str], convert: Convert
) -> dict[str, Tensor]:
    """Convert a file's tensors, keeping the weights of some formats as they are stored.

    Args:
        state, header: tensors and header of the file.
        keep: formats to keep, of those in ``PACKED``.
        convert: renames tensors to a network's own names and restores other quantised weights.

    Raises:
        UnsupportedCheckpointError: as ``convert`` does.
    """
    layers = _layers(state, header, keep)
    if not layers:
        return convert(state, header)
    rest = {key: tensor for key, tensor in state.items() if key.rpartition(".")[0] not in layers}
    biases = {key: state[key] for layer in layers if (key := f"{layer}.bias") in state}
    stand_ins = {f"{layer}.weight": each.stand_in for layer, each in layers.items()}
    made = convert({**rest, **biases, **stand_ins}, _without(header, layers))
    by_stand_in = {id(each.stand_in): each for each in layers.values()}
    converted: dict[str, Tensor] = {}
    for key, tensor in made.items():
        layer = by_stand_in.get(id(tensor))
        converted |= {key: tensor} if layer is None else layer.tensors(key.removesuffix(".weight"))
    return converted


def is_stored(state: Mapping[str, Tensor]) -> bool:
    """Whether any of a network's weights are kept as they were stored."""
    return any(key.endswith(f".{MARK}") for key in state)


def stored_keys(state: Mapping[str, Tensor]) -> set[str]:
    """Names of the tensors that must keep their values and dtypes."""
    layers = {key.removesuffix(f".{MARK}") for key in state if key.endswith(f".{MARK}")}
    names = ("weight", *COMPANIONS)
    return {key for layer in layers for name in names if (key := f"{layer}.{name}") in state}


def measured(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A network's tensors, with stand-ins of plain name and shape for quantised weights."""
    kept = stored_keys(state)
    if not kept:
        return dict(state)
    plain = {key: tensor for key, tensor in state.items() if key not in kept}
    for key in kept:
        layer, _, name = key.rpartition(".")
        if name == MARK:
            codes = state[f"{layer}.weight"]
            plain[f"{layer}.weight"] = StoredLayer(codes, _read(state[key]), {}).stand_in
    return plain


def _read(mark: Tensor) -> dict[str, Any]:
    return json.loads(mark.numpy().tobytes())


def _layers(
    state: Mapping[str, Tensor], header: Mapping[str, str], keep: Collection[str]
) -> dict[str, StoredLayer]:
    if not keep:
        return {}
    told = formats_of(state, header)
    found = {
        key.removesuffix(".weight"): tensor
        for key, tensor in state.items()
        if key.endswith(".weight") and tensor.ndim == 2
    }
    made = {layer: _layer(layer, codes, state, told.get(layer)) for layer, codes in found.items()}
    return {
        layer: each
        for layer, each in made.items()
        if each is not None and each.details["format"] in keep
    }


def _layer(
    layer: str, codes: Tensor, state: Mapping[str, Tensor], told: Mapping[str, Any] | None
) -> StoredLayer | None:
    """How a weight is stored; None for a plain weight, and for one that no host can keep."""
    if is_float8(codes):
        scale = scale_of(layer, state)
        scale = torch.ones(()) if scale is None else scale
        name = str(codes.dtype).removeprefix("torch.")
        if (told or {"format": name}).get("format") == name and scale.numel() == 1:
            details = {"format": name, "full_precision_matrix_mult": True}
            return StoredLayer(codes, details, {SCALE: scale.float().reshape(())})
    if told is None or told.get("format") not in PACKED:
        return None
    names = (*_SCALES, *_OF_INPUTS)
    beside = {name: state[key] for name in names if (key := f"{layer}.{name}") in state}
    return StoredLayer(codes, told, beside)


def _without(header: Mapping[str, str], layers: Collection[str]) -> dict[str, str]:
    """The header without its entries for layers that are kept."""
    told = formats_of({}, header)
    rest = {layer: details for layer, details in told.items() if layer not in layers}
    return {**header, "_quantization_metadata": json.dumps({"layers": rest})}
