"""Files in every layout load to equal weights; broken and foreign files say what is wrong."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from spacetime_video.model_loaders.files import METADATA_KEY, read_file, write_file
from spacetime_video.model_loaders.keys import UnsupportedCheckpointError
from spacetime_video.model_loaders.load import (
    build_dit,
    build_vae,
    read_dit,
    read_text_encoder,
    read_vae,
)
from spacetime_video.models.dit.config import DiTConfig
from spacetime_video.models.dit.network import VideoDiT
from spacetime_video.models.latent_format import WAN21_LATENT, WAN22_LATENT

CONFIG = DiTConfig(dim=128, heads=1, ffn_dim=16, layers=2, text_dim=8, freq_dim=16)


def random_state(config: DiTConfig = CONFIG) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    state = VideoDiT(config).state_dict()
    return {key: torch.randn(w.shape, generator=generator) for key, w in state.items()}


@pytest.mark.parametrize("prefix", ["", "model.diffusion_model.", "diffusion_model.", "model."])
def test_original_and_comfyui_layouts(tmp_path: Path, prefix: str) -> None:
    state = random_state()
    path = tmp_path / "wan.safetensors"
    save_file({prefix + key: weight for key, weight in state.items()}, path)
    weights = read_dit(path)
    assert weights.config == CONFIG
    assert weights.latent == WAN21_LATENT
    network = build_dit(weights)
    assert all(torch.equal(w, state[key]) for key, w in network.state_dict().items())
    assert not network.training


def test_config_and_latents_of_the_5b_are_read_off_the_shapes(tmp_path: Path) -> None:
    config = DiTConfig(
        dim=128, heads=1, ffn_dim=16, layers=1, in_channels=48, out_channels=48, text_dim=8,
        freq_dim=16,
    )  # fmt: skip
    save_file(random_state(config), tmp_path / "wan.safetensors")
    weights = read_dit(tmp_path / "wan.safetensors")
    assert weights.config == config
    assert weights.latent == WAN22_LATENT


def test_scaled_float8_weights_come_out_whole(tmp_path: Path) -> None:
    state = random_state()
    key = "blocks.0.ffn.0.weight"
    stored = {**state, key: (state[key] / 2).to(torch.float8_e4m3fn)}
    stored |= {
        "blocks.0.ffn.0.scale_weight": torch.tensor(2.0),
        "scaled_fp8": torch.empty(0, dtype=torch.float8_e4m3fn),
    }
    save_file(stored, tmp_path / "fp8.safetensors")
    loaded = build_dit(read_dit(tmp_path / "fp8.safetensors")).state_dict()
    torch.testing.assert_close(loaded[key], state[key], rtol=0.07, atol=0.02)


def test_a_missing_tensor_is_named(tmp_path: Path) -> None:
    state = random_state()
    del state["blocks.1.cross_attn.norm_k.weight"]
    save_file(state, tmp_path / "wan.safetensors")
    with pytest.raises(UnsupportedCheckpointError, match=r"blocks\.1\.cross_attn\.norm_k"):
        build_dit(read_dit(tmp_path / "wan.safetensors"))


@pytest.mark.parametrize("key", ["patch_embedding.weight", "head.head.weight"])
def test_one_part_of_several_is_called_incomplete(tmp_path: Path, key: str) -> None:
    state = random_state()
    del state[key]
    save_file(state, tmp_path / "wan-00001-of-00002.safetensors")
    with pytest.raises(UnsupportedCheckpointError, match=rf"lacks {key}: it is incomplete"):
        read_dit(tmp_path / "wan-00001-of-00002.safetensors")


@pytest.mark.parametrize(("channels", "levels"), [((48, 48), True), ((48, 16), False)])
def test_levels_per_token_belong_to_the_5b_s_latents(tmp_path: Path, channels, levels) -> None:
    """Control variants of the 16-channel models have 48 input channels too."""
    config = replace(CONFIG, in_channels=channels[0], out_channels=channels[1])
    save_file(random_state(config), tmp_path / "wan.safetensors")
    assert read_dit(tmp_path / "wan.safetensors").info["token_levels"] is levels


def test_parts_that_are_not_supported_are_named(tmp_path: Path) -> None:
    save_file({**random_state(), "ref_conv.bias": torch.zeros(1)}, tmp_path / "wan.safetensors")
    with pytest.raises(UnsupportedCheckpointError, match="Fun-Control"):
        read_dit(tmp_path / "wan.safetensors")


READERS = [read_dit, read_vae, read_text_encoder]


@pytest.mark.parametrize("read", READERS)
def test_foreign_files_are_refused(tmp_path: Path, read) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"lora_up.weight": torch.zeros(2, 2)}, path)
    with pytest.raises(UnsupportedCheckpointError, match=r"is not a .*lora_up"):
        read(path)
    with pytest.raises(FileNotFoundError, match="no weights file"):
        read(tmp_path / "missing.safetensors")


def test_the_wrong_kind_of_pack_file_is_named(tmp_path: Path) -> None:
    metadata = {METADATA_KEY: json.dumps({"kind": "vae", "config": {}})}
    save_file(random_state(), tmp_path / "a.safetensors", metadata=metadata)
    with pytest.raises(UnsupportedCheckpointError, match="holds a vae, not a dit"):
        read_dit(tmp_path / "a.safetensors")


@pytest.mark.parametrize("read", READERS)
@settings(max_examples=25, deadline=None)
@given(noise=st.binary(max_size=200))
def test_random_bytes_are_refused(tmp_path_factory, read, noise: bytes) -> None:
    path = tmp_path_factory.mktemp("noise") / "x.safetensors"
    path.write_bytes(noise)
    with pytest.raises(UnsupportedCheckpointError):
        read(path)


@pytest.mark.parametrize("cut", [0, 5, 100, 20_000])
def test_truncated_files_are_refused(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "wan.safetensors"
    save_file(random_state(), path)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(UnsupportedCheckpointError, match="not a readable safetensors file"):
        read_dit(path)


def test_the_pack_s_own_files_carry_their_config(models_dir: Path) -> None:
    weights = read_dit(models_dir / "diffusion_models/random_dit.safetensors")
    assert weights.config.conditions
    assert weights.latent.mean is not None
    vae = build_vae(read_vae(models_dir / "vae/random_vae.safetensors"))
    assert (vae.time_factor, vae.space_factor) == (4, 8)
    text = read_text_encoder(models_dir / "text_encoders/random_text.safetensors")
    assert text.tokenizer.max_length == 12


def test_loading_imports_no_compiler():
    """It would take longer than all else that happens before the first step."""
    code = (
        "import sys; from spacetime_video.model_loaders import load; "
        "from spacetime_video.weights import bundled; "
        "text = next(iter(bundled('text_encoders').values())); "
        "dit = next(iter(bundled('diffusion_models').values())); "
        "load.build_text_encoder(load.read_text_encoder(text)); "
        "load.build_dit(load.read_dit(dit)); "
        "sys.exit('torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=120).returncode == 0


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "new" / "weights.safetensors"
    assert write_file(path, {"a": torch.arange(6.0).reshape(2, 3).T}, {"told": "so"}) == path
    before = path.read_bytes()
    assert read_file(path).state["a"].shape == (3, 2)
    assert read_file(path).header == {"told": "so"}

    def full(*_: object, **__: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("spacetime_video.model_loaders.files.save_file", full)
    with pytest.raises(OSError, match="disk full"):
        write_file(path, {"b": torch.zeros(3)})
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]
