"""Cached keys and values of a run's prompts, which the host passes to the network at every step.

B batch, S text tokens, I image tokens.
"""
# pyright: reportMissingImports=false

import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from comfy.model_patcher import ModelPatcher
from torch import Tensor, nn

from ...models.dit.network import VideoDiT
from ...models.dit.trunk import PreparedContext

KEPT = 4
"""Prompts kept per clip; more than two, such as prompts for regions, are rare."""


CONTEXT_LAYERS = ("k", "v", "norm_k", "k_img", "v_img", "norm_k_img")
"""Layers of a block's cross-attention that see the text or the image."""


class Weights(NamedTuple):
    """Identifies a state of the context's layers without reading any weights."""

    patches: object  # the host's id of the LoRAs in the weights
    tensors: tuple[weakref.ref[Tensor], ...]
    versions: tuple[int | None, ...]  # how often a tensor was written to; unknown in inference mode
    functions: tuple[object, ...]  # patches that the host applies when a layer runs

    def same_as(self, other: "Weights") -> bool:
        """Whether nothing was replaced or written to in between."""
        return (
            self[2:] == other[2:]
            and self.patches == other.patches
            and len(self.tensors) == len(other.tensors)
            and all(a() is b() for a, b in zip(self.tensors, other.tensors, strict=True))
        )


class Kept(NamedTuple):
    """A prepared context with everything that it was computed from."""

    text: Tensor  # (B, S, text width)
    image: Tensor | None  # (B, I, image width)
    weights: Weights
    context: PreparedContext


class PromptCache:
    """Prepared prompts of one sampling run.

    The host rebuilds the tensor of its prompts at each step, so values are compared rather than
    identity. A kept context is used only if the values and the layers that computed it are
    unchanged. While a hook may swap weights between evaluations, or gradients are enabled, every
    context is recomputed.

    Args:
        patcher: the model of the run.
    """

    def __init__(self, patcher: ModelPatcher) -> None:
        self._patcher = patcher
        self._kept: dict[tuple[Any, ...], Kept] = {}

    def prepared(
        self,
        maker: "ContextMaker",
        text: Tensor,
        image: Tensor | None,
        options: Mapping[str, Any],
        number: int = 0,
    ) -> PreparedContext:
        """Return the keys and values of a batch of prompts and images for every block.

        Args:
            maker: prepares them.
            text: (B, S, text width).
            image: (B, I, image width), None for a network without an image context.
            options: the host's options for this evaluation.
            number: distinguishes the packed clips of one prompt.
        """
        if self._patcher.hook_patches or torch.is_grad_enabled():
            return maker.prepare(text, image)
        weights = _weights(self._patcher.model, maker.layers)
        clip = (maker.name, number)
        key = (*clip, *options.get("uuids", ()))  # the host's ids of the prompts in the batch
        kept = self._kept.pop(key, None)
        if kept is None or not (
            weights.same_as(kept.weights) and _equal(text, kept.text) and _equal(image, kept.image)
        ):
            copied = None if image is None else image.clone()
            kept = Kept(text.clone(), copied, weights, maker.prepare(text, image))
        self._kept[key] = kept
        same_clip = [name for name in self._kept if name[:2] == clip]
        if len(same_clip) > KEPT:
            del self._kept[same_clip[0]]
        return kept.context


class ContextMaker(NamedTuple):
    """Prepares prompts.

    Args:
        name: distinguishes it from others of a run.
        prepare: maps (text, image) to the keys and values that the blocks attend to.
        layers: the layers that it uses.
    """

    name: int
    prepare: Callable[[Tensor, Tensor | None], PreparedContext]
    layers: Sequence[nn.Module]

    @classmethod
    def of_network(cls, network: VideoDiT) -> "ContextMaker":
        """Return a maker that uses the network itself."""
        return cls(id(network), network.prepare, list(_context_layers(network)))

    @classmethod
    def of_branch(cls, branch: Any, network: VideoDiT) -> "ContextMaker":
        """Return a maker that uses a control branch, which may need the network's embedded text."""
        layers = [
            *network.text_embedding.modules(),
            *(layer for part in branch.text_layers for layer in part.modules()),
        ]
        return cls(id(branch), lambda text, _: branch.prepare(text, network.embed_text), layers)


def _equal(a: Tensor | None, b: Tensor | None) -> bool:
    if a is None or b is None:
        return a is b
    return a.dtype == b.dtype and a.device == b.device and torch.equal(a, b)


def _weights(model: Any, layers: Sequence[nn.Module]) -> Weights:
    tensors = [weight for layer in layers for weight in layer.parameters(recurse=False)]
    return Weights(
        patches=getattr(model, "current_weight_patches_uuid", None),
        tensors=tuple(map(weakref.ref, tensors)),
        versions=tuple(None if each.is_inference() else each._version for each in tensors),
        functions=tuple(_functions(layers)),
    )


def _context_layers(network: VideoDiT) -> Iterator[nn.Module]:
    yield from network.text_embedding.modules()
    if network.img_emb is not None:
        yield from network.img_emb.modules()
    for block in network.blocks:
        attention: Any = block.cross_attn
        layers = (getattr(attention, name) for name in CONTEXT_LAYERS)
        yield from (layer for layer in layers if layer is not None)


def _functions(layers: Sequence[nn.Module]) -> Iterator[Callable[..., Tensor]]:
    for layer in layers:
        yield from getattr(layer, "weight_function", ())
        yield from getattr(layer, "bias_function", ())
