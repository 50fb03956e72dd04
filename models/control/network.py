"""The two designs of control branches.

B batch, L video tokens, S text tokens, D width of the base, E features of a hint's patches
(channels times the patch's volume).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from math import prod
from typing import Any, Protocol, cast

import torch
from torch import Tensor, nn

from ..attention import Attention, attend
from ..dit.blocks import Block, Modulation, Sequences
from ..dit.trunk import (
    PreparedContext,
    Trunk,
    Words,
    contexts_of,
    embed_patches,
    fill,
    mute_conditions,
)
from ..hooks import NO_HOOKS, Embedded
from ..layers import LayerMaker
from .config import ControlConfig


class ControlNetwork(Protocol):
    """A control branch: prepares a prompt once, then yields residuals at every step."""

    control: ControlConfig

    @property
    def dtype(self) -> torch.dtype:
        """Dtype of the weights."""
        ...

    @property
    def text_layers(self) -> Sequence[nn.Module]:
        """The branch's own layers that prepare prompts, in addition to the base's."""
        ...

    def prepare(self, text: Tensor, embed: Callable[[Tensor], Words]) -> PreparedContext:
        """Prepare the keys and values that the blocks attend to, once for all steps.

        Args:
            text: (B, S, text width) in the compute dtype.
            embed: the base's embedding of such a text.
        """
        ...

    def __call__(
        self, inside: Embedded, hint: Tensor, contexts: Sequence[PreparedContext]
    ) -> Iterator[Tensor]:
        """Yield residuals (B, L, D) float32 for the blocks ``control.after``, one by one.

        Args:
            inside: embedded inputs of the base's call.
            hint: (B, L, E) patches of the hint.
            contexts: prepared prompts, one for all clips or one per clip, in the compute dtype.
        """
        ...


class ResidualBlock(Block):
    """A block like the base's whose state is also projected to a residual."""

    def __init__(self, config: ControlConfig, make: LayerMaker, *, first: bool) -> None:
        dim = config.dim
        super().__init__(dim, config.heads, config.ffn_dim, config.eps, make, image=False)
        self.before_proj = make.linear(dim, dim) if first else None
        self.after_proj = make.linear(dim, dim)


