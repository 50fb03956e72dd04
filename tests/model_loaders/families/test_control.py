"""Files of control branches: the pack's, and VACE's with their base."""

import json
from dataclasses import asdict, replace
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from spacetime_video.model_loaders import dequantise
from spacetime_video.model_loaders.families.control import derive_vace
from spacetime_video.model_loaders.files import METADATA_KEY
from spacetime_video.model_loaders.fit import look_at
from spacetime_video.model_loaders.keys import UnsupportedCheckpointError
from spacetime_video.model_loaders.load import build_control, read_control, read_dit, read_vae
from spacetime_video.models.control.config import ControlConfig
from spacetime_video.models.control.network import build_control as network_of
from spacetime_video.models.dit.config import DiTConfig
from spacetime_video.models.dit.network import VideoDiT
from spacetime_video.models.latent_format import WAN21_LATENT

VACE = ControlConfig(
    design="residual",
    after=tuple(range(0, 30, 2)),
    base_dim=128,
    dim=128,
    heads=1,
    ffn_dim=8,
    hint_channels=96,
)
OWN = ControlConfig(
    design="dilated", after=(0, 4), base_dim=24, dim=12, heads=1, ffn_dim=16, text_dim=16
)


def random_state(module):
    generator = torch.Generator().manual_seed(0)
    return {
        name: torch.randn(weight.shape, generator=generator)
        for name, weight in module.state_dict().items()
    }


def own_file(path: Path, **changes) -> Path:
    info = {"kind": "controlnet", "config": OWN.to_dict(), "latent": asdict(WAN21_LATENT)}
    state = random_state(network_of(OWN))
    save_file(state, path, metadata={METADATA_KEY: json.dumps({**info, **changes})})
    return path


def test_a_file_of_the_pack_comes_back_as_it_was(tmp_path: Path) -> None:
    weights = read_control(own_file(tmp_path / "own.safetensors"))
    assert (weights.config, weights.latent.std) == (OWN, WAN21_LATENT.std)
    built = build_control(weights).state_dict()
    wanted = random_state(network_of(OWN))
    assert built.keys() == wanted.keys()
    assert all(torch.equal(built[name], wanted[name]) for name in wanted)
    assert weights.again is not None
    assert weights.again().config == OWN
    assert look_at(tmp_path / "own.safetensors", "controlnet").own


def test_a_file_that_says_nothing_of_levels_embeds_its_own(tmp_path: Path) -> None:
    config = {name: value for name, value in OWN.to_dict().items() if name != "levels"}
    told = read_control(own_file(tmp_path / "before.safetensors", config=config))
    assert told.config == replace(OWN, levels="own")
    built = build_control(told)
    assert all(torch.equal(weight, told.state[name]) for name, weight in built.state_dict().items())


def test_a_vace_file_is_a_base_and_a_branch(tmp_path: Path) -> None:
    base = DiTConfig(dim=128, heads=1, ffn_dim=8, layers=30, text_dim=16)
    whole = {**random_state(VideoDiT(base)), **random_state(network_of(VACE))}
    named = {f"model.diffusion_model.{name}": weight for name, weight in whole.items()}
    save_file(named, tmp_path / "vace.safetensors")
    weights = read_control(tmp_path / "vace.safetensors")
    assert weights.config == VACE
    assert weights.latent == WAN21_LATENT
    assert all(name.startswith("vace_") for name in weights.state)
    build_control(weights)
    weights.config.check_base(read_dit(tmp_path / "vace.safetensors").config)
    alone = {name: weight for name, weight in whole.items() if name.startswith("vace_")}
    save_file(alone, tmp_path / "module.safetensors")
    assert read_control(tmp_path / "module.safetensors").config == VACE


