"""How far a causal VAE looks back: a loop that is led in so far equals its later turns."""

from dataclasses import replace

import pytest
import torch

from spacetime_video.models.vae.circle import decoder_lead, encoder_lead, led_in
from spacetime_video.models.vae.network import TINY_VAE, WAN21_VAE, WAN22_VAE, VAEConfig, VideoVAE

SMALL = {"base_dim": 4, "decoder_base_dim": 4, "z_channels": 4}
SHALLOW = VAEConfig(
    **SMALL, dim_mult=(1, 1), res_blocks=1, temporal_down=(True,), residual_shortcuts=True
)
CONFIGS = {
    "shallow": SHALLOW,
    "tiny": replace(TINY_VAE, **SMALL),
    "wan21": replace(WAN21_VAE, **SMALL),
}
every_config = pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
FRAMES = 3


def random(*shape, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def vae_of(config):
    """A network that forgets slowly: nothing but its structure limits how far it looks back."""
    vae = VideoVAE(config, dtype=torch.float64)
    with torch.no_grad():
        for number, (name, weight) in enumerate(vae.named_parameters()):
            weight.copy_(random(*weight.shape, seed=number) * (0.1 if "shortcut" in name else 1))
    return vae


def decoded(vae, latent, lead):
    return vae.decode(led_in(latent, lead))[:, :, -vae.time_factor * latent.shape[2] :]


def encoded(vae, video, lead):
    frames = video.shape[2]
    before = torch.arange(-1 - lead * vae.time_factor, frames) % frames
    return vae.encode(video[:, :, before])[:, :, -frames // vae.time_factor :]


@every_config
@torch.inference_mode()
def test_a_loop_behind_its_lead_equals_its_later_turns(config):
    vae = vae_of(config)
    time, space = vae.time_factor, vae.space_factor
    for code, whole, lead in (
        (decoded, random(1, 4, FRAMES, 1, 1), decoder_lead(config)),
        (encoded, random(1, 3, time * FRAMES, space, space), encoder_lead(config)),
    ):
        later = code(vae, whole, lead + FRAMES)
        assert torch.equal(code(vae, whole, lead), later)
        assert not torch.equal(code(vae, whole, lead // 2), later)


@torch.inference_mode()
def test_the_lead_is_as_short_as_it_can_be():
    """What is changed one latent frame further back than the lead's first is seen by nobody."""
    vae = vae_of(SHALLOW)
    for code, channels, side, steps, lead in (
        (vae.decode, 4, 1, 1, decoder_lead(SHALLOW) - 1),
        (vae.encode, 3, vae.space_factor, vae.time_factor, encoder_lead(SHALLOW) - 1),
    ):
        whole = random(1, channels, 1 + steps * (lead + 6), side, side)
        changed = whole.clone()
        changed[:, :, 1 + steps * 2 : 1 + steps * 3] += 1e3 * random(1, channels, steps, side, side)
        apart = (code(whole) - code(changed)).abs().amax((0, 1, 3, 4))
        last = int(apart.nonzero().max())
        per_latent = vae.time_factor if code == vae.decode else 1
        seen = 3 + lead  # the changed one is number 3 of the latent frames that count from 0
        assert (last + per_latent - 1) // per_latent in (seen - 1, seen)


def test_leads_of_the_published_sizes():
    assert [decoder_lead(each) for each in (TINY_VAE, WAN21_VAE, WAN22_VAE)] == [29, 39, 39]
    assert [encoder_lead(each) for each in (TINY_VAE, WAN21_VAE, WAN22_VAE)] == [20, 29, 29]
