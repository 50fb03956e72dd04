"""Chunks together equal the whole pass, whatever their sizes."""

import weakref
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spacetime_video.models.vae.network import TINY_VAE, WAN21_VAE, WAN22_VAE, VideoVAE

FRAMES = 6
"""latent frames of the clips"""

CONFIGS = {
    "wan21": replace(WAN21_VAE, z_channels=3, base_dim=4, decoder_base_dim=6),
    "wan22": replace(WAN22_VAE, z_channels=3, base_dim=4, decoder_base_dim=6, res_blocks=1),
    "tiny": replace(TINY_VAE, z_channels=3, base_dim=4, decoder_base_dim=6),
}


class Case:
    """A VAE with random parameters, a clip as small as it gets, and both whole passes."""

    def __init__(self, config, dtype, side=1):
        torch.manual_seed(3)
        self.vae = VideoVAE(config, dtype=dtype).eval().requires_grad_(False)
        for parameter in self.vae.parameters():
            torch.nn.init.normal_(parameter, std=parameter[0].numel() ** -0.5)
        height, width = side * config.compression.space, side * config.compression.space
        self.video = torch.randn(1, 3, 4 * FRAMES - 3, height, width, dtype=dtype)
        self.latent = torch.randn(1, config.z_channels, FRAMES, side, side, dtype=dtype)
        self.encoded = self.vae.encode(self.video)
        self.decoded = self.vae.decode(self.latent)


@pytest.fixture(scope="module", params=CONFIGS)
def exact(request):
    return Case(CONFIGS[request.param], torch.float64)


@pytest.fixture(scope="module", params=CONFIGS)
def single(request):
    return Case(CONFIGS[request.param], torch.float32, side=3)


def split(cuts):
    """Sizes of the chunks of FRAMES latent frames cut where `cuts` is true."""
    marks = [0, *(i + 1 for i, cut in enumerate(cuts) if cut), FRAMES]
    return [b - a for a, b in pairwise(marks)]


def encode_in_chunks(case, sizes):
    pixels = [4 * size for size in sizes]
    pixels[0] -= 3
    return torch.cat(list(case.vae.encode_stream(case.video.split(pixels, dim=2))), dim=2)


def decode_in_chunks(case, sizes):
    cache, parts = None, []
    for chunk in case.latent.split(sizes, dim=2):
        part, cache = case.vae.decode_chunk(chunk, cache)
        parts.append(part)
    return torch.cat(parts, dim=2)


CUTS = st.lists(st.booleans(), min_size=FRAMES - 1, max_size=FRAMES - 1)


@settings(max_examples=6, deadline=None, derandomize=True)
@given(cuts=CUTS)
def test_encoding_in_chunks_is_bit_for_bit_the_whole(exact, cuts):
    assert torch.equal(encode_in_chunks(exact, split(cuts)), exact.encoded)


@settings(max_examples=6, deadline=None, derandomize=True)
@given(cuts=CUTS)
def test_decoding_in_chunks_is_bit_for_bit_the_whole(exact, cuts):
    assert torch.equal(decode_in_chunks(exact, split(cuts)), exact.decoded)


@pytest.mark.parametrize("sizes", [[1] * FRAMES, [FRAMES], [2, 1, 3]])
def test_float32_chunks_are_close_to_the_whole(single, sizes):
    assert (encode_in_chunks(single, sizes) - single.encoded).abs().max() < 1e-4
    assert (decode_in_chunks(single, sizes) - single.decoded).abs().max() < 1e-4


@pytest.mark.parametrize("chunk", [1, 4, 9])
def test_decode_stream_takes_any_chunk(exact, chunk):
    parts = list(exact.vae.decode_stream(exact.latent, chunk=chunk))
    assert parts[0].shape[2] == 4 * min(chunk, FRAMES) - 3
    assert torch.equal(torch.cat(parts, dim=2), exact.decoded)


def test_a_decoded_chunk_is_given_up_before_the_next_one_is_made(single, monkeypatch):
    made, decode_chunk = [], single.vae.decode_chunk

    def watched(latent, cache):
        assert all(chunk() is None for chunk in made)
        video, cache = decode_chunk(latent, cache)
        made.append(weakref.ref(video))
        return video, cache

    monkeypatch.setattr(single.vae, "decode_chunk", watched)
    for chunk in single.vae.decode_stream(single.latent, chunk=1):
        assert chunk.isfinite().all()
        del chunk
    assert len(made) == FRAMES


