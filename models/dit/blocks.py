"""Layers of the video transformer; parameter names are those of the Wan models.

B batch, L video tokens, S text tokens, I image tokens, D width, N heads, K head dim,
U distinct conditionings.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn.functional import embedding, layer_norm

from ..attention import KeysValues, attend_across, attend_within
from ..hooks import BlockHooks
from ..layers import LayerMaker
from ..products import FeedForward
from .rope import Rotations, rotate

IMAGE_EPS = 1e-5
"""Epsilon of the norms in the image embedding of published models."""


class Context(NamedTuple):
    """Keys and values that a clip's tokens attend to in one block, besides each other."""

    text: KeysValues
    image: KeysValues | None = None


@dataclass(frozen=True)
class Modulation:
    """Shift, scale and gate vectors per distinct conditioning: ``table`` (U, 6, D) float32."""

    table: Tensor
    index: Tensor  # (B, L) or (B, 1)

    def vectors(self, offset: Tensor) -> tuple[Tensor, ...]:
        """The six vectors of a block, (U, D) each; ``offset`` is (1, 6, D).

        Each is spread over the tokens by ``index`` where it is used: with a level per token, all
        six at once would take several times the memory of the state itself.
        """
        return (self.table + offset.to(self.table.device, torch.float32)).unbind(1)


@dataclass(frozen=True)
class Sequences:
    """Inputs shared by all blocks of one call: rotations, clip spans, modulation, hooks."""

    rotations: Rotations
    spans: tuple[slice, ...]
    modulation: Modulation
    hooks: BlockHooks


def modulate(x: Tensor, shift: Tensor, scale: Tensor, index: Tensor, eps: float) -> Tensor:
    """Normalise (B, L, D) without weights, then scale and shift by vectors (U, D), in float32.

    ``index`` (B, L or 1) selects the vectors of each token.
    """
    normed = layer_norm(x.float(), x.shape[-1:], eps=eps)  # (B, L, D)
    return (normed * embedding(index, 1 + scale)).add_(embedding(index, shift))


class Projections(nn.Module):
    """Query, key, value and output layers with RMS norm over all heads together."""

    def __init__(self, dim: int, heads: int, eps: float, make: LayerMaker) -> None:
        super().__init__()
        self.heads = heads
        self.attention = make.attention
        self.q = make.linear(dim, dim)
        self.k = make.linear(dim, dim)
        self.v = make.linear(dim, dim)
        self.o = make.linear(dim, dim)
        self.norm_q = make.rms_norm(dim, eps)
        self.norm_k = make.rms_norm(dim, eps)

    def split(self, x: Tensor) -> Tensor:
        return rearrange(x, "B L (N K) -> B N L K", N=self.heads)

    def merge(self, x: Tensor) -> Tensor:
        return self.o(rearrange(x, "B N L K -> B L (N K)"))

    def queries(self, x: Tensor) -> Tensor:
        return self.split(self.norm_q(self.q(x)))

    def keys_values(self, x: Tensor) -> KeysValues:
        return self.split(self.norm_k(self.k(x))), self.split(self.v(x))


class SelfAttention(Projections):
    """Self-attention within each packed clip, with rotary positions."""

    def forward(self, x: Tensor, shared: Sequences) -> Tensor:
        k, v = self.keys_values(x)  # (B, N, L, K)
        q = rotate(self.queries(x), shared.rotations)  # (B, N, L, K)
        k = rotate(k, shared.rotations)
        out = attend_within(self.attention, q, k, v, shared.spans)  # (B, N, L, K)
        return self.merge(out)  # (B, L, D)


