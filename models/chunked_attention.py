"""Attention on a CPU in chunks of queries, at the speed of linear layers.

torch's own kernel reaches a third of that speed in bfloat16, and half of it in float32.

B batch, N heads, M heads of the whole batch, L query tokens, S key tokens, K head dim, R queries of
a chunk.
"""

from collections.abc import Iterator
from math import prod

import torch
from torch import Tensor

from .products import product, takes_fast_path

CHUNK_BYTES = 2**21
"""Size of the scores held at a time; small enough to stay in the processor's caches."""

STEP = 16
"""The number of queries in a chunk is a multiple of this."""

SMALLEST = {torch.bfloat16: 2**13, torch.float32: 2**16}
"""Scores per head from which chunks are faster: below, call overhead exceeds the products.

Heads and samples are not counted, so a sample gets the same result alone and in a batch.
"""


def takes_chunks(q: Tensor, k: Tensor, v: Tensor) -> bool:
    """Whether chunks are faster for q (B, N, L, K) and k, v (B, N, S, K)."""
    return takes_fast_path(q, k, v) and q.shape[2] * k.shape[2] >= SMALLEST[q.dtype]


def attend_in_chunks(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Softmax attention, (B, N, L, K) -> (B, N, L, K), without gradients.

    The result does not depend on where chunks begin. In bfloat16, the scores and the attention
    weights are rounded to bfloat16.

    Args:
        q: (B, N, L, K), bfloat16 or float32.
        k, v: (B, N, S, K).
    """
    queries, keys, values = (x.flatten(0, 1).contiguous() for x in (q, k, v))  # (M, L | S, K)
    out = torch.empty_like(queries)
    attend = _Batched() if q.dtype == torch.bfloat16 else _attend_each
    matrices, length, _ = queries.shape
    for heads, rows in _chunks(matrices, length, keys.shape[1], q.itemsize):
        attend(queries[heads, rows], keys[heads], values[heads], out[heads, rows])
    return out.unflatten(0, q.shape[:2])


def _chunks(heads: int, length: int, keys: int, itemsize: int) -> Iterator[tuple[slice, slice]]:
    """Yield the heads and queries of each chunk: whole heads, or some queries of a single head."""
    rows = max(STEP, CHUNK_BYTES // (keys * itemsize) // STEP * STEP)
    together = max(1, rows // length)
    for head in range(0, heads, together):
        for row in range(0, length, rows):
            yield slice(head, head + together), slice(row, row + rows)


class _Batched:
    """Attention by batched products of contiguous operands; torch is slow with other layouts."""

    def __init__(self) -> None:
        self._buffer: Tensor | None = None

    def __call__(self, q: Tensor, k: Tensor, v: Tensor, out: Tensor) -> None:
        """Fill ``out`` (M, R, K) for queries (M, R, K)."""
        scores = self._scores(q, k)
        torch.baddbmm(scores, q, k.mT, beta=0, alpha=q.shape[-1] ** -0.5, out=scores)
        torch.softmax(scores, dim=-1, out=scores)
        torch.bmm(scores, v, out=out)

    def _scores(self, q: Tensor, k: Tensor) -> Tensor:
        """A buffer (M, R, S), reusing that of the first chunk, which is the largest."""
        shape = (*q.shape[:2], k.shape[1])
        if self._buffer is None:
            self._buffer = q.new_empty(prod(shape))
        return self._buffer[: prod(shape)].view(shape)


def _attend_each(q: Tensor, k: Tensor, v: Tensor, out: Tensor) -> None:
    """The same head by head: the only way to use oneDNN for float32."""
    scaled = q * q.shape[-1] ** -0.5
    for queries, keys, values, result in zip(scaled, k, v, out, strict=True):
        scores = product(queries, keys)  # (R, S)
        torch.softmax(scores, dim=-1, out=scores)
        result.copy_(product(scores, values.mT))
