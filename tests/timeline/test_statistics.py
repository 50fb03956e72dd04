"""Statistics of one latent given to another."""

import torch

from spacetime_video.timeline.statistics import matched


def test_the_whole_share_gives_the_moments_and_none_leaves_all():
    g = torch.Generator().manual_seed(0)
    latent = torch.randn(2, 3, 4, 6, 5, generator=g)
    reference = 2 * torch.randn(2, 3, 2, 6, 5, generator=g) + 1
    assert matched(latent, reference, 0.0) is latent
    whole, half = matched(latent, reference, 1.0), matched(latent, reference, 0.5)
    axes = (2, 3, 4)
    torch.testing.assert_close(whole.mean(axes), reference.mean(axes))
    torch.testing.assert_close(whole.std(axes), reference.std(axes))
    torch.testing.assert_close(half, (latent + whole) / 2)
