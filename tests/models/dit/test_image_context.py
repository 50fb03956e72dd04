"""An image context beside the text: of one clip, of packed ones, under hooks; what is refused."""

import pytest
import torch

from spacetime_video.models.dit.config import DiTConfig
from spacetime_video.models.dit.network import VideoDiT, initialise
from spacetime_video.models.hooks import BlockHooks
from spacetime_video.models.patchify import patchify, unpatchify

CONFIG = DiTConfig(
    dim=24, heads=2, ffn_dim=32, layers=2, in_channels=7, out_channels=4, text_dim=16,
    text_length=5, freq_dim=16, image_dim=10, image_positions=6,
)  # fmt: skip
SIGMA = torch.tensor([0.2, 0.9])


@pytest.fixture
def network() -> VideoDiT:
    generator = torch.Generator().manual_seed(1)
    model = VideoDiT(CONFIG).double().eval().requires_grad_(False)
    for parameter in model.parameters():
        parameter.normal_(std=0.3, generator=generator)
    return model


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def test_packed_clips_follow_an_image_each(network: VideoDiT) -> None:
    clips = [noise(2, 4, 3, 4, 6), noise(2, 4, 1, 8, 2, seed=1)]
    starts = [noise(2, 3, *clip.shape[2:], seed=5) for clip in clips]
    images = [noise(2, tokens, 10, seed=tokens) for tokens in (6, 3)]
    contexts = [network.prepare(noise(2, 5, 16), image) for image in images]
    tokens = patchify(clips)
    packed = network(
        tokens.values, SIGMA, contexts, layout=tokens.layout, channels=patchify(starts).values
    )
    alone = [
        network(clip, SIGMA, [context], channels=start)
        for clip, context, start in zip(clips, contexts, starts, strict=True)
    ]
    for got, wanted in zip(unpatchify(tokens.with_values(packed)), alone, strict=True):
        torch.testing.assert_close(got, wanted, atol=1e-6, rtol=1e-5)
    other = network(clips[0], SIGMA, [network.prepare(noise(2, 5, 16), -images[0])],
                    channels=starts[0])  # fmt: skip
    assert (other - alone[0]).abs().mean() > 1e-2


def test_hooks_of_the_text_leave_the_image(network: VideoDiT) -> None:
    x, context = noise(1, 7, 1, 4, 4), network.prepare(noise(1, 5, 16), noise(1, 6, 10))

    def run(scale: float) -> torch.Tensor:
        attend = network.blocks[0].cross_attn.attention
        hook = BlockHooks(cross_attend=lambda n, q, texts, spans: scale * attend(q, *texts[0]))
        return network(x, SIGMA[:1], [context], hooks=hook)

    assert torch.equal(run(1.0), network(x, SIGMA[:1], [context]))
    blind = [each._replace(image=None) for each in context]
    assert not torch.allclose(run(0.0), network(x, SIGMA[:1], [tuple(blind)]))
    silent = [each._replace(text=(each.text[0], 0 * each.text[1])) for each in context]
    torch.testing.assert_close(run(0.0), network(x, SIGMA[:1], [tuple(silent)]))


@pytest.mark.parametrize(
    ("image", "problem"),
    [
        (None, r"no image context: this network takes one of shape \(batch, tokens, 10\)"),
        (torch.zeros(1, 6, 9), r"image context \(1, 6, 9\): .* one of shape \(batch, tokens, 10\)"),
        (torch.zeros(1, 7, 10), "7 tokens: this network takes at most 6"),
    ],
)
def test_what_is_no_image_context_is_refused(network: VideoDiT, image, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        network.prepare(noise(1, 5, 16), image)


def test_an_image_context_for_a_network_of_text_is_refused() -> None:
    network = VideoDiT(DiTConfig(dim=24, heads=2, ffn_dim=32, layers=1, text_dim=16))
    with pytest.raises(ValueError, match=r"image context \(1, 6, 10\): this network takes none"):
        network.prepare(torch.zeros(1, 5, 16), torch.zeros(1, 6, 10))


def test_fresh_weights_embed_an_image_and_know_no_places() -> None:
    network = VideoDiT(CONFIG)
    initialise(network, torch.Generator().manual_seed(0))
    seen = network.img_emb(torch.randn(1, 6, 10, generator=torch.Generator().manual_seed(1)))
    torch.testing.assert_close(seen.std(-1, correction=0), torch.ones(1, 6), atol=0.01, rtol=0)
    assert not network.img_emb.emb_pos.any()
