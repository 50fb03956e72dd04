from dataclasses import replace
from itertools import pairwise

import pytest
import torch

from spacetime_video.models.vae.linear_code import fit_linear_code
from spacetime_video.models.vae.network import TINY_VAE, VideoVAE
from spacetime_video.models.vae.tiles import (
    Tiling,
    decode_chunk_tiled,
    decode_tiled,
    encode_chunk_tiled,
    encode_tiled,
    plan_spans,
    span_weights,
)

SMALL = replace(TINY_VAE, base_dim=4, decoder_base_dim=4)
TILING = Tiling(size=8, overlap=4)


def make_vae():
    torch.manual_seed(0)
    return VideoVAE(SMALL).eval().requires_grad_(False)


@pytest.mark.parametrize("length", [1, 5, 8, 9, 12, 13, 17, 31])
@pytest.mark.parametrize(("size", "overlap"), [(8, 1), (8, 4), (8, 7), (5, 3)])
@pytest.mark.parametrize("scale", [1, 3])
def test_weights_sum_to_one(length, size, overlap, scale):
    spans = plan_spans(length, Tiling(size=size, overlap=overlap))
    total = torch.zeros(length * scale)
    for span, weight in zip(spans, span_weights(spans, overlap, scale), strict=True):
        assert span.stop - span.start == min(size, length)
        assert (weight >= 0).all()
        total[span.scaled(scale)] += weight
    assert torch.allclose(total, torch.ones_like(total))
    assert all(a.stop - b.start >= overlap for a, b in pairwise(spans))


def test_cut_edges_weigh_nothing():
    first, second = span_weights(plan_spans(12, TILING), TILING.overlap, 8)
    assert (first[-8:] == 0).all()
    assert (second[:8] == 0).all()
    assert (first[:32] == 1).all()


def test_one_tile_is_the_untiled_result():
    vae, latent = make_vae(), torch.randn(1, 16, 2, 6, 8)
    assert torch.equal(decode_tiled(vae, latent, TILING), vae.decode(latent))


def test_a_local_code_is_the_same_in_tiles():
    vae = make_vae()
    video = torch.rand(1, 3, 5, 80, 120) * 2 - 1
    vae.init_linear_code(fit_linear_code([video], channels=16, time=4, space=8))
    latent = vae.encode(video)
    assert torch.allclose(encode_tiled(vae, video, TILING), latent, atol=1e-5)
    assert torch.allclose(decode_tiled(vae, latent, TILING), vae.decode(latent), atol=1e-5)


@torch.inference_mode()
def test_a_network_gives_nearly_the_same_in_tiles_and_more_so_with_overlap():
    vae, latent = make_vae(), torch.randn(1, 16, 1, 16, 20)
    video = vae.decode(latent)
    mean = vae.encode(video)
    errors = [
        (
            ((decode_tiled(vae, latent, tiling) - video).norm() / video.norm()).item(),
            ((encode_tiled(vae, video, tiling) - mean).norm() / mean.norm()).item(),
        )
        for tiling in (Tiling(size=12, overlap=overlap) for overlap in (1, 4, 8))
    ]
    decoding, encoding = zip(*errors, strict=True)
    assert sorted(decoding, reverse=True) == list(decoding)
    assert sorted(encoding, reverse=True) == list(encoding)
    assert decoding[-1] < 0.05
    assert encoding[-1] < 0.05


def test_streamed_tiles_equal_whole_tiles():
    vae, latent = make_vae().double(), torch.randn(1, 16, 3, 8, 12, dtype=torch.float64)
    whole = decode_tiled(vae, latent, TILING)
    first, caches = decode_chunk_tiled(vae, latent[:, :, :1], None, TILING)
    rest, _ = decode_chunk_tiled(vae, latent[:, :, 1:], caches, TILING)
    assert torch.equal(torch.cat([first, rest], dim=2), whole)
    code = encode_tiled(vae, whole, TILING)
    first, caches = encode_chunk_tiled(vae, whole[:, :, :5], None, TILING)
    rest, _ = encode_chunk_tiled(vae, whole[:, :, 5:], caches, TILING)
    assert torch.equal(torch.cat([first, rest], dim=2), code)


def test_errors_say_what_to_do():
    with pytest.raises(ValueError, match="use an overlap from 1 to 7"):
        Tiling(size=8, overlap=8)
    vae = make_vae()
    _, caches = decode_chunk_tiled(vae, torch.randn(1, 16, 1, 8, 12), None, TILING)
    with pytest.raises(ValueError, match="began with 2 tiles and now has 1"):
        decode_chunk_tiled(vae, torch.randn(1, 16, 1, 8, 8), caches, TILING)
    with pytest.raises(ValueError, match="pixels do not fit"):
        encode_tiled(vae, torch.zeros(1, 3, 1, 100, 96), TILING)
