"""The transformer equals diffusers' Wan transformer with every parameter randomised."""

from dataclasses import replace

import pytest
import torch
from diffusers import WanTransformer3DModel

from spacetime_video.model_loaders.families import wan_dit
from spacetime_video.models.dit.network import VideoDiT

TEXT_LENGTH = 7
TEXT_LENGTH_BESIDE_AN_IMAGE = 512  # diffusers tells text from image by it


def reference(
    in_channels: int = 16, out_channels: int = 16, **options: int | None
) -> WanTransformer3DModel:
    torch.manual_seed(0)
    model = WanTransformer3DModel(
        num_attention_heads=2,
        attention_head_dim=12,
        in_channels=in_channels,
        out_channels=out_channels,
        text_dim=32,
        freq_dim=16,
        ffn_dim=40,
        num_layers=3,
        **options,
    )
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.15)
    return model.eval()


def ours(model: WanTransformer3DModel, text_length: int = TEXT_LENGTH) -> VideoDiT:
    state = wan_dit.to_pack_keys(model.state_dict())
    network = VideoDiT(replace(wan_dit.derive_config(state), heads=2, text_length=text_length))
    network.load_state_dict(state, strict=True)
    return network.eval()


@pytest.mark.parametrize(("in_channels", "out_channels"), [(16, 16), (36, 16), (48, 48)])
@torch.no_grad()
def test_velocity_equals_diffusers(in_channels: int, out_channels: int) -> None:
    theirs = reference(in_channels, out_channels)
    network = ours(theirs)
    latent = torch.randn(2, in_channels, 3, 8, 6)
    text = torch.randn(2, TEXT_LENGTH, 32)
    sigma = torch.tensor([0.3, 0.917])
    expected = theirs(latent, sigma * 1000, text, return_dict=False)[0]
    got = network(latent, sigma, [network.prepare(text)])
    torch.testing.assert_close(got, expected, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_level_per_token_equals_diffusers() -> None:
    theirs = reference(48, 48)
    network = ours(theirs)
    latent, text = torch.randn(1, 48, 3, 4, 6), torch.randn(1, TEXT_LENGTH, 32)
    sigma = torch.rand(1, 3, 1, 1).expand(1, 3, 4, 6)
    per_token = sigma[:, :, ::2, ::2].reshape(1, -1)
    expected = theirs(latent, per_token * 1000, text, return_dict=False)[0]
    got = network(latent, sigma, [network.prepare(text)])
    torch.testing.assert_close(got, expected, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_short_text_is_filled_with_zero_rows() -> None:
    theirs = reference()
    network = ours(theirs)
    latent, text = torch.randn(1, 16, 1, 4, 4), torch.randn(1, 3, 32)
    filled = torch.cat([text, torch.zeros(1, TEXT_LENGTH - 3, 32)], dim=1)
    expected = theirs(latent, torch.tensor([500.0]), filled, return_dict=False)[0]
    got = network(latent, torch.tensor([0.5]), [network.prepare(text)])
    torch.testing.assert_close(got, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("tokens", "places"), [(5, None), (514, 514)])
@torch.no_grad()
def test_an_image_beside_the_text_equals_diffusers(tokens: int, places: int | None) -> None:
    """Image to video, and first and last frame to video, whose two images have places."""
    theirs = reference(36, image_dim=20, added_kv_proj_dim=24, pos_embed_seq_len=places)
    network = ours(theirs, TEXT_LENGTH_BESIDE_AN_IMAGE)
    latent, image = torch.randn(2, 16, 3, 8, 6), torch.randn(2, tokens, 20)
    channels, text = torch.randn(2, 20, 3, 8, 6), torch.randn(2, TEXT_LENGTH_BESIDE_AN_IMAGE, 32)
    sigma = torch.tensor([0.3, 0.917])
    pairs = image.reshape(4, 257, 20) if places else image  # diffusers takes two images as rows
    seen = torch.cat([latent, channels], dim=1)
    expected = theirs(seen, sigma * 1000, text, pairs, return_dict=False)[0]
    got = network(latent, sigma, [network.prepare(text, image)], channels=channels)
    torch.testing.assert_close(got, expected, atol=1e-5, rtol=1e-5)
