"""The T5 family of text encoders (UMT5 and T5 v1.1), with Hugging Face's parameter names."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, cast

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional

from ..layers import LayerMaker
from .config import T5Config


def relative_buckets(
    length: int, *, buckets: int, max_distance: int, device: torch.device | str | None = None
) -> Tensor:
    """Sort every pair (query, key) of a sequence into a bucket by signed distance.

    Half of the buckets serve keys after the query; in each half, the first half counts single
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

    def __init__(self, width: int, eps: float, make: LayerMaker) -> None:
        super().__init__()
        self.weight = make.parameter(width)
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        power = x.float().square().mean(dim=-1, keepdim=True)  # (B, S, 1)
        normed = x.float() * torch.rsqrt(power + self.eps)  # (B, S, D)
        return normed.to(x.dtype) * self.weight.to(x)  # (B, S, D)


class T5Attention(nn.Module):
    """Multi-head self-attention; the position bias is added to the logits.

    T5 does not scale the logits; with normalised queries and keys they are scaled as usual.
    """

    def __init__(self, config: T5Config, make: LayerMaker, *, has_bias: bool) -> None:
        super().__init__()
        inner = config.heads * config.d_kv
        self.heads = config.heads
        self.q = make.linear(config.d_model, inner, bias=False)
        self.k = make.linear(config.d_model, inner, bias=False)
        self.v = make.linear(config.d_model, inner, bias=False)
        self.o = make.linear(inner, config.d_model, bias=False)
        self.relative_attention_bias = (
            make.embedding(config.relative_buckets, config.heads) if has_bias else None
        )
        self.scale = config.d_kv**-0.5 if config.qk_norm else 1.0
        self.q_norm, self.k_norm = (
            T5Norm(config.d_kv, config.eps, make) if config.qk_norm else nn.Identity()
            for _ in range(2)
        )

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        split = "b s (n k) -> b n s k"
        q = self.q_norm(rearrange(self.q(x), split, n=self.heads))  # (B, N, S, K)
        k = self.k_norm(rearrange(self.k(x), split, n=self.heads))  # (B, N, S, K)
        v = rearrange(self.v(x), split, n=self.heads)  # (B, N, S, K)
        out = functional.scaled_dot_product_attention(
            q, k, v, attn_mask=bias.to(q.dtype), scale=self.scale
        )  # (B, N, S, K)
        return self.o(rearrange(out, "b n s k -> b s (n k)"))  # (B, S, D)


