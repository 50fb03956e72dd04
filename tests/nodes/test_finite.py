"""Numbers that are none are told at the first step, with the file that brought them."""

from copy import deepcopy
from dataclasses import replace

import pytest
import torch

from spacetime_video.nodes.latent.latents import SpacetimeEmptyVideo
from spacetime_video.nodes.prompt.prompt import SpacetimeEncodePrompt
from spacetime_video.nodes.video.video import SpacetimeDecodeVideo, SpacetimeEncodeVideo

BAD = [float("nan"), float("inf")]


@pytest.fixture
def latent():
    return SpacetimeEmptyVideo.execute(32, 32, 5, 8.0)[0]


@torch.no_grad()
def damaged(network, value):
    """A copy of a network with one number in its last weight changed."""
    copied = deepcopy(network)
    weight = list(copied.parameters())[-1]
    weight.view(-1)[0] = value
    return copied


@pytest.mark.parametrize("value", BAD)
def test_weights_of_the_network(bench, latent, network_calls, value):
    model = replace(bench.models.model, dit=damaged(bench.models.model.dit, value))
    with pytest.raises(
        ValueError, match=r"step 1 contains .* in random_dit\.safetensors is damaged"
    ):
        bench.sample(latent, model=model, steps=3, guidance=1.0)
    assert len(network_calls) == 1


@pytest.mark.parametrize("value", BAD)
def test_latents_that_are_given(bench, latent, network_calls, value):
    latent["samples"][0, 0, 0, 0, 0] = value
    with pytest.raises(ValueError, match="the latent contains NaN or infinity"):
        bench.sample(latent)
    assert not network_calls


@pytest.mark.parametrize("value", BAD)
def test_text_encoder_and_vae(loaded, latent, value):
    clip = replace(loaded.clip, encoder=damaged(loaded.clip.encoder, value))
    with pytest.raises(ValueError, match=r"the encoded prompt contains .* encoder's file again"):
        SpacetimeEncodePrompt.execute(clip, "a red sphere")
    network = deepcopy(loaded.vae.network)
    with torch.no_grad():
        for weight in network.parameters():
            weight.fill_(value)
    vae = replace(loaded.vae, network=network)
    with pytest.raises(ValueError, match=r"the decoded video contains .* the VAE's file again"):
        SpacetimeDecodeVideo.execute(latent, vae)[0].whole()
    with pytest.raises(ValueError, match=r"the encoded video contains .* the VAE's file again"):
        SpacetimeEncodeVideo.execute(torch.zeros(5, 32, 32, 3), vae, 8.0)
