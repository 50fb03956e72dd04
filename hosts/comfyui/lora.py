"""LoRA: weight changes as the host's own patches."""
# pyright: reportMissingImports=false

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from comfy.model_patcher import ModelPatcher
from comfy.patcher_extension import CallbacksMP
from comfy.weight_adapter import LoRAAdapter, WeightAdapterBase
from torch import Tensor

from ...models.lora import LowRank, WeightDeltas
from .. import solver_options
from .model import HostModel

KNOWN_KEY = "spacetime_distilled"


class _Known(NamedTuple):
    """What was known about a ModelPatcher when it had these patches."""

    distilled: bool | None
    patches: object


def is_distilled(model: Any) -> bool | None:
    """Whether a ModelPatcher's model was distilled for few steps; None if unknown.

    Later patches by other nodes make the answer unknown, but a distilled model stays distilled.
    """
    known = model.get_attachment(KNOWN_KEY)
    if known is not None:
        same = known.patches == model.patches_uuid
        return known.distilled if same or known.distilled else None
    ours = isinstance(model.model, HostModel) and not model.patches
    return solver_options.is_distilled(model.model.weights.info) if ours else None


def with_lora(model: Any, patches: WeightDeltas, strength: float, distilled: bool | None) -> Any:
    """Return a clone of a ModelPatcher with weight changes.

    Args:
        model: of any kind.
        patches: changes by parameter name.
        strength: factor of the changes.
        distilled: whether the changes come from a distillation; None if unknown.
    """
    changed = model.clone()
    for each in _host_patches(patches):
        changed.add_patches(
            {f"diffusion_model.{name}": patch for name, patch in each.items()}, strength
        )
    changed.remove_callbacks_with_key(CallbacksMP.ON_LOAD, __name__)
    changed.add_callback_with_key(CallbacksMP.ON_LOAD, __name__, _patch_what_the_host_skips)
    answer = solver_options.distilled_with(is_distilled(model), distilled)
    changed.set_attachments(KNOWN_KEY, _Known(answer, changed.patches_uuid))
    return changed


def _host_patches(patches: WeightDeltas) -> list[dict[str, Any]]:
    """Return the host's own patches by name, in the order in which they act on a parameter."""
    return [
        {n: ("set", (each.value,)) for n, each in patches.items() if each.value is not None},
        {n: ("diff", (each.full,)) for n, each in patches.items() if each.full is not None},
        {n: _adapter(each.low_rank) for n, each in patches.items() if each.low_rank is not None},
    ]


def _adapter(change: LowRank) -> WeightAdapterBase:
    if change.magnitude is not None:
        return MagnitudeAdapter(set(), (change.down, change.up, change.scale, change.magnitude))
    alpha = change.scale * change.down.shape[0]
    return LoRAAdapter(set(), (change.up, change.down, alpha, None, None, None))


class MagnitudeAdapter(WeightAdapterBase):
    """A DoRA patch. The host's own broadcasts per-row magnitudes over the columns, and its versions
    disagree on the matrix whose norms they divide by.

    Args:
        loaded_keys: unused, but the host passes them when it copies the adapter.
        weights: down, up, scale and magnitude of a ``LowRank``, which the host moves to the device.
    """

    name = "dora"

    def __init__(self, loaded_keys: set[str], weights: tuple[Any, ...]) -> None:
        self.loaded_keys = loaded_keys
        self.weights = weights

    def calculate_weight(
        self,
        weight: Tensor,
        key: str,
        strength: float,
        strength_model: float,
        offset: Any,
        function: Callable[[Tensor], Tensor],
        intermediate_dtype: torch.dtype = torch.float32,
        original_weight: Any = None,
    ) -> Tensor:
        """Return the changed weight; the host wraps every change in ``function``."""
        change = LowRank(*self.weights).change(weight)
        weight += function((strength * change).type(weight.dtype))
        return weight


def _patch_what_the_host_skips(patcher: ModelPatcher, device: Any, *_: Any) -> None:
    """Patch the parameters of modules that contain modules, such as a block's modulation.

    The host patches only those of innermost modules and silently skips the others.
    """
    for key in patcher.patches:
        module = patcher.model.get_submodule(key.rpartition(".")[0])
        innermost = len(list(module.parameters())) == len(list(module.parameters(recurse=False)))
        if not innermost and key not in patcher.backup:
            patcher.patch_weight_to_device(key, device_to=device)