class T5GatedFeedForward(nn.Module):
    """Gated feed-forward layer: GELU(tanh) of one projection times the other."""

    def __init__(self, config: T5Config, make: LayerMaker) -> None:
        super().__init__()
        self.wi_0 = make.linear(config.d_model, config.d_ff, bias=False)
        self.wi_1 = make.linear(config.d_model, config.d_ff, bias=False)
        self.wo = make.linear(config.d_ff, config.d_model, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        gate = functional.gelu(self.wi_0(x), approximate="tanh")  # (B, S, d_ff)
        return self.wo(gate * self.wi_1(x))  # (B, S, D)


class T5SelfAttentionLayer(nn.Module):
    """Pre-norm residual branch around the attention."""

    def __init__(self, config: T5Config, make: LayerMaker, *, has_bias: bool) -> None:
        super().__init__()
        self.SelfAttention = T5Attention(config, make, has_bias=has_bias)
        self.layer_norm = T5Norm(config.d_model, config.eps, make)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        return x + self.SelfAttention(self.layer_norm(x), bias)  # (B, S, D)


class T5FeedForwardLayer(nn.Module):
    """Pre-norm residual branch around the feed-forward layer."""

    def __init__(self, config: T5Config, make: LayerMaker) -> None:
        super().__init__()
        self.DenseReluDense = T5GatedFeedForward(config, make)
        self.layer_norm = T5Norm(config.d_model, config.eps, make)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.DenseReluDense(self.layer_norm(x))  # (B, S, D)


class T5Block(nn.Module):
    """One attention layer, then one feed-forward layer."""

    def __init__(self, config: T5Config, make: LayerMaker, *, has_bias: bool) -> None:
        super().__init__()
        self.layer = nn.ModuleList(
            [
                T5SelfAttentionLayer(config, make, has_bias=has_bias),
                T5FeedForwardLayer(config, make),
            ]
        )

    def position_bias(self, buckets: Tensor, above: Tensor | None) -> Tensor:
        """Look up the buckets (S, S) in this block's table, or return the bias from above."""
        table = cast(T5SelfAttentionLayer, self.layer[0]).SelfAttention.relative_attention_bias
        if table is None:
            return cast(Tensor, above)
        return rearrange(table(buckets), "q k n -> 1 n q k")

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        x = self.layer[0](x, bias)  # (B, S, D)
        return self.layer[1](x)  # (B, S, D)


class T5Stack(nn.Module):
    """The blocks and the final norm, on embedded tokens."""

    def __init__(self, config: T5Config, make: LayerMaker) -> None:
        super().__init__()
        self.config = config
        self.block = nn.ModuleList(
            T5Block(config, make, has_bias=config.bias_per_layer or index == 0)
            for index in range(config.layers)
        )
        self.final_layer_norm = T5Norm(config.d_model, config.eps, make)
        self.position_embedding = (
            make.embedding(config.positions, config.d_model) if config.positions else None
        )

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        x = self._placed(x)  # (B, S, D)
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

    def _placed(self, x: Tensor) -> Tensor:
        """Add the position embedding, if there is one."""
        if self.position_embedding is None:
            return x
        length, longest = x.shape[1], self.config.positions
        if length > longest:
            raise ValueError(
                f"a text of {length} tokens for an encoder of {longest} positions: "
                f"shorten it to {longest} tokens"
            )
        return x + self.position_embedding(torch.arange(length, device=x.device)).to(x)


class T5Encoder(nn.Module):
    """Turn token ids into one vector per token.

    Run it in float32 or bfloat16: the published weights overflow in float16.

    Args:
        config: the sizes.
        ops: namespace of the layer classes (`Linear`, `Embedding`).
        device, dtype: device and dtype of the parameters.
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
        make = LayerMaker(ops, device=device, dtype=dtype)
        self.shared = make.embedding(config.vocab_size, config.d_model)
        self.encoder = T5Stack(config, make)

    def forward(self, token_ids: Tensor, mask: Tensor) -> Tensor:
        """Encode a padded batch.

        Args:
            token_ids: (B, S) int64.
            mask: (B, S) bool, True for valid tokens; the others are not attended to.

        Returns:
            (B, S, D); padding rows have no meaning.
        """
        x = self.shared(token_ids)  # (B, S, D)
        return self.encoder(x, mask)  # (B, S, D)


def initialise(encoder: T5Encoder, generator: torch.Generator) -> None:
    """Initialise weights for training: T5's deviations, heads that attend to neighbouring words.

    The first head of a block attends one token back, the second one ahead, the third to the token
    itself, and so on; the heads of later blocks are less sharp. Position embeddings begin at zero.

    Args:
        encoder: an encoder on the CPU.
        generator: source of every random number.
    """
    config = encoder.config
    inner = config.heads * config.d_kv
    deviations = {
        "shared": 1.0,
        "q": (config.d_model * config.d_kv) ** -0.5,
        "o": inner**-0.5,
        "wo": config.d_ff**-0.5,
        "position_embedding": 0.0,
    }
    with torch.no_grad():
        for name, weight in encoder.named_parameters():
            layer = name.split(".")[-2]
            if weight.ndim == 1:
                weight.fill_(1.0)
            elif layer != "relative_attention_bias":
                deviation = deviations.get(layer, config.d_model**-0.5)
                weight.normal_(std=deviation or 1.0, generator=generator).mul_(deviation > 0)
        for number, block in enumerate(cast(Iterable[T5Block], encoder.encoder.block)):
            table = cast(T5SelfAttentionLayer, block.layer[0]).SelfAttention.relative_attention_bias
            if table is not None:
                table.weight.copy_(_neighbours(config, sharpness=0.5**number))


_FLOOR = -6.0
_LOOKS = (-1, 1, 0)


def _neighbours(config: T5Config, sharpness: float) -> Tensor:
    """Bias (buckets, heads) that falls with the distance from the position a head attends to."""
    reach = config.relative_max_distance + 1
    buckets = relative_buckets(
        reach, buckets=config.relative_buckets, max_distance=config.relative_max_distance
    )
    table = torch.full((config.relative_buckets, config.heads), _FLOOR)
    for distance in reversed(range(reach)):  # the nearest offset of a bucket wins
        for offset, bucket in ((-distance, buckets[distance, 0]), (distance, buckets[0, distance])):
            for head in range(config.heads):
                away = abs(offset - _LOOKS[head % len(_LOOKS)])
                table[int(bucket), head] = max(_FLOOR, -sharpness * away)
    return table
