"""The T5 family of text encoders (UMT5 and T5 v1.1), with Hugging Face's parameter names."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True, kw_only=True)
class T5Config:
    """Sizes of an encoder; `bias_per_layer` is True for UMT5, False for T5 (block 0 only)."""

    vocab_size: int
    d_model: int
    d_kv: int
    d_ff: int
    layers: int
    heads: int
    relative_buckets: int = 32
    relative_max_distance: int = 128
    eps: float = 1e-6
    bias_per_layer: bool = True

    def __post_init__(self) -> None:
        sizes = (self.vocab_size, self.d_model, self.d_kv, self.d_ff, self.layers, self.heads)
        if min(sizes) < 1:
            raise ValueError(f"every size of a T5Config must be at least 1, got {self}")
        exact = self.relative_buckets // 4
        if self.relative_buckets % 4 or not 0 < exact < self.relative_max_distance:
            raise ValueError(
                f"{self.relative_buckets} relative buckets up to distance "
                f"{self.relative_max_distance} do not fit: use a multiple of 4 buckets, "
                "and a distance above a quarter of it"
            )


UMT5_XXL = T5Config(vocab_size=256384, d_model=4096, d_kv=64, d_ff=10240, layers=24, heads=64)
TINY_TEXT = T5Config(vocab_size=96, d_model=96, d_kv=32, d_ff=192, layers=2, heads=3)


def relative_buckets(
    length: int, *, buckets: int, max_distance: int, device: torch.device | str | None = None
) -> Tensor:
    """Sort every pair (query, key) of a sequence into a bucket by signed distance.

    Half of the buckets serve keys after the query; in each half the first half counts single
    steps and the rest grow logarithmically up to `max_distance` (Raffel et al. 2020, §2.1).

    Returns:
        (length, length) int64, rows are queries.
    """
    place = torch.arange(length, device=device)
    offset = place[None, :] - place[:, None]
    half = buckets // 2
    exact = half // 2
    distance = offset.abs()
    growth = torch.log(distance.clamp(min=1).float() / exact) / math.log(max_distance / exact)
    far = (exact + (growth * (half - exact)).long()).clamp(max=half - 1)
    return torch.where(distance < exact, distance, far) + half * (offset > 0)


class T5Norm(nn.Module):
    """Root-mean-square norm with a gain, computed in float32."""

    def __init__(self, width: int, eps: float, **factory: Any) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width, **factory))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        power = x.float().square().mean(dim=-1, keepdim=True)  # (B, S, 1)
        normed = x.float() * torch.rsqrt(power + self.eps)  # (B, S, D)
        return normed.to(x.dtype) * self.weight.to(x)  # (B, S, D)


class T5Attention(nn.Module):
    """Multi-head self-attention without scaling; the position bias is added to the logits."""

    def __init__(self, config: T5Config, *, has_bias: bool, ops: Any, **factory: Any) -> None:
        super().__init__()
        inner = config.heads * config.d_kv
        self.heads = config.heads
        self.q = ops.Linear(config.d_model, inner, bias=False, **factory)
        self.k = ops.Linear(config.d_model, inner, bias=False, **factory)
        self.v = ops.Linear(config.d_model, inner, bias=False, **factory)
        self.o = ops.Linear(inner, config.d_model, bias=False, **factory)
        self.relative_attention_bias = (
            ops.Embedding(config.relative_buckets, config.heads, **factory) if has_bias else None
        )

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        split = "b s (n k) -> b n s k"
        q = rearrange(self.q(x), split, n=self.heads)  # (B, N, S, K)
        k = rearrange(self.k(x), split, n=self.heads)  # (B, N, S, K)
        v = rearrange(self.v(x), split, n=self.heads)  # (B, N, S, K)
        out = functional.scaled_dot_product_attention(
            q, k, v, attn_mask=bias.to(q.dtype), scale=1.0
        )  # (B, N, S, K)
        return self.o(rearrange(out, "b n s k -> b s (n k)"))  # (B, S, D)


class T5GatedFeedForward(nn.Module):
    """Gated feed-forward layer: GELU(tanh) of one projection times the other."""

    def __init__(self, config: T5Config, *, ops: Any, **factory: Any) -> None:
        super().__init__()
        self.wi_0 = ops.Linear(config.d_model, config.d_ff, bias=False, **factory)
        self.wi_1 = ops.Linear(config.d_model, config.d_ff, bias=False, **factory)
        self.wo = ops.Linear(config.d_ff, config.d_model, bias=False, **factory)

    def forward(self, x: Tensor) -> Tensor:
        gate = functional.gelu(self.wi_0(x), approximate="tanh")  # (B, S, d_ff)
        return self.wo(gate * self.wi_1(x))  # (B, S, D)


class T5SelfAttentionLayer(nn.Module):
    """Pre-norm residual branch around the attention."""

    def __init__(self, config: T5Config, *, has_bias: bool, ops: Any, **factory: Any) -> None:
        super().__init__()
        self.SelfAttention = T5Attention(config, has_bias=has_bias, ops=ops, **factory)
        self.layer_norm = T5Norm(config.d_model, config.eps, **factory)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        return x + self.SelfAttention(self.layer_norm(x), bias)  # (B, S, D)


class T5FeedForwardLayer(nn.Module):
    """Pre-norm residual branch around the feed-forward layer."""

    def __init__(self, config: T5Config, *, ops: Any, **factory: Any) -> None:
        super().__init__()
        self.DenseReluDense = T5GatedFeedForward(config, ops=ops, **factory)
        self.layer_norm = T5Norm(config.d_model, config.eps, **factory)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.DenseReluDense(self.layer_norm(x))  # (B, S, D)


class T5Block(nn.Module):
    """One attention layer, then one feed-forward layer."""

    def __init__(self, config: T5Config, *, has_bias: bool, ops: Any, **factory: Any) -> None:
        super().__init__()
        self.layer = nn.ModuleList(
            [
                T5SelfAttentionLayer(config, has_bias=has_bias, ops=ops, **factory),
                T5FeedForwardLayer(config, ops=ops, **factory),
            ]
        )

    def position_bias(self, buckets: Tensor, above: Tensor | None) -> Tensor:
        """Look the buckets (S, S) up in this block's table, or return the bias from above."""
        table = cast(T5SelfAttentionLayer, self.layer[0]).SelfAttention.relative_attention_bias
        if table is None:
            return cast(Tensor, above)
        return rearrange(table(buckets), "q k n -> 1 n q k")

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        x = self.layer[0](x, bias)  # (B, S, D)
        return self.layer[1](x)  # (B, S, D)


