"""LoRA files in every published layout -> changes of a network's weights, by its own names."""

import json
import logging
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
"""Of layouts that write every dot as an underscore."""

_PARTS = {
    "down": r"lora_A(?:\.default)?\.weight|lora_down\.weight|lora\.down\.weight",
    "up": r"lora_B(?:\.default)?\.weight|lora_up\.weight|lora\.up\.weight",
    "alpha": r"alpha",
    "magnitude": r"dora_scale|lora_magnitude_vector(?:\.default)?(?:\.weight)?",
    "full": r"diff",
    "full_bias": r"diff_b",
    "value": r"set_weight",
}
_KEY = re.compile(
    r"(?P<layer>.+?)\.(?:"
    + "|".join(f"(?P<{part}>{pattern})" for part, pattern in _PARTS.items())
    + ")"
)
_OTHER_METHODS = re.compile(r".*\.(hada_w|lokr_w|lora_mid|oft_|boft_|reshape_weight).*")

Shapes = Mapping[str, torch.Size]
"""Of a network's parameters, by name."""


class Lora(NamedTuple):
    """A LoRA file that was read.

    Attributes:
        name: of the file.
        patches: changes by the names of the network's parameters.
        info: the pack's part of the header, of files that it wrote.
    """

    name: str
    patches: WeightDeltas
    info: Mapping[str, Any]


def read_lora(path: Path, shapes: Shapes) -> Lora:
    """Read a LoRA for a network with parameters of given shapes.

    The layouts are those of ComfyUI, lightx2v, kohya and musubi-tuner, VideoX-Fun, diffusers with
    peft, and DiffSynth. Layers that the network does not have are named in a warning.

    Raises:
        FileNotFoundError: no such file.
        UnsupportedCheckpointError: no LoRA, one for another network, or by another method.
    """
    file = read_file(path)
    layers = _layers(file)
    names = _Names(shapes)
    found = {layer: names.of(layer) for layer in layers}
    unknown = [layer for layer, own in found.items() if own is None]
    if len(unknown) == len(layers):
        raise UnsupportedCheckpointError(
            f"{file.name} changes none of this model's layers (its first are "
            f"{', '.join(unknown[:3])}): it was made for another kind of model"
        )
    if unknown:
        logging.getLogger(__name__).warning(
            "%s: %d layers are not in this model and stay unused: %s",
            file.name, len(unknown), ", ".join(unknown[:5]),
        )  # fmt: skip
    patches: dict[str, WeightDelta] = {}
    for layer, own in found.items():
        if own is not None:
            patches |= _patches_of(own, layers[layer], _alpha(file, layer))
    _check_shapes(file.name, patches, shapes)
    return Lora(file.name, patches, file.info)


def _layers(file: WeightsFile) -> dict[str, dict[str, Tensor]]:
    """Parts by layer, as the file names them."""
    layers: dict[str, dict[str, Tensor]] = {}
    for key, tensor in file.state.items():
        match = _KEY.fullmatch(key)
        if match is None or _OTHER_METHODS.fullmatch(key):
            raise UnsupportedCheckpointError(
                f"{file.name} holds {key!r}: it is no LoRA in a known layout, or made by a method "
                "that is not supported (LoHa, LoKr, OFT); convert it to a plain LoRA"
            )
        layers.setdefault(match["layer"], {})[str(match.lastgroup)] = tensor
    if not layers:
        raise UnsupportedCheckpointError(f"{file.name} is empty: it holds no LoRA")
    return layers


class _Names:
    """From the names that files use for a layer to the network's own."""

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
    """What the header of a file of diffusers says of a layer: alpha, and how it counts."""
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
    layer: str, parts: Mapping[str, Tensor], header: Mapping[str, Any]
) -> dict[str, WeightDelta]:
    patches = {}
    low_rank = _low_rank(layer, parts, header)
    if low_rank is not None or "value" in parts or "full" in parts:
        patches[f"{layer}.weight"] = WeightDelta(parts.get("value"), parts.get("full"), low_rank)
    if "full_bias" in parts:
        patches[f"{layer}.bias"] = WeightDelta(full=parts["full_bias"])
    return patches


def _low_rank(layer: str, parts: Mapping[str, Tensor], header: Mapping[str, Any]) -> LowRank | None:
    pair = [parts[name] for name in ("down", "up") if name in parts]
    if not pair:
        return None
    if len(pair) == 1:
        raise UnsupportedCheckpointError(
            f"{layer} has one half of a LoRA, down or up, and lacks the other: the file is "
            "incomplete; download it again"
        )
    down, up = pair
    rank = down.shape[0]
    alpha = float(parts["alpha"]) if "alpha" in parts else header["alpha"]
    if rank != up[0].numel():
        raise UnsupportedCheckpointError(
            f"{layer} has a down part of rank {rank} and an up part of rank {up[0].numel()}: the "
            "file is damaged; download it again"
        )
    divisor = rank**0.5 if header["root"] else rank
    return LowRank(down, up, 1.0 if alpha is None else alpha / divisor, parts.get("magnitude"))


def _check_shapes(name: str, patches: WeightDeltas, shapes: Shapes) -> None:
    for key, patch in patches.items():
        if key not in shapes:
            raise UnsupportedCheckpointError(f"{name} changes {key!r}, which this model lacks")
        wanted = shapes[key]
        found = [tuple(each.shape) for each in (patch.value, patch.full) if each is not None]
        if patch.low_rank is not None:
            found.append((patch.low_rank.up.shape[0], *patch.low_rank.down.shape[1:]))
        if any(shape != tuple(wanted) for shape in found):
            raise UnsupportedCheckpointError(
                f"{name} changes {key!r} in the shape {found[0]}, this model has {tuple(wanted)}: "
                "it was made for another size of model"
            )