class CrossAttention(Projections):
    """Attention to the text and, if there is one, to an image.

    Keys and values are computed once per prompt. ``image`` says whether to add layers for an image.
    """

    def __init__(self, dim: int, heads: int, eps: float, make: LayerMaker, *, image: bool) -> None:
        super().__init__(dim, heads, eps, make)
        self.k_img = make.linear(dim, dim) if image else None
        self.v_img = make.linear(dim, dim) if image else None
        self.norm_k_img = make.rms_norm(dim, eps) if image else None

    def context(self, text: Tensor, image: Tensor | None) -> Context:
        """Keys and values of an embedded text (B, S, D) and of an embedded image (B, I, D)."""
        if image is None or not (self.k_img and self.v_img and self.norm_k_img):
            return Context(self.keys_values(text))
        k, v = self.split(self.norm_k_img(self.k_img(image))), self.split(self.v_img(image))
        return Context(self.keys_values(text), (k, v))

    def forward(
        self, x: Tensor, contexts: Sequence[Context], shared: Sequences, number: int
    ) -> Tensor:
        q = self.queries(x)  # (B, N, L, K)
        texts = [context.text for context in contexts]
        if shared.hooks.cross_attend is not None:
            out = shared.hooks.cross_attend(number, q, texts, shared.spans)  # (B, N, L, K)
        else:
            out = attend_across(self.attention, q, texts, shared.spans)
        images = [context.image for context in contexts if context.image is not None]
        if images:
            out = out + attend_across(self.attention, q, images, shared.spans)
        return self.merge(out)  # (B, L, D)


class Block(nn.Module):
    """Modulated self-attention, cross-attention to the context, modulated feed-forward."""

    def __init__(
        self, dim: int, heads: int, ffn_dim: int, eps: float, make: LayerMaker, *, image: bool
    ) -> None:
        super().__init__()
        self.eps = eps
        self.self_attn = SelfAttention(dim, heads, eps, make)
        self.norm3 = make.layer_norm(dim, eps)
        self.cross_attn = CrossAttention(dim, heads, eps, make, image=image)
        self.ffn = FeedForward(
            make.linear(dim, ffn_dim), nn.GELU(approximate="tanh"), make.linear(ffn_dim, dim)
        )
        self.modulation = make.parameter(1, 6, dim)

    def forward(
        self, x: Tensor, contexts: Sequence[Context], shared: Sequences, number: int
    ) -> Tensor:
        """(B, L, D) float32 -> (B, L, D) float32; the layers run in the contexts' dtype."""
        dtype = contexts[0].text[0].dtype
        vectors = shared.modulation.vectors(self.modulation)  # 6 x (U, D)
        attn_shift, attn_scale, attn_gate, ffn_shift, ffn_scale, ffn_gate = vectors
        index = shared.modulation.index  # (B, L or 1)
        h = modulate(x, attn_shift, attn_scale, index, self.eps).to(dtype)  # (B, L, D)
        x = (self.self_attn(h, shared) * embedding(index, attn_gate)).add_(x)
        h = self.norm3(x.to(dtype))  # (B, L, D)
        x = x + self.cross_attn(h, contexts, shared, number)
        h = modulate(x, ffn_shift, ffn_scale, index, self.eps).to(dtype)  # (B, L, D)
        return (self.ffn(h) * embedding(index, ffn_gate)).add_(x)


class ImageEmbedding(nn.Module):
    """Projects the image context (B, I, image width) to the network's width, (B, I, D).

    ``positions`` is the number of positions with a learned embedding, 0 for none.
    """

    def __init__(self, width: int, positions: int, dim: int, make: LayerMaker) -> None:
        super().__init__()
        self.proj = nn.Sequential(
            make.layer_norm(width, IMAGE_EPS),
            make.linear(width, width),
            nn.GELU(),
            make.linear(width, dim),
            make.layer_norm(dim, IMAGE_EPS),
        )
        self.emb_pos = make.parameter(1, positions, width) if positions else None

    def forward(self, image: Tensor) -> Tensor:
        if self.emb_pos is not None:
            image = image + self.emb_pos[:, : image.shape[1]].to(image)  # (B, I, image width)
        return self.proj(image)  # (B, I, D)


class Head(nn.Module):
    """Final modulation and projection to patches, (B, L, D) -> (B, L, patch volume * C)."""

    def __init__(self, dim: int, out_dim: int, eps: float, make: LayerMaker) -> None:
        super().__init__()
        self.eps = eps
        self.head = make.linear(dim, out_dim)
        self.modulation = make.parameter(1, 2, dim)

    def forward(self, x: Tensor, time: Tensor, index: Tensor, dtype: torch.dtype) -> Tensor:
        offset = self.modulation.to(time.device, torch.float32)
        shift, scale = (time[:, None] + offset).unbind(1)  # (U, D) each
        return self.head(modulate(x, shift, scale, index, self.eps).to(dtype))
