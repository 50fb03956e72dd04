"""Embeddings and blocks shared by a video transformer and a light control branch.

B batch, L video tokens, S text tokens, I image tokens, D width, U distinct conditionings.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple, cast

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn.functional import pad

from ..attention import KeysValues
from ..layers import LayerMaker
from ..patchify import Patch
from ..products import FeedForward
from .blocks import Block, Context, ImageEmbedding, Modulation
from .conditioning import (
    CONDITION_SCALES,
    TIME_SCALE,
    DistinctConditions,
    condition_embedding,
    sinusoid,
)
from .config import DiTConfig

PreparedContext = tuple[Context, ...]
"""Keys and values of one prompt, and of its image if it has one, for every block."""


class Words(NamedTuple):
    """An embedded prompt (B, S, D), whose last token stands for ``times`` equal tokens."""

    values: Tensor
    times: int


class Trunk(nn.Module):
    """Embeddings of patches, text and conditions, and the blocks.

    A new one holds no usable weights: load a state dict, or call ``initialise``.

    Args:
        config: sizes.
        make: creates the layers.
    """

    def __init__(self, config: DiTConfig, make: LayerMaker) -> None:
        super().__init__()
        dim, freq_dim = config.dim, config.freq_dim
        self.config = config
        self.patch_embedding = make.patches(config.in_channels, dim, config.patch)
        self.text_embedding = FeedForward(
            make.linear(config.text_dim, dim), nn.GELU(approximate="tanh"), make.linear(dim, dim)
        )
        self.img_emb = (
            ImageEmbedding(config.image_dim, config.image_positions, dim, make)
            if config.image_dim
            else None
        )
        self.time_embedding = condition_embedding(freq_dim, dim, make)
        self.time_projection = nn.Sequential(nn.SiLU(), make.linear(dim, dim * 6))
        self.condition_embeddings = nn.ModuleDict(
            {name: condition_embedding(freq_dim, dim, make) for name in config.conditions}
        )
        self.blocks = nn.ModuleList(
            Block(dim, config.heads, config.ffn_dim, config.eps, make, image=bool(config.image_dim))
            for _ in range(config.layers)
        )

    @property
    def dtype(self) -> torch.dtype:
        """Dtype of the weights."""
        return self.patch_embedding.weight.dtype

    def each_block(self) -> list[Block]:
        """The blocks in order; a host may have replaced them by compiled ones."""
        return cast(list[Block], list(self.blocks))

    def embed(self, tokens: Tensor) -> Tensor:
        """Embed patches: (B, L, in_channels * patch volume) -> (B, L, D)."""
        return embed_patches(self.patch_embedding, tokens, self.config.patch)

    def embed_text(self, text: Tensor) -> Words:
        """Project a prompt (B, S, text_dim), padded to the trained length by zero rows."""
        missing = max(0, self.config.text_length - text.shape[1])
        words = self.text_embedding(pad(text, (0, 0, 0, min(missing, 1))))  # (B, S, D)
        return Words(words, max(missing, 1))

    def modulation(
        self, levels: DistinctConditions, dtype: torch.dtype
    ) -> tuple[Tensor, Modulation]:
        """Embed noise levels: (U, D) float32, and the blocks' modulation computed from them.

        Args:
            levels: levels and optional inputs; inputs that this network lacks are ignored.
            dtype: dtype to compute in.
        """
        freq = self.config.freq_dim
        time = self.time_embedding(sinusoid(levels.sigma * TIME_SCALE, freq).to(dtype))  # (U, D)
        for name, values in levels.extras.items():
            if name in self.condition_embeddings:
                wave = sinusoid(values * CONDITION_SCALES[name], freq)
                time = time + self.condition_embeddings[name](wave.to(dtype))
        return time.float(), self.modulated_by(time, levels.index)

    def modulated_by(self, time: Tensor, index: Tensor) -> Modulation:
        """The blocks' modulation for embedded levels (U, D) and each token's index into them."""
        return Modulation(self.time_projection(time).unflatten(1, (6, -1)).float(), index)


def embed_patches(layer: nn.Conv3d, tokens: Tensor, patch: Patch) -> Tensor:
    """Embed patches (B, L, C * volume), features in (channel, frame, row, column) order."""
    pt, ph, pw = patch
    rows = rearrange(tokens, "B L (C pt ph pw) -> B C (L pt) ph pw", pt=pt, ph=ph, pw=pw)
    return rearrange(layer(rows), "B D L 1 1 -> B L D")


def contexts_of(
    blocks: Iterable[Block], words: Words, image: Tensor | None = None
) -> PreparedContext:
    """Keys and values of an embedded prompt and image (B, I, D) for each block."""
    contexts = (block.cross_attn.context(words.values, image) for block in blocks)
    return tuple(each._replace(text=_repeat_last(each.text, words.times)) for each in contexts)


def _repeat_last(text: KeysValues, times: int) -> KeysValues:
    """Repeat the last token's keys and values until it occurs ``times`` times."""
    if times < 2:
        return text
    k, v = (torch.cat([x, x[:, :, -1:].expand(-1, -1, times - 1, -1)], dim=2) for x in text)
    return k, v


def fill(model: nn.Module, generator: torch.Generator) -> None:
    """Initialise every layer of a network with a trunk's parameter names: Xavier, gains of one.

    Args:
        model: a network on the CPU with ``modulation`` (1, n, D) in its blocks.
        generator: source of every random number.
    """
    norms = (module for module in model.modules() if isinstance(module, nn.LayerNorm | nn.RMSNorm))
    gains = {id(norm.weight) for norm in norms}
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.endswith("modulation"):
                weight.normal_(generator=generator).div_(weight.shape[-1] ** 0.5)
            elif id(weight) in gains:
                weight.fill_(1.0)
            elif weight.ndim == 1 or name.endswith("emb_pos"):
                weight.zero_()
            else:
                _xavier(weight, generator)
        for name, weight in model.named_parameters():
            if re.fullmatch(r"(time|text)_embedding\.[02]\.weight", name):
                weight.normal_(std=0.02, generator=generator)


def mute_conditions(embeddings: nn.ModuleDict) -> None:
    """Zero the embeddings' last layers, so that optional inputs change nothing at first."""
    with torch.no_grad():
        for embedding in embeddings.values():
            embedding[2].weight.zero_()  # pyright: ignore[reportIndexIssue]


def _xavier(weight: Tensor, generator: torch.Generator) -> None:
    fan_out, fan_in = weight.shape[0], weight[0].numel()
    bound = (6.0 / (fan_in + fan_out)) ** 0.5
    weight.uniform_(-bound, bound, generator=generator)
