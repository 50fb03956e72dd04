"""Read LoRA files of every published layout as changes of a network's weights by its own names."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..models.lora import LowRank, WeightDelta, WeightDeltas
from .families import FAMILIES
from .files import WeightsFile, read_file
from .keys import UnsupportedCheckpointError

_PREFIXES = (
    "base_model.model.",
    "pipe.dit.",
    "model.diffusion_model.",
    "diffusion_model.",
    "transformer_2.",
    "transformer.",
    "model.",
)
_FLAT_PREFIXES = ("lora_unet__", "lora_unet_", "lora_transformer_")
"""Prefixes of layouts that write every dot as an underscore."""

_PARTS = {
    "down": r"lora_A(?:\.default)?\.weight|lora_down\.weight|lora\.down\.weight",
    "up": r"lora_B(?:\.default)?\.weight|lora_up\.weight|lora\.up\.weight",
    "alpha": r"alpha",
    "magnitude": r"dora_scale|lora_magnitude_vector(?:\.default)?(?:\.weight)?",
    "full": r"diff",
    "full_bias": r"diff_b",
    "full_modulation": r"diff_m",
    "up_bias": r"lora_B(?:\.default)?\.bias|lora_up\.bias|lora\.up\.bias",
    "value": r"set_weight",
}
_KEY = re.compile(
    r"(?P<layer>.+?)\.(?:"
    + "|".join(f"(?P<{part}>{pattern})" for part, pattern in _PARTS.items())
    + ")"
)
_OTHER_METHODS = re.compile(r".*\.(hada_w|lokr_w|lora_mid|oft_|boft_|reshape_weight).*")

Shapes = Mapping[str, torch.Size]
"""Shapes of a network's parameters, by name."""


class Lora(NamedTuple):
    """A LoRA that was read from a file.

    Attributes:
        name: name of the file.
        patches: changes by the names of the network's parameters.
        info: the pack's part of the header, if the pack wrote the file.
        unused: names of the file's tensors that the network has no place for.
    """

    name: str
    patches: WeightDeltas
    info: Mapping[str, Any]
    unused: tuple[str, ...] = ()


def read_lora(path: Path, shapes: Shapes) -> Lora:
    """Read a LoRA for a network with parameters of given shapes.

    The layouts are those of ComfyUI, lightx2v, kohya and musubi-tuner, VideoX-Fun, diffusers with
    peft, and DiffSynth. The result names the tensors that the network has no place for.

    Raises:
        FileNotFoundError: no such file.
        UnsupportedCheckpointError: the file is not a LoRA, or one for another network or of an
            unsupported method.
    """
    file = read_file(path)
    layers = _layers(file)
    if not layers:
        raise UnsupportedCheckpointError(_why_none(file))
    names = _Names(shapes)
    patches: dict[str, WeightDelta] = {}
    used: set[str] = set()
    for layer, parts in layers.items():
        own = names.of(layer)
        if own is not None:
            found, taken = _patches_of(own, parts, _alpha(file, layer), shapes)
            patches |= found
            used |= {parts[part].key for part in taken}
    if not patches:
        raise UnsupportedCheckpointError(
            f"{file.name} changes none of this model's layers (its first layers are "
            f"{', '.join(list(layers)[:3])}): it was made for another kind of model"
        )
    _check_shapes(file.name, patches, shapes)
    unused = tuple(key for key in file.state if key not in used)
    return Lora(file.name, patches, file.info, unused)


class _Part(NamedTuple):
    key: str
    tensor: Tensor


_Parts = Mapping[str, _Part]
"""Parts of one layer, by the names in ``_PARTS``."""


def _layers(file: WeightsFile) -> dict[str, dict[str, _Part]]:
    """Group a file's parts by layer, under the file's own names."""
    layers: dict[str, dict[str, _Part]] = {}
    for key, tensor in file.state.items():
        match = _KEY.fullmatch(key)
        if match is not None and not _OTHER_METHODS.fullmatch(key):
            layers.setdefault(match["layer"], {})[str(match.lastgroup)] = _Part(key, tensor)
    return layers


def _why_none(file: WeightsFile) -> str:
    if not file.state:
        return f"{file.name} is empty: it holds no LoRA"
    return (
        f"{file.name} holds {next(iter(file.state))!r}: it is not a LoRA in a known layout, or "
        "was made by a method that is not supported (LoHa, LoKr, OFT); convert it to a plain "
        "LoRA"
    )


class _Names:
    """Maps the layer names used in files to the network's own."""

    def __init__(self, shapes: Shapes) -> None:
        self.own = {name.rpartition(".")[0] for name in shapes}
        self.flat = {layer.replace(".", "_"): layer for layer in self.own}

    def of(self, layer: str) -> str | None:
        for prefix in _FLAT_PREFIXES:
            if layer.startswith(prefix):
                return self.flat.get(layer.removeprefix(prefix))
        for prefix in _PREFIXES:
            layer = layer.removeprefix(prefix)
        names = (layer, *(family.layer_name(layer) for family in FAMILIES))
        return next((name for name in names if name in self.own), None)


