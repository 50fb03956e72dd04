"""The VAE equals diffusers' AutoencoderKLWan with every parameter random, through the key table."""

import pytest
import torch
from diffusers.models.autoencoders import autoencoder_kl_wan
from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan

from spacetime_video.model_loaders.families import wan_vae
from spacetime_video.models.vae.network import WAN21_VAE, WAN22_VAE, VAEConfig, VideoVAE

WAN21 = {
    "base_dim": 4,
    "z_dim": 3,
    "dim_mult": [1, 2, 4, 4],
    "num_res_blocks": 2,
    "temperal_downsample": [False, True, True],
}
WAN22 = {
    "base_dim": 4,
    "decoder_base_dim": 6,
    "z_dim": 5,
    "dim_mult": [1, 2, 4, 4],
    "num_res_blocks": 2,
    "temperal_downsample": [False, True, True],
    "is_residual": True,
    "in_channels": 12,
    "out_channels": 12,
    "patch_size": 2,
    "scale_factor_spatial": 16,
}
SHORT22 = WAN22 | {"num_res_blocks": 1, "dim_mult": [1, 2, 2], "temperal_downsample": [True, True]}

OURS21 = VAEConfig(
    z_channels=3,
    base_dim=4,
    decoder_base_dim=4,
    dim_mult=(1, 2, 4, 4),
    res_blocks=2,
    temporal_down=(False, True, True),
    residual_shortcuts=False,
)
OURS22 = VAEConfig(
    z_channels=5,
    base_dim=4,
    decoder_base_dim=6,
    dim_mult=(1, 2, 4, 4),
    res_blocks=2,
    temporal_down=(False, True, True),
    residual_shortcuts=True,
    pixel_patch=2,
)


def random_reference(config):
    """Fan-in scaled weights, so that outputs stay near 1; everything differs from its default."""
    torch.manual_seed(7)
    reference = AutoencoderKLWan(**config).double().eval()
    for name, parameter in reference.named_parameters():
        torch.nn.init.normal_(parameter, std=parameter[0].numel() ** -0.5)
        if name.endswith("gamma"):
            torch.nn.init.uniform_(parameter, 0.5, 1.5)
    return reference


def converted(reference):
    state = wan_vae.to_pack_keys(reference.state_dict())
    vae = VideoVAE(wan_vae.derive_config(state), dtype=torch.float64)
    vae.load_state_dict(state, strict=True)
    return vae.eval()


@pytest.mark.parametrize(("theirs", "ours"), [(WAN21, OURS21), (WAN22, OURS22)])
def test_the_config_is_read_off_the_shapes(theirs, ours):
    assert converted(random_reference(theirs)).config == ours


@pytest.mark.parametrize(
    ("sizes", "ours"),
    [
        (WAN21 | {"base_dim": 96, "z_dim": 16}, WAN21_VAE),
        (WAN22 | {"base_dim": 160, "decoder_base_dim": 256, "z_dim": 48}, WAN22_VAE),
    ],
)
def test_published_files_have_our_names_and_shapes(sizes, ours):
    with torch.device("meta"):
        theirs = wan_vae.to_pack_keys(AutoencoderKLWan(**sizes).state_dict())
        state = VideoVAE(ours).state_dict()
    assert {k: v.shape for k, v in theirs.items()} == {k: v.shape for k, v in state.items()}
    assert wan_vae.derive_config(theirs) == ours


@pytest.mark.parametrize(
    ("config", "frames", "side", "dtype"),
    [
        (WAN21, 9, 16, torch.float32),
        (WAN21, 9, 16, torch.float64),
        (WAN21, 1, 16, torch.float32),
        (WAN22, 9, 32, torch.float32),
        (WAN22, 9, 32, torch.float64),
        (WAN22, 1, 32, torch.float32),
        (SHORT22, 9, 24, torch.float32),
    ],
)
@torch.inference_mode()
def test_encode_and_decode_equal_the_reference(config, frames, side, dtype, monkeypatch):
    # The reference rounds to float32 where it repeats pixels.
    monkeypatch.setattr(autoencoder_kl_wan.WanUpsample, "forward", torch.nn.Upsample.forward)
    reference = random_reference(config)
    ours, reference = converted(reference).to(dtype), reference.to(dtype)
    tolerance = 1e-5 if dtype == torch.float32 else 1e-10
    video = torch.rand(2, 3, frames, side, side + 16, dtype=dtype) * 2 - 1
    distribution = reference.encode(video).latent_dist
    mean, logvar = ours.encode_moments(video)
    assert (mean - distribution.mode()).abs().max() < tolerance
    assert (logvar - distribution.logvar).abs().max() < tolerance
    latent = torch.randn(mean.shape, dtype=dtype)
    expected = reference.decode(latent).sample
    decoded = ours.decode(latent)
    assert expected.abs().lt(1).any()
    assert (decoded.clamp(-1, 1) - expected).abs().max() < tolerance
