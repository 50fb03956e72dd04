"""The default attention, and attention that keeps packed clips separate.

B batch, N heads, L query tokens, S key tokens, K head dim.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from .chunked_attention import attend_in_chunks, takes_chunks

Attention = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(q (B,N,L,K), k (B,N,S,K), v (B,N,S,K)) -> (B,N,L,K); a host may supply its own."""

KeysValues = tuple[Tensor, Tensor]
"""Keys and values, (B, N, S, K) each."""


def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Plain softmax attention, (B, N, L, K) -> (B, N, L, K), in chunks where they are faster."""
    if takes_chunks(q, k, v):
        return attend_in_chunks(q, k, v)
    return scaled_dot_product_attention(q, k, v)


def attend_within(
    attention: Attention, q: Tensor, k: Tensor, v: Tensor, spans: Sequence[slice]
) -> Tensor:
    """Self-attention within each span of the sequence."""
    if len(spans) == 1:
        return attention(q, k, v)
    parts = [attention(q[:, :, s], k[:, :, s], v[:, :, s]) for s in spans]
    return torch.cat(parts, dim=2)


def attend_across(
    attention: Attention, q: Tensor, contexts: Sequence[KeysValues], spans: Sequence[slice]
) -> Tensor:
    """Cross-attention of each span to its own context; a single context serves every span."""
    if len(contexts) == 1:
        return attention(q, *contexts[0])
    parts = [attention(q[:, :, s], *context) for s, context in zip(spans, contexts, strict=True)]
    return torch.cat(parts, dim=2)
