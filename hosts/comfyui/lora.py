"""LoRA: changes of weights as the host's own patches."""
# pyright: reportMissingImports=false

from typing import Any

import comfy.sd
import torch
from torch import Tensor

from ...models.lora import LowRank, Patches


def with_lora(model: Any, patches: Patches, strength: float) -> Any:
    """A clone of a ModelPatcher with changes by the names of its parameters."""
    state: dict[str, Tensor] = {}
    for name, patch in patches.items():
        layer, _, kind = name.rpartition(".")
        key = f"diffusion_model.{layer}"
        if patch.full is not None:
            state[f"{key}.diff_b" if kind == "bias" else f"{key}.diff"] = patch.full
        if patch.value is not None:
            state[f"{key}.set_weight"] = patch.value
        if patch.low_rank is not None:
            state |= _low_rank(key, patch.low_rank)
    return comfy.sd.load_lora_for_models(model, None, state, strength, 0)[0]


def _low_rank(key: str, change: LowRank) -> dict[str, Tensor]:
    state = {
        f"{key}.lora_down.weight": change.down,
        f"{key}.lora_up.weight": change.up,
        f"{key}.alpha": torch.tensor(change.scale * change.down.shape[0]),
    }
    if change.magnitude is not None:
        state[f"{key}.dora_scale"] = change.magnitude
    return state
