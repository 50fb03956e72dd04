"""LoRA: changes of weights as the host's own patches."""
# pyright: reportMissingImports=false

from typing import Any, NamedTuple

import comfy.sd
import torch
from torch import Tensor

from ...models.lora import LowRank, WeightDeltas
from .. import solver_options
from .model import HostModel

KNOWN_KEY = "spacetime_distilled"


class _Known(NamedTuple):
    """What was known of a ModelPatcher when it had these patches."""

    distilled: bool | None
    patches: object


def is_distilled(model: Any) -> bool | None:
    """Whether a ModelPatcher's model was distilled for few steps; None where nobody knows.

    Patches that other nodes have made since are unknown, and change nothing in a distilled one.
    """
    known = model.get_attachment(KNOWN_KEY)
    if known is not None:
        same = known.patches == model.patches_uuid
        return known.distilled if same or known.distilled else None
    ours = isinstance(model.model, HostModel) and not model.patches
    return solver_options.is_distilled(model.model.weights.info) if ours else None


def with_lora(model: Any, patches: WeightDeltas, strength: float, distilled: bool | None) -> Any:
    """A clone of a ModelPatcher with changes by the names of its parameters.

    Args:
        model: of any kind.
        patches: by name.
        strength: factor of the changes.
        distilled: whether the changes come from a distillation, None for unknown.
    """
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
    changed = comfy.sd.load_lora_for_models(model, None, state, strength, 0)[0]
    answer = solver_options.distilled_with(is_distilled(model), distilled)
    changed.set_attachments(KNOWN_KEY, _Known(answer, changed.patches_uuid))
    return changed


def _low_rank(key: str, change: LowRank) -> dict[str, Tensor]:
    state = {
        f"{key}.lora_down.weight": change.down,
        f"{key}.lora_up.weight": change.up,
        f"{key}.alpha": torch.tensor(change.scale * change.down.shape[0]),
    }
    if change.magnitude is not None:
        state[f"{key}.dora_scale"] = change.magnitude
    return state
