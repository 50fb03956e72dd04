"""The layers for training compute what torch's own do."""

import torch
from torch import nn

from spacetime_video.models.attention import attend as fused
from spacetime_video.training.layers import RMSNorm, plain_attention


def test_root_mean_square_norm_is_that_of_torch() -> None:
    g = torch.Generator().manual_seed(0)
    ours, theirs = RMSNorm(16, eps=1e-4).double(), nn.RMSNorm(16, eps=1e-4).double()
    nn.init.normal_(ours.weight, generator=g)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(3, 5, 16, dtype=torch.float64, generator=g, requires_grad=True)
    torch.testing.assert_close(ours(x), theirs(x))
    upstream = torch.randn(3, 5, 16, dtype=torch.float64, generator=g)
    found = torch.autograd.grad(ours(x), [x, ours.weight], upstream)
    expected = torch.autograd.grad(theirs(x), [x, theirs.weight], upstream)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)


def test_norm_of_half_precision_keeps_its_type_both_ways() -> None:
    x = torch.randn(4, 16, generator=torch.Generator().manual_seed(0)).bfloat16().requires_grad_()
    norm = RMSNorm(16, eps=1e-6)
    out = norm(x)
    out.sum().backward()
    assert out.dtype == torch.bfloat16
    assert x.grad is not None
    assert x.grad.dtype == torch.bfloat16
    assert norm.weight.grad is not None
    assert norm.weight.grad.dtype == torch.float32
    torch.testing.assert_close(out.float(), nn.RMSNorm(16, eps=1e-6)(x.float()), rtol=0, atol=2e-2)


def test_attention_in_plain_products_is_the_fused_one() -> None:
    g = torch.Generator().manual_seed(1)
    q, k, v = (torch.randn(2, 3, n, 8, dtype=torch.float64, generator=g) for n in (5, 7, 7))
    torch.testing.assert_close(plain_attention(q, k, v), fused(q, k, v))