class T5Stack(nn.Module):
    """The blocks and the final norm, on embedded tokens."""

    def __init__(self, config: T5Config, *, ops: Any, **factory: Any) -> None:
        super().__init__()
        self.config = config
        self.block = nn.ModuleList(
            T5Block(config, has_bias=config.bias_per_layer or index == 0, ops=ops, **factory)
            for index in range(config.layers)
        )
        self.final_layer_norm = T5Norm(config.d_model, config.eps, **factory)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        buckets = relative_buckets(
            x.shape[1],
            buckets=self.config.relative_buckets,
            max_distance=self.config.relative_max_distance,
            device=x.device,
        )  # (S, S)
        hidden = rearrange(~mask, "b s -> b 1 1 s")
        position, bias = None, None
        for block in cast(Iterable[T5Block], self.block):
            above, position = position, block.position_bias(buckets, position)  # (1, N, S, S)
            if position is not above:
                bias = position.to(x).masked_fill(hidden, torch.finfo(x.dtype).min)  # (B, N, S, S)
            x = block(x, cast(Tensor, bias))  # (B, S, D)
        return self.final_layer_norm(x)  # (B, S, D)


class T5Encoder(nn.Module):
    """Turn token ids into one vector per token.

    Run it in float32 or bfloat16: the published weights overflow in float16.

    Args:
        config: the sizes.
        ops: namespace of the layer classes (`Linear`, `Embedding`).
        device, dtype: of the parameters.
    """

    def __init__(
        self,
        config: T5Config,
        *,
        ops: Any = nn,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        self.shared = ops.Embedding(config.vocab_size, config.d_model, device=device, dtype=dtype)
        self.encoder = T5Stack(config, ops=ops, device=device, dtype=dtype)

    def forward(self, token_ids: Tensor, mask: Tensor) -> Tensor:
        """Encode a padded batch.

        Args:
            token_ids: (B, S) int64.
            mask: (B, S) bool, True for the valid tokens; the others are not attended to.

        Returns:
            (B, S, D); the rows of padding carry no meaning.
        """
        x = self.shared(token_ids)  # (B, S, D)
        return self.encoder(x, mask)  # (B, S, D)
