import re

import pytest
import torch

from spacetime_video.model_loaders.families import wan_vae
from spacetime_video.model_loaders.keys import UnsupportedCheckpointError
from spacetime_video.models.vae.network import TINY_VAE, WAN21_VAE, WAN22_VAE, VideoVAE


def meta_state(config):
    with torch.device("meta"):
        return VideoVAE(config).state_dict()


def flatten(state):
    """Give a nested Wan 2.1 state dict the names of the published file."""

    def flat(match):
        side, name, level, block = match[1], match[2], int(match[3]), int(match[4])
        return f"{side}.{name}.{level * (3 if side == 'encoder' else 4) + block}."

    nested = r"(encoder|decoder)\.(downsamples|upsamples)\.(\d+)\.\2\.(\d+)\."
    return {re.sub(nested, flat, key): tensor for key, tensor in state.items()}


@pytest.mark.parametrize(
    ("config", "tensors", "millions"), [(WAN21_VAE, 194, 127), (WAN22_VAE, 196, 705)]
)
def test_published_sizes(config, tensors, millions):
    state = meta_state(config)
    assert len(state) == tensors
    assert round(sum(tensor.numel() for tensor in state.values()) / 1e6) == millions


def test_published_names():
    state = meta_state(WAN22_VAE)
    assert state["encoder.downsamples.0.downsamples.0.residual.0.gamma"].shape == (160, 1, 1, 1)
    assert state["encoder.middle.1.norm.gamma"].shape == (640, 1, 1)
    assert "encoder.downsamples.1.downsamples.2.time_conv.weight" in state
    assert "decoder.upsamples.2.upsamples.0.shortcut.weight" in state
    flat = flatten(meta_state(WAN21_VAE))
    assert "decoder.upsamples.4.shortcut.weight" in flat
    assert {f"encoder.downsamples.{i}.time_conv.weight" in flat for i in (5, 8)} == {True}
    assert {f"decoder.upsamples.{i}.time_conv.weight" in flat for i in (3, 7)} == {True}
    assert {f"decoder.upsamples.{i}.resample.1.weight" in flat for i in (3, 7, 11)} == {True}


@pytest.mark.parametrize("config", [TINY_VAE, WAN21_VAE, WAN22_VAE])
def test_the_config_comes_back_from_the_shapes(config):
    state = meta_state(config)
    assert wan_vae.detect(state)
    assert wan_vae.derive_config(wan_vae.to_pack_keys(state)) == config


@pytest.mark.parametrize("prefix", ["", "model.", "first_stage_model.", "vae."])
def test_flat_files_become_nested(prefix):
    nested = meta_state(WAN21_VAE)
    file = {prefix + key: tensor for key, tensor in flatten(nested).items()}
    assert wan_vae.detect(file)
    converted = wan_vae.to_pack_keys(file)
    assert converted.keys() == nested.keys()
    assert all(converted[key].shape == tensor.shape for key, tensor in nested.items())
    assert wan_vae.derive_config(converted) == WAN21_VAE


def test_other_files_are_not_taken():
    assert not wan_vae.detect({"decoder.up_blocks.0.res_blocks.0.conv1.conv.weight", "model.x"})
    assert not wan_vae.detect({"blocks.0.self_attn.q.weight"})


def test_unknown_tensors_are_named():
    file = flatten(meta_state(WAN21_VAE)) | {"decoder.extra.weight": torch.zeros(1)}
    with pytest.raises(UnsupportedCheckpointError, match=r"decoder\.extra\.weight"):
        wan_vae.to_pack_keys(file)


def test_missing_tensors_are_named():
    state = meta_state(TINY_VAE)
    del state["conv2.weight"]
    with pytest.raises(UnsupportedCheckpointError, match=r"lacks conv2\.weight"):
        wan_vae.derive_config(state)
