"""Reference pictures of Apply ControlNet: a latent frame before the clip, cut off afterwards."""

from dataclasses import replace

import pytest
import torch

from spacetime_video.hosts.standalone.runs import StandaloneSampling
from spacetime_video.models.control.config import ControlConfig
from spacetime_video.models.control.network import ResidualBranch, build_control
from spacetime_video.models.patchify import to_patches
from spacetime_video.nodes.patches.patches import SpacetimePatchify
from spacetime_video.samplers.control import BoundControl

from .controlled import Controlled, latent, pictures

MASK_CHANNELS = 64


@pytest.fixture(scope="module")
def vace(bench, control_net):
    """A control with a random branch that takes what VACE's take."""
    base = bench.models.model.dit.config
    config = ControlConfig(
        design="residual", after=(0,), base_dim=base.dim, dim=base.dim, heads=base.heads,
        ffn_dim=base.ffn_dim, hint_channels=2 * base.out_channels + MASK_CHANNELS,
        latent_channels=base.out_channels, text_dim=base.text_dim,
    )  # fmt: skip
    network, generator = (
        build_control(config).requires_grad_(False),
        torch.Generator().manual_seed(1),
    )
    assert isinstance(network, ResidualBranch)
    with torch.no_grad():
        for weight in network.parameters():
            weight.normal_(std=0.3, generator=generator)
    return Controlled(bench, replace(control_net, network=network))


@pytest.fixture
def runs(monkeypatch):
    """Noise (B, C, F, H, W) of every run, and hints (1, C, F, H, W) of every evaluation."""
    noises, hints = [], []
    sample, original = StandaloneSampling.sample, BoundControl.__call__

    def watch(sampling, guider, noise, *rest):
        noises.append(noise)
        return sample(sampling, guider, noise, *rest)

    def see(bound, inside):
        hints.append((bound.state.hint, inside.tokens))
        return original(bound, inside)

    monkeypatch.setattr(StandaloneSampling, "sample", watch)
    monkeypatch.setattr(BoundControl, "__call__", see)
    return noises, hints


def test_references_are_seen_before_the_clip_and_cut_off(vace, runs):
    noises, hints = runs
    plain, made = vace.sample(), vace.sample(reference=pictures(2, seed=3))
    other = vace.sample(reference=pictures(2, seed=4))
    assert made.shape == plain.shape == (1, 16, 5, 4, 4)
    assert not torch.allclose(made, plain, atol=1e-3)
    assert not torch.allclose(made, other, atol=1e-3)
    assert [noise.shape[2] for noise in noises] == [5, 7, 7]
    assert torch.equal(noises[1][:, :, 2:], noises[0])
    assert float(noises[1][:, :, :2].std()) > 0.5
    (whole, _), (longer, tokens) = hints[0], hints[-1]
    assert torch.equal(longer[:, :, 2:], whole)
    assert tokens.shape[1] == to_patches(longer).shape[1]


def test_what_is_given_stays_and_is_not_moved(vace):
    given = torch.randn(1, 16, 5, 4, 4, generator=torch.Generator().manual_seed(2))
    for mask in (torch.ones(1, 1, 5, 4, 4), torch.ones(17, 8, 8)):
        mask[..., :1, :, :] = 0
        held = latent(samples=given, noise_mask=mask)
        made = vace.sample(given=held, reference=pictures(1, seed=3))
        torch.testing.assert_close(made[:, :, :1], given[:, :, :1], atol=1e-5, rtol=1e-5)
        assert not torch.allclose(made[:, :, 1:], given[:, :, 1:], atol=0.1)


def test_where_there_is_no_room_it_is_told(vace, bench, control_net):
    reference = pictures(1, seed=3)
    with pytest.raises(ValueError, match="reference images come before a clip's first frame"):
        vace.sample(pictures(20), latent(loop=True), reference=reference)
    with pytest.raises(ValueError, match="this ControlNet takes no reference images"):
        Controlled(bench, control_net).prompts(reference=reference)
    guider = vace.guider(*vace.prompts(reference=reference))
    with pytest.raises(ValueError, match=r"has 1: .*the Sample node"):
        bench.sample_patches(SpacetimePatchify.execute([latent()])[0], guider=guider)
