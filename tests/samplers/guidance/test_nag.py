"""Normalised attention guidance: identities, the limit, and inside a real network."""

import pytest
import torch

from spacetime_video.models.attention import attend
from spacetime_video.models.dit.config import DiTConfig
from spacetime_video.models.dit.network import VideoDiT, initialise
from spacetime_video.models.hooks import BlockHooks
from spacetime_video.samplers.guidance.nag import (
    AttentionGuidance,
    cross_attend_against,
    guide_attention,
)


def attention_result(seed, scale=1.0):
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(2, 3, 5, 4, generator=generator, dtype=torch.float64)


def norms(values):
    return values.abs().sum((1, 3))


@pytest.mark.parametrize(
    ("positive", "negative", "guidance"),
    [
        (1, 2, AttentionGuidance(scale=1.0)),
        (1, 1, AttentionGuidance(scale=9.0)),
        (1, 2, AttentionGuidance(blend=0.0)),
    ],
)
def test_identities(positive, negative, guidance):
    plus, minus = attention_result(positive), attention_result(negative)
    made = guide_attention(plus, minus, guidance)
    torch.testing.assert_close(made, plus, atol=1e-12, rtol=0)


def test_equation_below_the_limit():
    plus, minus = attention_result(1), attention_result(2, 0.01)
    guidance = AttentionGuidance(scale=1.5, limit=10.0, blend=0.25)
    wanted = 0.25 * (1.5 * plus - 0.5 * minus) + 0.75 * plus
    torch.testing.assert_close(guide_attention(plus, minus, guidance), wanted)


def test_growth_is_limited():
    plus, minus = attention_result(1), attention_result(2)
    guidance = AttentionGuidance(scale=11.0, limit=2.5, blend=1.0)
    growth = norms(guide_attention(plus, minus, guidance)) / norms(plus)
    torch.testing.assert_close(growth, torch.full_like(growth, 2.5))


@pytest.mark.parametrize("options", [{"scale": 0.5}, {"limit": 0.0}, {"blend": 1.5}])
def test_out_of_range(options):
    with pytest.raises(ValueError, match="attention guidance"):
        AttentionGuidance(**options)


@pytest.fixture(scope="module")
def network():
    config = DiTConfig(
        dim=24, heads=2, ffn_dim=48, layers=2, text_dim=8, text_length=4, freq_dim=16
    )
    network = VideoDiT(config)
    generator = torch.Generator().manual_seed(0)
    initialise(network, generator)
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(0.2 * torch.randn(weight.shape, generator=generator))
    return network


@torch.no_grad()
def velocity(network, text, negative=None, **guidance):
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(1, 16, 2, 4, 4, generator=generator)
    hooks = BlockHooks()
    if negative is not None:
        options = AttentionGuidance(**guidance)
        hooks = BlockHooks(
            cross_attend=cross_attend_against([network.prepare(negative)], options, attend)
        )
    return network(x, torch.tensor([0.5]), [network.prepare(text)], hooks=hooks)


def text(seed):
    return torch.randn(1, 4, 8, generator=torch.Generator().manual_seed(seed))


def test_in_a_network(network):
    plain = velocity(network, text(1))
    same = velocity(network, text(1), negative=text(1), scale=5.0)
    torch.testing.assert_close(same, plain, atol=1e-5, rtol=1e-4)
    off = velocity(network, text(1), negative=text(2), scale=1.0)
    torch.testing.assert_close(off, plain, atol=1e-5, rtol=1e-4)
    guided = velocity(network, text(1), negative=text(2), scale=5.0)
    assert (guided - plain).abs().mean() > 1e-3


def test_packed_clips_with_prompts_of_their_own(network):
    q, spans = torch.randn(1, 2, 5, 12), (slice(0, 3), slice(3, 5))
    positives, negatives = (
        [network.prepare(text(seed)) for seed in seeds] for seeds in ((1, 2), (3, 4))
    )
    options = AttentionGuidance(scale=5.0)
    packed = cross_attend_against(negatives, options, attend)
    made = packed(0, q, [each[0].text for each in positives], spans)
    shared = cross_attend_against(negatives[:1], options, attend)
    for number, span in enumerate(spans):
        alone = cross_attend_against([negatives[number]], options, attend)
        wanted = alone(0, q[:, :, span], [positives[number][0].text], [slice(0, None)])
        torch.testing.assert_close(made[:, :, span], wanted)
    first = shared(0, q, [each[0].text for each in positives], spans)
    torch.testing.assert_close(first[:, :, spans[0]], made[:, :, spans[0]])
    assert not torch.allclose(first[:, :, spans[1]], made[:, :, spans[1]])
