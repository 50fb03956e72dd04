"""The published Wan transformers: their sizes are read off their tensors."""

from functools import partial

import pytest
import torch

from spacetime_video.model_loaders.families import wan_dit
from spacetime_video.models.dit.config import DiTConfig
from spacetime_video.models.dit.network import VideoDiT

WAN_14B = partial(DiTConfig, dim=5120, heads=40, ffn_dim=13824, layers=40)
PUBLISHED = {
    "2.1 T2V 1.3B": (DiTConfig(dim=1536, heads=12, ffn_dim=8960, layers=30), 1.4190e9, 825),
    "2.1 T2V 14B": (WAN_14B(), 14.2885e9, 1095),
    "2.1 I2V 14B": (WAN_14B(in_channels=36, image_dim=1280), 16.3949e9, 1303),
    "2.1 FLF2V 14B": (
        WAN_14B(in_channels=36, image_dim=1280, image_positions=514),
        16.3955e9,
        1304,
    ),
    "2.2 I2V A14B": (WAN_14B(in_channels=36), 14.2889e9, 1095),
    "2.2 TI2V 5B": (
        DiTConfig(dim=3072, heads=24, ffn_dim=14336, layers=30, in_channels=48, out_channels=48),
        4.9998e9,
        825,
    ),
}


@pytest.mark.parametrize(("config", "parameters", "tensors"), PUBLISHED.values(), ids=PUBLISHED)
def test_published_sizes(config, parameters, tensors):
    with torch.device("meta"):
        state = VideoDiT(config).state_dict()
    assert len(state) == tensors
    assert sum(weight.numel() for weight in state.values()) == pytest.approx(parameters, rel=1e-4)
    assert wan_dit.derive_config(state) == config


def test_layers_of_an_image_have_their_name_in_loras_of_diffusers():
    theirs = ("attn2.add_k_proj", "attn2.add_v_proj", "attn2.to_k")
    ours = [wan_dit.layer_name(f"blocks.7.{name}") for name in theirs]
    assert ours == [f"blocks.7.cross_attn.{name}" for name in ("k_img", "v_img", "k")]
    first = wan_dit.layer_name("condition_embedder.image_embedder.ff.net.0.proj")
    assert first == "img_emb.proj.1"