def test_caches_do_not_grow_and_hold_nothing_else(exact):
    counts = set()
    cache = None
    for chunk in exact.latent.split([1, 2, 1, 2], dim=2):
        _, cache = exact.vae.decode_chunk(chunk, cache)
        counts.add(sum(tensor.numel() for tensor in cache))
        held = [tensor.untyped_storage().nbytes() for tensor in cache]
        assert held == [tensor.numel() * tensor.element_size() for tensor in cache]
    assert len(counts) == 1
    counts.clear()
    cache = None
    for chunk in exact.video.split([1, 8, 4, 8], dim=2):
        _, cache = exact.vae.encode_chunk(chunk, cache)
        counts.add(sum(tensor.numel() for tensor in cache))
    assert len(counts) == 1


def test_a_copied_cache_can_be_continued_twice(exact):
    _, cache = exact.vae.decode_chunk(exact.latent[:, :, :3], None)
    copy = cache.copy()
    first, _ = exact.vae.decode_chunk(exact.latent[:, :, 3:], cache)
    second, _ = exact.vae.decode_chunk(exact.latent[:, :, 3:], copy)
    assert torch.equal(first, second)


def test_a_cache_is_used_up_by_the_chunk_that_continues_from_it(single):
    _, cache = single.vae.decode_chunk(single.latent[:, :, :3], None)
    single.vae.decode_chunk(single.latent[:, :, 3:], cache)
    with pytest.raises(ValueError, match=r"used up: a chunk has continued .* copy\(\)"):
        single.vae.decode_chunk(single.latent[:, :, 3:], cache)
    _, cache = single.vae.encode_chunk(single.video[:, :, :5], None)
    single.vae.encode_chunk(single.video[:, :, 5:9], cache)
    with pytest.raises(ValueError, match="used up"):
        single.vae.encode_chunk(single.video[:, :, 5:9], cache)


@torch.no_grad()
def test_a_chunk_that_fails_on_the_way_corrupts_no_stream(single, monkeypatch):
    """Its own goes on no more, which is said; a copy and another stream go on as they would."""
    begun, rest = single.latent[:, :, :3], single.latent[:, :, 3:]
    _, cache = single.vae.decode_chunk(begun, None)
    copy = cache.copy()
    head = single.vae.decoder.head

    def fails(*_):
        raise RuntimeError("out of memory")

    with monkeypatch.context() as patched:
        patched.setattr(head, "forward", fails)
        with pytest.raises(RuntimeError, match="out of memory"):
            single.vae.decode_chunk(rest, cache)
    with pytest.raises(ValueError, match="used up"):
        single.vae.decode_chunk(rest, cache)
    video, _ = single.vae.decode_chunk(rest, copy)
    assert (video - single.decoded[:, :, 9:]).abs().max() < 1e-4


def test_what_does_not_fit_uses_no_cache_up(exact):
    _, cache = exact.vae.decode_chunk(exact.latent[:, :, :3], None)
    with pytest.raises(ValueError, match="does not fit"):
        exact.vae.decode_chunk(exact.latent[:, :1], cache)
    video, _ = exact.vae.decode_chunk(exact.latent[:, :, 3:], cache)
    assert torch.equal(video, exact.decoded[:, :, 9:])


def test_a_shorter_latent_decodes_to_the_beginning(exact):
    for frames in (1, 2, 4):
        part = exact.vae.decode(exact.latent[:, :, :frames])
        assert torch.equal(part, exact.decoded[:, :, : 4 * frames - 3])


def test_no_frame_depends_on_a_later_one(exact):
    latent = exact.latent.clone()
    latent[:, :, 3] += 1.0
    changed = (exact.vae.decode(latent) != exact.decoded).flatten(3).any(3).any(1)[0]
    assert not changed[:9].any()
    assert changed[9:13].all()
    video = exact.video.clone()
    video[:, :, 9] += 1.0
    changed = (exact.vae.encode(video) != exact.encoded).flatten(3).any(3).any(1)[0]
    assert not changed[:3].any()
    assert changed[3]