def test_only_the_branch_of_a_float8_file_is_restored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = DiTConfig(dim=128, heads=1, ffn_dim=8, layers=30, text_dim=16)
    whole = {**random_state(VideoDiT(base)), **random_state(network_of(VACE))}
    stored = {
        f"model.diffusion_model.{name}": weight.to(torch.float8_e4m3fn)
        if weight.ndim > 1
        else weight
        for name, weight in whole.items()
    }
    scaled = "model.diffusion_model.vace_blocks.0.after_proj"
    save_file(
        {**stored, f"{scaled}.scale_weight": torch.tensor(0.5)}, tmp_path / "vace.safetensors"
    )
    restored, original = [], dequantise._restore

    def watch(key: str, *given: Any) -> torch.Tensor:
        restored.append(key)
        return original(key, *given)

    monkeypatch.setattr(dequantise, "_restore", watch)
    state = read_control(tmp_path / "vace.safetensors").state
    assert [name for name in restored if not name.startswith("vace_")] == []
    wanted = stored[f"{scaled}.weight"].to(torch.bfloat16) * 0.5
    assert torch.equal(state["vace_blocks.0.after_proj.weight"], wanted)


@pytest.mark.parametrize(
    ("blocks", "layers", "dim", "ffn_dim", "billions", "tensors"),
    [(15, 30, 1536, 8960, 2.1540, 1264), (8, 40, 5120, 13824, 17.3376, 1331)],
    ids=["1.3B", "14B"],
)
def test_the_published_branches(blocks, layers, dim, ffn_dim, billions, tensors) -> None:
    """With its base a branch has the parameters and tensors of the published file."""
    same = {"dim": dim, "heads": dim // 128, "ffn_dim": ffn_dim}
    after = tuple(range(0, layers, layers // blocks))
    sizes = ControlConfig(design="residual", after=after, base_dim=dim, hint_channels=96, **same)
    with torch.device("meta"):
        branch = network_of(sizes).state_dict()
        base = VideoDiT(DiTConfig(layers=layers, **same)).state_dict()
    assert derive_vace(branch) == sizes
    assert len(branch) + len(base) == tensors
    parameters = sum(prod(weight.shape) for state in (branch, base) for weight in state.values())
    assert round(parameters / 1e9, 4) == billions


def test_files_that_cannot_be_followed_are_refused(tmp_path: Path, models_dir: Path) -> None:
    broken = own_file(
        tmp_path / "broken.safetensors", config=replace(OWN, dim=24, heads=2).to_dict()
    )
    with pytest.raises(UnsupportedCheckpointError, match="has tensors of other sizes"):
        look_at(broken, "controlnet")
    other = own_file(tmp_path / "other.safetensors", latent={"channels": 0})
    with pytest.raises(UnsupportedCheckpointError, match="does not describe latents"):
        read_control(other)
    few = random_state(network_of(replace(VACE, after=(0, 1, 2))))
    save_file(few, tmp_path / "few.safetensors")
    with pytest.raises(UnsupportedCheckpointError, match="3 blocks that does not say where"):
        read_control(tmp_path / "few.safetensors")
    encoding = {
        "control_encoder.0.0.weight": torch.zeros(2),
        "controlnet_blocks.0.weight": few["vace_blocks.0.modulation"],
    }
    save_file(encoding, tmp_path / "encoding.safetensors")
    for read in (read_control, partial(look_at, kind="controlnet")):
        with pytest.raises(UnsupportedCheckpointError, match=r"TheDenk's for Wan.*use VACE"):
            read(tmp_path / "encoding.safetensors")
    with pytest.raises(UnsupportedCheckpointError, match="holds a controlnet, not a vae"):
        read_vae(own_file(tmp_path / "own.safetensors"))
    with pytest.raises(UnsupportedCheckpointError, match=r"is not a video transformer.*ControlNet"):
        read_dit(tmp_path / "few.safetensors")
    wan = random_state(VideoDiT(DiTConfig(dim=24, heads=2, ffn_dim=8, layers=1, text_dim=16)))
    save_file(wan, tmp_path / "wan.safetensors")
    with pytest.raises(UnsupportedCheckpointError, match=r"not a ControlNet.*video transformer"):
        read_control(tmp_path / "wan.safetensors")