def _alpha(file: WeightsFile, layer: str) -> dict[str, Any]:
    """Read a layer's alpha, and whether rsLoRA scales it, from a diffusers file's header."""
    entries = json.loads(file.header.get("lora_adapter_metadata", "{}"))
    owner, _, rest = layer.partition(".")
    options = {
        key.removeprefix(f"{owner}."): value
        for key, value in entries.items()
        if key.startswith(f"{owner}.")
    }
    alpha = options.get("alpha_pattern", {}).get(rest, options.get("lora_alpha"))
    return {"alpha": alpha, "root": bool(options.get("use_rslora", False))}


def _patches_of(
    layer: str, parts: _Parts, header: Mapping[str, Any], shapes: Shapes
) -> tuple[dict[str, WeightDelta], set[str]]:
    """Get the changes of those of a layer's parameters that the network has, and the parts used."""
    low_rank = _low_rank(layer, parts, header)
    pair = set() if low_rank is None else {"down", "up", "alpha", "magnitude"}
    above = set() if low_rank is None else {"up_bias"}
    weight = WeightDelta(_tensor(parts, "value"), _tensor(parts, "full"), low_rank)
    found = [
        ("weight", weight, {"value", "full"} | pair),
        ("bias", WeightDelta(full=_bias(parts, low_rank)), {"full_bias"} | above),
        ("modulation", WeightDelta(full=_tensor(parts, "full_modulation")), {"full_modulation"}),
    ]
    patches: dict[str, WeightDelta] = {}
    used: set[str] = set()
    for own, change, takes in found:
        if change.changes and f"{layer}.{own}" in shapes:
            patches[f"{layer}.{own}"] = change
            used |= takes & parts.keys()
    return patches, used


def _tensor(parts: _Parts, name: str) -> Tensor | None:
    return parts[name].tensor if name in parts else None


def _bias(parts: _Parts, low_rank: LowRank | None) -> Tensor | None:
    """Change of a layer's bias; the bias of an up part is scaled like the pair."""
    full, up = _tensor(parts, "full_bias"), _tensor(parts, "up_bias")
    if up is None or low_rank is None:
        return full
    scaled = low_rank.scale * up.float()
    return scaled if full is None else scaled + full.float()


def _low_rank(layer: str, parts: _Parts, header: Mapping[str, Any]) -> LowRank | None:
    pair = [parts[name].tensor for name in ("down", "up") if name in parts]
    if not pair:
        return None
    if len(pair) == 1:
        raise UnsupportedCheckpointError(
            f"{layer} has only one half of a LoRA, down or up: the file is "
            "incomplete; download it again"
        )
    down, up = pair
    rank = down.shape[0]
    alpha = float(parts["alpha"].tensor) if "alpha" in parts else header["alpha"]
    if rank != up[0].numel():
        raise UnsupportedCheckpointError(
            f"{layer} has a down part of rank {rank} and an up part of rank {up[0].numel()}: the "
            "file is damaged; download it again"
        )
    divisor = rank**0.5 if header["root"] else rank
    scale = 1.0 if alpha is None else alpha / divisor
    return LowRank(down, up, scale, _magnitude(parts))


def _magnitude(parts: _Parts) -> Tensor | None:
    """Get the magnitude; peft's has one number per row, shaped like the layer's output."""
    if "magnitude" not in parts:
        return None
    key, tensor = parts["magnitude"]
    return tensor.flatten() if "lora_magnitude_vector" in key else tensor


def _check_shapes(name: str, patches: WeightDeltas, shapes: Shapes) -> None:
    for key, patch in patches.items():
        wanted = shapes[key]
        found = [tuple(each.shape) for each in (patch.value, patch.full) if each is not None]
        if patch.low_rank is not None:
            found.append((patch.low_rank.up.shape[0], *patch.low_rank.down.shape[1:]))
        if any(shape != tuple(wanted) for shape in found):
            raise UnsupportedCheckpointError(
                f"{name} changes {key!r} with shape {found[0]}, but this model has "
                f"{tuple(wanted)}: the LoRA was made for another size of model"
            )
        if patch.low_rank is not None and patch.low_rank.magnitude is not None:
            _check_magnitude(name, key, patch.low_rank.magnitude, wanted)


def _check_magnitude(name: str, key: str, magnitude: Tensor, wanted: torch.Size) -> None:
    rows, columns = wanted[0], wanted[1:].numel()
    lengths = magnitude.numel()
    if lengths != (rows if len(magnitude) == rows else columns):
        raise UnsupportedCheckpointError(
            f"{name} gives {key!r} magnitudes (DoRA) of shape {tuple(magnitude.shape)}, expected "
            f"one for each of its {rows} rows or {columns} columns: the file is damaged or "
            "was made for another size of model"
        )
