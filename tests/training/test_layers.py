"""The layers for training compute what torch's own do."""

import torch
from torch import nn

from spacetime_video.training.layers import RMSNorm


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