class ResidualBranch(nn.Module):
    """Copies of blocks at the base's width, with its time modulation and embedded text.

    Source: Jiang et al., "VACE: All-in-One Video Creation and Editing", 2025; parameters are named
    as in its files.

    Args:
        config: sizes.
        ops, attention, device, dtype: as for ``VideoDiT``.
    """

    def __init__(
        self,
        config: ControlConfig,
        *,
        ops: Any = nn,
        attention: Attention = attend,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        make = LayerMaker(ops, attention, device, dtype)
        self.control = config
        self.vace_patch_embedding = make.patches(config.hint_channels, config.dim, config.patch)
        self.vace_blocks = nn.ModuleList(
            ResidualBlock(config, make, first=number == 0) for number in range(config.layers)
        )

    @property
    def dtype(self) -> torch.dtype:
        """Dtype of the weights."""
        return self.vace_patch_embedding.weight.dtype

    @property
    def text_layers(self) -> Sequence[nn.Module]:
        """The blocks' cross-attention layers."""
        return [block.cross_attn for block in self._blocks()]

    def prepare(self, text: Tensor, embed: Callable[[Tensor], Words]) -> PreparedContext:
        """Project the text as the base embeds it."""
        words = embed(text)
        return contexts_of(self._blocks(), words._replace(values=words.values.to(text.dtype)))

    def forward(
        self, inside: Embedded, hint: Tensor, contexts: Sequence[PreparedContext]
    ) -> Iterator[Tensor]:
        """Residuals, see ``ControlNetwork``."""
        dtype = _dtype_of(contexts)
        shared = replace(cast(Sequences, inside.shared), hooks=NO_HOOKS)
        c = embed_patches(
            self.vace_patch_embedding, hint.to(dtype), self.control.patch
        )  # (B, L, D)
        for number, block in enumerate(self._blocks()):
            if block.before_proj is not None:
                c = block.before_proj(c).float() + inside.x  # (B, L, D)
            c = block(c, [context[number] for context in contexts], shared, number)  # (B, L, D)
            yield block.after_proj(c.to(dtype)).float()

    def _blocks(self) -> list[ResidualBlock]:
        return cast(list[ResidualBlock], list(self.vace_blocks))


class DilatedBranch(Trunk):
    """A few narrow blocks that see the noisy state beside the hint, spread over the base.

    Source: TheDenk, "wan2.1-dilated-controlnet", 2025.

    Args:
        config: sizes.
        ops, attention, device, dtype: as for ``VideoDiT``.
    """

    def __init__(
        self,
        config: ControlConfig,
        *,
        ops: Any = nn,
        attention: Attention = attend,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        make = LayerMaker(ops, attention, device, dtype)
        super().__init__(config.trunk, make)
        self.control = config
        if config.levels == "base":
            self.time_embedding = make.linear(config.base_dim, config.dim)
        self.controlnet_blocks = nn.ModuleList(
            make.linear(config.dim, config.base_dim) for _ in range(config.layers)
        )

    @property
    def text_layers(self) -> Sequence[nn.Module]:
        """The branch's text embedding, and the blocks' cross-attention layers."""
        return [self.text_embedding, *(block.cross_attn for block in self.each_block())]

    def prepare(self, text: Tensor, embed: Callable[[Tensor], Words]) -> PreparedContext:
        """Project the text with the branch's own embedding."""
        return contexts_of(self.each_block(), self.embed_text(text))

    def forward(
        self, inside: Embedded, hint: Tensor, contexts: Sequence[PreparedContext]
    ) -> Iterator[Tensor]:
        """Residuals, see ``ControlNetwork``."""
        dtype, device = _dtype_of(contexts), inside.tokens.device
        state = inside.tokens[..., : self.control.latent_channels * prod(self.control.patch)]
        modulation = self._modulation(inside, dtype)
        rotations = inside.layout.rotations(self.config.rope, device)
        shared = Sequences(rotations, inside.layout.spans, modulation, NO_HOOKS)
        seen = torch.cat([state.to(dtype), hint.to(dtype)], dim=2)  # (B, L, (C + hint) * volume)
        x = self.embed(seen).float()  # (B, L, dim)
        pairs = zip(self.each_block(), self.controlnet_blocks, strict=True)
        for number, (block, out) in enumerate(pairs):
            x = block(x, [context[number] for context in contexts], shared, number)  # (B, L, dim)
            yield out(x.to(dtype)).float()

    def _modulation(self, inside: Embedded, dtype: torch.dtype) -> Modulation:
        if self.control.levels == "own":
            return self.modulation(inside.levels, dtype)[1]
        return self.modulated_by(self.time_embedding(inside.time.to(dtype)), inside.levels.index)


def build_control(config: ControlConfig, **options: Any) -> ResidualBranch | DilatedBranch:
    """Build a branch without usable weights; ``options`` as for ``VideoDiT``."""
    design = ResidualBranch if config.design == "residual" else DilatedBranch
    return design(config, **options)


def initialise(branch: ResidualBranch | DilatedBranch, generator: torch.Generator) -> None:
    """Initialise weights for training, with residuals of zero.

    Args:
        branch: a branch on the CPU.
        generator: source of every random number.
    """
    fill(branch, generator)
    if isinstance(branch, DilatedBranch):
        mute_conditions(branch.condition_embeddings)
    ends = (parts for name, parts in branch.named_parameters() if _is_end(name))
    with torch.no_grad():
        for weight in ends:
            weight.zero_()


def _is_end(name: str) -> bool:
    return any(part in name for part in ("before_proj", "after_proj", "controlnet_blocks"))


def _dtype_of(contexts: Sequence[PreparedContext]) -> torch.dtype:
    return contexts[0][0].text[0].dtype
