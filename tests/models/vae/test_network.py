import json
from dataclasses import replace

import pytest
import torch

from spacetime_video.models.layers import LayerMaker, to_channels_last
from spacetime_video.models.shapes import Compression
from spacetime_video.models.vae.blocks import RMSNorm
from spacetime_video.models.vae.network import TINY_VAE, WAN21_VAE, WAN22_VAE, VAEConfig, VideoVAE
from spacetime_video.models.vae.resample import (
    average_down,
    duplicate_up,
    fold_pixels,
    unfold_pixels,
)

SMALL = replace(TINY_VAE, z_channels=3, base_dim=4, decoder_base_dim=4, dim_mult=(1, 2, 2))


@pytest.mark.parametrize(
    ("config", "time", "space"), [(TINY_VAE, 4, 8), (WAN21_VAE, 4, 8), (WAN22_VAE, 4, 16)]
)
def test_factors(config, time, space):
    assert config.compression == Compression(time, space)


@pytest.mark.parametrize("config", [TINY_VAE, WAN21_VAE, WAN22_VAE])
def test_configs_travel_as_json(config):
    assert VAEConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"temporal_down": (True,)}, "temporal_down has 1 entries for 3 levels"),
        ({"pixel_patch": 3}, "pixel_patch is 3"),
        ({"res_blocks": 0}, "res_blocks is 0"),
        ({"dim_mult": (1, 2, 4)}, "last two levels"),
    ],
)
def test_contradicting_configs_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        replace(TINY_VAE, **change)


@pytest.mark.parametrize("frames", [1, 5])
@torch.inference_mode()
def test_shapes(frames):
    vae = VideoVAE(SMALL)
    latent = vae.encode(torch.rand(2, 3, frames, 16, 24))
    assert latent.shape == (2, 3, 1 + frames // 4, 2, 3)
    assert vae.decode(latent).shape == (2, 3, frames, 16, 24)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((1, 3, 7, 16, 16), r"7 frames .* 1 \+ a multiple of 4 \(nearest: 5 or 9\)"),
        ((1, 3, 0, 16, 16), r"0 frames .*\(nearest: 1 or 5\)"),
        ((1, 3, 5, 20, 16), r"16x20 pixels .* multiples of 8 \(nearest: 16x\d+\)"),
        ((1, 4, 5, 16, 16), r"use \(B, 3, F, H, W\)"),
        ((3, 5, 16, 16), r"use \(B, 3, F, H, W\)"),
    ],
)
def test_videos_that_do_not_fit_are_refused(shape, message):
    with pytest.raises(ValueError, match=message):
        VideoVAE(SMALL, device="meta").encode(torch.zeros(shape, device="meta"))


def test_later_chunks_that_do_not_fit_are_refused():
    vae = VideoVAE(SMALL)
    _, cache = vae.encode_chunk(torch.zeros(1, 3, 5, 8, 8), None)
    with pytest.raises(ValueError, match=r"5 frames .* multiple of 4 after the first .*4 or 8"):
        vae.encode_chunk(torch.zeros(1, 3, 5, 8, 8), cache)


@pytest.mark.parametrize("shape", [(1, 4, 1, 2, 2), (3, 1, 2, 2), (1, 3, 0, 2, 2)])
def test_latents_that_do_not_fit_are_refused(shape):
    with pytest.raises(ValueError, match=r"use \(B, 3, f, h, w\)"):
        VideoVAE(SMALL, device="meta").decode(torch.zeros(shape, device="meta"))


def test_layers_and_attention_come_from_outside():
    made = []

    class Ops:
        Linear = torch.nn.Linear

        class Conv2d(torch.nn.Conv2d):
            def __init__(self, *args, **kwargs):
                made.append(self)
                super().__init__(*args, **kwargs)

        class Conv3d(torch.nn.Conv3d):
            def __init__(self, *args, **kwargs):
                made.append(self)
                super().__init__(*args, **kwargs)

    calls = []

    def attention(q, k, v):
        calls.append(q.shape)
        return torch.nn.functional.scaled_dot_product_attention(q, k, v)

    vae = VideoVAE(SMALL, ops=Ops, attention=attention)
    convolutions = [m for m in vae.modules() if isinstance(m, torch.nn.Conv2d | torch.nn.Conv3d)]
    assert len(convolutions) == len(made)
    vae.encode(torch.rand(1, 3, 5, 16, 24))
    assert calls == [(2, 1, 6, 8)]


@torch.inference_mode()
def test_bfloat16_is_close_to_float32():
    torch.manual_seed(0)
    vae = VideoVAE(SMALL)
    video = torch.rand(1, 3, 5, 32, 32)
    exact = vae.decode(vae.encode(video))
    rough = vae.bfloat16().decode(vae.encode(video.bfloat16())).float()
    assert (rough - exact).norm() < 0.03 * exact.norm()


def test_norm_is_computed_in_float32():
    make = LayerMaker(torch.nn, torch.nn.functional.scaled_dot_product_attention, None, None)
    norm = RMSNorm(4, 3, make).half()
    x = torch.full((1, 4, 1, 1, 1), 400.0, dtype=torch.float16)  # its square is beyond float16
    assert torch.allclose(norm(x), torch.ones_like(x), atol=1e-3)


@torch.inference_mode()
def test_channels_last_gives_the_same_numbers():
    torch.manual_seed(0)
    vae = VideoVAE(SMALL)
    latent = torch.randn(2, 3, 3, 4, 4)
    video = vae.decode(latent)
    mean = vae.encode(video)
    to_channels_last(vae)
    layout = {"memory_format": torch.channels_last_3d}
    assert vae.conv1.weight.is_contiguous(**layout)
    assert torch.allclose(vae.decode(latent), video, atol=1e-5)
    assert torch.allclose(vae.decode(latent.contiguous(**layout)), video, atol=1e-5)
    assert torch.allclose(vae.encode(video.contiguous(**layout)), mean, atol=1e-5)


@torch.inference_mode()
def test_a_small_single_clip_equals_itself_in_a_batch():
    vae = VideoVAE(SMALL)
    latent = torch.randn(2, 3, 3, 4, 4)
    together = vae.decode(latent)
    assert torch.allclose(vae.decode(latent[:1]), together[:1], atol=1e-5)


def test_pixels_fold_with_columns_before_rows():
    video = torch.arange(4.0).reshape(1, 1, 1, 2, 2)  # 0 1 / 2 3
    folded = fold_pixels(video, 2)
    assert folded.flatten().tolist() == [0, 2, 1, 3]
    assert torch.equal(unfold_pixels(folded, 2), video)


def test_shortcuts_undo_each_other_on_repeated_values():
    x = torch.randn(1, 6, 5, 3, 3)
    up = duplicate_up(x, 3, time=2, space=2, first=True)
    assert up.shape == (1, 3, 9, 6, 6)
    down = average_down(up[:, :, 1:], 6, time=2, space=2)
    assert torch.allclose(down, x[:, :, 1:])


def test_a_first_frame_averages_with_zeros():
    x = torch.ones(1, 2, 3, 2, 2)
    assert average_down(x, 1, time=2, space=2).flatten().tolist() == [0.5, 1.0]
