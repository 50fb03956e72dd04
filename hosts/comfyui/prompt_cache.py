"""Keys and values of a run's prompts: the host hands the same prompts to the network at every step.

B batch, S text tokens.
"""
# pyright: reportMissingImports=false

import weakref
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import torch
from comfy.model_patcher import ModelPatcher
from torch import Tensor, nn

from ...models.dit.network import PreparedText, VideoDiT

KEPT = 4
"""Texts kept at a time for a clip; more than two are rare: prompts for regions."""


class Weights(NamedTuple):
    """What tells one state of the text layers from another, without reading a weight."""

    patches: object  # the host's name for the LoRAs in the weights
    tensors: tuple[weakref.ref[Tensor], ...]
    versions: tuple[int | None, ...]  # how often a tensor was written to; unknown in inference
    functions: tuple[object, ...]  # patches that the host applies when a layer runs

    def same_as(self, other: "Weights") -> bool:
        """Whether nothing was exchanged or written to in between."""
        return (
            self[2:] == other[2:]
            and self.patches == other.patches
            and len(self.tensors) == len(other.tensors)
            and all(a() is b() for a, b in zip(self.tensors, other.tensors, strict=True))
        )


class Kept(NamedTuple):
    """A prepared text with everything that it was made from."""

    context: Tensor  # (B, S, text width)
    weights: Weights
    text: PreparedText


class PromptCache:
    """Prepared prompts of one sampling run.

    The host builds the tensor of its prompts anew at each step, so that its identity says nothing;
    the values are compared. A kept text is used only where they and the layers that made it are
    the same. While a hook may exchange weights between two evaluations, or gradients are wanted,
    every text is regenerated.

    Args:
        patcher: the model of the run.
    """

    def __init__(self, patcher: ModelPatcher) -> None:
        self._patcher = patcher
        self._kept: dict[tuple[Any, ...], Kept] = {}

    def prepared(
        self, network: VideoDiT, context: Tensor, options: Mapping[str, Any], number: int = 0
    ) -> PreparedText:
        """Keys and values of a batch of prompts (B, S, text width) for every block.

        ``number`` tells the packed clips of one prompt apart.
        """
        if self._patcher.hook_patches or torch.is_grad_enabled():
            return network.prepare_text(context)
        weights = _weights(self._patcher.model, network)
        key = (number, *options.get("uuids", ()))  # the host's names of the prompts in the batch
        kept = self._kept.pop(key, None)
        if kept is None or not (weights.same_as(kept.weights) and _equal(context, kept.context)):
            kept = Kept(context.clone(), weights, network.prepare_text(context))
        self._kept[key] = kept
        same_clip = [name for name in self._kept if name[0] == number]
        if len(same_clip) > KEPT:
            del self._kept[same_clip[0]]
        return kept.text


def _equal(a: Tensor, b: Tensor) -> bool:
    return a.dtype == b.dtype and a.device == b.device and torch.equal(a, b)


def _weights(model: Any, network: VideoDiT) -> Weights:
    layers = list(_text_layers(network))
    tensors = [weight for layer in layers for weight in layer.parameters()]
    return Weights(
        patches=getattr(model, "current_weight_patches_uuid", None),
        tensors=tuple(map(weakref.ref, tensors)),
        versions=tuple(None if each.is_inference() else each._version for each in tensors),
        functions=tuple(_functions(layers)),
    )


def _text_layers(network: VideoDiT) -> Iterator[nn.Module]:
    yield from network.text_embedding
    for block in network.blocks:
        attention: Any = block.cross_attn
        yield from (attention.k, attention.v, attention.norm_k)


def _functions(layers: list[nn.Module]) -> Iterator[Callable[..., Tensor]]:
    for layer in layers:
        yield from getattr(layer, "weight_function", ())
        yield from getattr(layer, "bias_function", ())
