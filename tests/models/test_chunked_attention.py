"""Attention in chunks equals torch's own, and does not depend on what is attended for beside."""

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from spacetime_video.models import chunked_attention, products
from spacetime_video.models.attention import attend, attend_across, attend_within
from spacetime_video.models.chunked_attention import SMALLEST, attend_in_chunks, takes_chunks

pytestmark = pytest.mark.skipif(
    not hasattr(torch.ops.mkldnn, "_linear_pointwise"), reason="torch was built without oneDNN"
)
TIMES_STOCK = {
    (torch.float32, 1.0): 2.0,
    (torch.float32, 4.0): 2.0,
    (torch.bfloat16, 1.0): 2.5,
    (torch.bfloat16, 4.0): 7.0,
}
"""How much larger the error may be than that of torch's kernel, against float64, by the deviation
of the scores: in bfloat16 they are rounded, and the larger they are, the more that is."""

SHAPES = [(1, 3, 150, 200, 32), (2, 2, 300, 61, 64), (1, 1, 7, 40, 24), (2, 4, 80, 80, 16)]


@pytest.fixture(autouse=True)
def every_type_is_fast(monkeypatch):
    """The fast path everywhere, whatever processor the tests run on."""
    monkeypatch.setattr(products, "FAST_TYPES", frozenset(SMALLEST))


def drawn(batch, heads, length, keys, width, dtype):
    """Queries, keys and values as a network splits them: (B, L, N, K) in memory."""
    g = torch.Generator().manual_seed(length)
    each = (torch.randn(batch, n, heads, width, generator=g) for n in (length, keys, keys))
    return [x.to(dtype).transpose(1, 2) for x in each]


def errors(q, k, v, *results):
    exact = scaled_dot_product_attention(q.double(), k.double(), v.double())
    return [float((x.double() - exact).norm() / exact.norm()) for x in results]


@pytest.mark.parametrize(("dtype", "sharpness"), TIMES_STOCK)
@pytest.mark.parametrize("shape", SHAPES)
@torch.no_grad()
def test_the_error_beside_that_of_the_stock_kernel(shape, dtype, sharpness):
    q, k, v = drawn(*shape, dtype)
    q = q * sharpness
    got = attend_in_chunks(q, k, v)
    assert (got.shape, got.dtype) == (q.shape, dtype)
    ours, stock = errors(q, k, v, got, scaled_dot_product_attention(q, k, v))
    assert ours < TIMES_STOCK[dtype, sharpness] * stock


@pytest.mark.parametrize("dtype", SMALLEST)
@pytest.mark.parametrize("shape", SHAPES)
@torch.no_grad()
def test_where_chunks_begin_does_not_matter(shape, dtype, monkeypatch):
    q, k, v = drawn(*shape, dtype)
    whole = attend_in_chunks(q, k, v)
    for queries in (16, 64):
        monkeypatch.setattr(chunked_attention, "CHUNK_BYTES", queries * k.shape[2] * q.itemsize)
        assert torch.equal(attend_in_chunks(q, k, v), whole)


@pytest.mark.parametrize("dtype", SMALLEST)
@torch.no_grad()
def test_packed_clips_and_samples_get_what_they_get_alone(dtype):
    q, k, v = drawn(2, 3, 620, 620, 32, dtype)
    spans = (slice(0, 300), slice(300, 620))
    assert takes_chunks(q[:, :, spans[0]], k[:, :, spans[0]], v[:, :, spans[0]])
    packed = attend_within(attend, q, k, v, spans)
    text = [(k[:, :, s], v[:, :, s]) for s in (slice(0, 250), slice(300, 520))]
    across = attend_across(attend, q, text, spans)
    for span, context in zip(spans, text, strict=True):
        for row in range(2):
            at = slice(row, row + 1), slice(None), span
            assert torch.equal(packed[at], attend(q[at], k[at], v[at]))
            alone = attend(q[at], *(x[row : row + 1] for x in context))
            assert torch.equal(across[at], alone)


@torch.no_grad()
def test_scores_take_no_more_than_a_chunk(monkeypatch):
    q, k, v = drawn(1, 6, 640, 1000, 16, torch.bfloat16)
    monkeypatch.setattr(chunked_attention, "CHUNK_BYTES", 2**17)
    sizes = []
    softmax = torch.softmax

    def seen(scores, **options):
        sizes.append(scores.untyped_storage().nbytes())
        return softmax(scores, **options)

    monkeypatch.setattr(torch, "softmax", seen)
    attend_in_chunks(q, k, v)
    assert 2**16 < max(sizes) <= 2**17


def test_small_ones_and_those_with_gradients_are_torchs():
    q, k, v = drawn(1, 4, 40, 20, 32, torch.bfloat16)
    assert not takes_chunks(q, k, v)
    q, k, v = drawn(1, 1, 300, 300, 32, torch.float32)
    assert takes_chunks(q, k, v)
    q.requires_grad_()
    assert not takes_chunks(q, k, v)
    attend(q, k, v).sum().backward()
    assert q.grad is not None
