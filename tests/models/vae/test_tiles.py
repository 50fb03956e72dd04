"""Decoding in tiles: exact where convolutions reach no further than what is thrown away."""

from dataclasses import replace
from itertools import product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spacetime_video.model_loaders.load import build_vae, read_vae
from spacetime_video.models.vae.network import TINY_VAE, WAN21_VAE, WAN22_VAE, VideoVAE
from spacetime_video.models.vae.tiles import CROP, OVERLAP, SMALLEST, TileGrid, place_in_pixels
from spacetime_video.toyworld import random_scene, render
from spacetime_video.weights import bundled

SMALL = {"z_channels": 3, "base_dim": 4, "decoder_base_dim": 6}
CONFIGS = {
    "wan21": replace(WAN21_VAE, **SMALL),
    "wan22": replace(WAN22_VAE, **SMALL, res_blocks=1),
    "tiny": replace(TINY_VAE, **SMALL),
}
SIDE = SMALLEST
"""Of the tiles, in latent positions."""


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    height=st.integers(1, 3 * SMALLEST),
    width=st.integers(1, 3 * SMALLEST),
    side=st.integers(SMALLEST, SMALLEST + 9),
)
def test_every_pixel_is_decoded_with_weights_that_sum_to_one(height, width, side):
    grid = TileGrid(height, width, space=2, side=side)
    shapes = [place_in_pixels(place, 2).of(torch.zeros(1, 1, 1, 2 * height, 2 * width)).shape
              for place in grid.places]  # fmt: skip
    assert {shape[-2:] for shape in shapes} == {(2 * min(height, side), 2 * min(width, side))}
    whole = grid.blend(torch.ones(shape) for shape in shapes)
    assert whole.shape[-2:] == (2 * height, 2 * width)
    torch.testing.assert_close(whole, torch.ones_like(whole), atol=1e-6, rtol=0)


def test_what_lies_within_the_crop_of_an_inner_edge_does_not_count():
    height, width = 2 * SIDE - OVERLAP, SIDE
    grid, marked = TileGrid(height, width, space=1, side=SIDE), []
    for number, place in enumerate(grid.places):
        tile = torch.zeros(1, 1, 1, SIDE, SIDE)
        if number == 0:
            tile[..., -CROP:, :] = 1
        else:
            tile[..., :CROP, :] = 1
        marked.append(tile)
        assert place.rows == slice(number * (SIDE - OVERLAP), number * (SIDE - OVERLAP) + SIDE)
    assert not grid.blend(marked).any()


class Case:
    """A VAE, a latent that two tiles cover with no more overlap than they must, both decodings."""

    def __init__(self, vae, latent, side=SIDE):
        self.vae, self.latent = vae, latent
        self.grid = TileGrid.over(latent, side * vae.space_factor, vae.space_factor)
        self.whole = vae.decode(latent)
        self.tiled, _ = vae.decode_chunk(latent, None, self.grid)

    def error(self):
        return float((self.tiled - self.whole).abs().max() / self.whole.std())


def random_case(config, dtype=torch.float32):
    torch.manual_seed(3)
    vae = VideoVAE(config, dtype=dtype).eval().requires_grad_(False)
    latent = torch.randn(1, 3, 2, 2 * SIDE - OVERLAP, 3, dtype=dtype)
    return Case(vae, latent)


@pytest.mark.parametrize("name", CONFIGS)
def test_tiles_of_random_networks_differ_by_little(name):
    case = random_case(CONFIGS[name])
    assert len(case.grid.places) == 2
    assert case.error() < 5e-2


def test_chunks_of_tiles_are_bit_for_bit_the_whole_clip_in_tiles():
    case = random_case(replace(CONFIGS["tiny"], res_blocks=1), torch.float64)
    cache, parts = None, []
    for part in case.latent.split(1, dim=2):
        video, cache = case.vae.decode_chunk(part, cache, case.grid)
        parts.append(video)
    assert torch.equal(torch.cat(parts, dim=2), case.tiled)


def test_one_tile_is_the_whole_picture():
    case = random_case(CONFIGS["tiny"])
    grid = TileGrid(*case.latent.shape[-2:], space=8, side=2 * SIDE)
    assert torch.equal(case.vae.decode_chunk(case.latent, None, grid)[0], case.whole)


@pytest.fixture(scope="module")
def shipped():
    """A clip of the toy world through the shipped VAE, in two rows of tiles."""
    weights = read_vae(next(iter(bundled("vae").values())))
    vae = build_vae(weights, dtype=torch.float32).eval().requires_grad_(False)
    height = (2 * SIDE - OVERLAP) * vae.space_factor
    clip = render([random_scene(3, duration=1.0)], frames=5, height=height, width=64, fps=16)
    latent = vae.encode(clip.video.movedim(-1, 1) * 2 - 1)
    return Case(vae, latent)


def test_tiles_of_the_shipped_vae_are_exact(shipped):
    assert (shipped.tiled - shipped.whole).abs().max() < 1e-5


def test_no_border_of_a_tile_shows_as_a_step(shipped):
    """Steps from row to row are as large at the borders of the tiles as they are without tiles."""
    space = shipped.vae.space_factor
    borders = sorted({edge * space for place in shipped.grid.places
                      for edge in (place.rows.start, place.rows.stop)} - {0, 8 * 48})  # fmt: skip

    def steps(video):
        rows = (video[..., 1:, :] - video[..., :-1, :]).abs().mean(dim=(0, 1, 2, 4))
        return [float(rows[border - 1]) for border in borders]

    assert len(borders) == 2
    assert steps(shipped.tiled) == pytest.approx(steps(shipped.whole), rel=1e-4)
    naive = (
        shipped.vae.decode(shipped.latent[..., : SIDE // 2, :]),
        shipped.vae.decode(shipped.latent[..., SIDE // 2 :, :]),
    )
    assert (torch.cat(naive, dim=3) - shipped.whole).abs().max() > 1e-2


def test_tiles_of_a_coarse_latent_are_as_large_as_they_must():
    latent = torch.zeros(1, 3, 1, 64, 64)
    assert TileGrid.over(latent, 512, 8).side == 64
    assert TileGrid.over(latent, 300, 16).side == SMALLEST


@pytest.mark.parametrize(("side", "space"), list(product((SMALLEST - 1, 1), (8, 16))))
def test_tiles_that_are_too_small_are_refused_with_the_smallest(side, space):
    with pytest.raises(ValueError, match=f"use {SMALLEST * space} or more, or 0 for none"):
        TileGrid(64, 64, space=space, side=side)
