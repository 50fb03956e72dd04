"""Quantised weights that a host keeps: their layers, their names and the shapes behind them."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from spacetime_video.model_loaders.fit import look_at
from spacetime_video.model_loaders.keys import UnsupportedCheckpointError
from spacetime_video.model_loaders.load import load_strictly, read_dit
from spacetime_video.model_loaders.stored import is_stored, measured, stored_keys
from spacetime_video.models.dit.config import DiTConfig
from spacetime_video.models.dit.network import VideoDiT

CONFIG = DiTConfig(dim=128, heads=1, ffn_dim=64, layers=1, text_dim=8, freq_dim=16)
LAYER = "blocks.0.ffn.0"
ROWS, COLUMNS = 64, 128


def plain_state():
    generator = torch.Generator().manual_seed(0)
    state = VideoDiT(CONFIG).state_dict()
    return {key: torch.randn(w.shape, generator=generator) for key, w in state.items()}


def mark(**details):
    return torch.tensor(list(json.dumps(details).encode()), dtype=torch.uint8)


def float8():
    codes = torch.randn(ROWS, COLUMNS, generator=torch.Generator().manual_seed(1))
    return codes.to(torch.float8_e4m3fn)


SCALE = torch.tensor(0.5)
LAYERS = {
    "scaled_fp8": {"weight": float8(), "scale_weight": SCALE, "scale_input": torch.tensor(2.0)},
    "comfy_quant": {
        "weight": float8(), "weight_scale": SCALE, "comfy_quant": mark(format="float8_e4m3fn")
    },
    "plain": {"weight": float8()},
    "int8_tensorwise": {
        "weight": torch.ones(ROWS, COLUMNS, dtype=torch.int8),
        "weight_scale": torch.ones(ROWS, 1),
        "comfy_quant": mark(format="int8_tensorwise", convrot=True),
    },
    "nvfp4": {
        "weight": torch.ones(ROWS, COLUMNS // 2, dtype=torch.uint8),
        "weight_scale": torch.ones(ROWS, COLUMNS // 16).to(torch.float8_e4m3fn),
        "weight_scale_2": SCALE,
        "comfy_quant": mark(format="nvfp4"),
    },
}  # fmt: skip
FLOAT8 = ["scaled_fp8", "comfy_quant", "plain"]
KEEP = ("float8_e4m3fn", "int8_tensorwise", "nvfp4")


def write(path: Path, kind: str, prefix: str = "") -> Path:
    """A file whose first feed-forward layer is quantised."""
    state = plain_state()
    state |= {f"{LAYER}.{name}": tensor for name, tensor in LAYERS[kind].items()}
    if kind == "scaled_fp8":
        state["scaled_fp8"] = torch.zeros(2).to(torch.float8_e4m3fn)
    save_file({prefix + key: tensor for key, tensor in state.items()}, path)
    return path


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("prefix", ["", "model.diffusion_model."])
def test_a_layer_is_kept_with_its_scales_and_its_format(tmp_path, kind, prefix):
    weights = read_dit(write(tmp_path / "wan.safetensors", kind, prefix), keep=KEEP)
    state = weights.state
    assert weights.config == CONFIG
    assert torch.equal(
        state[f"{LAYER}.weight"].view(torch.uint8), LAYERS[kind]["weight"].view(torch.uint8)
    )
    details = json.loads(bytes(state[f"{LAYER}.comfy_quant"].tolist()))
    if kind in FLOAT8:
        assert details == {"format": "float8_e4m3fn", "full_precision_matrix_mult": True}
        assert state[f"{LAYER}.weight_scale"] == (1 if kind == "plain" else 0.5)
    else:
        assert details["format"] == kind
    assert "scaled_fp8" not in state
    assert all(key.startswith(LAYER) for key in stored_keys(state))
    assert torch.equal(state[f"{LAYER}.bias"], plain_state()[f"{LAYER}.bias"])


@pytest.mark.parametrize("kind", LAYERS)
def test_the_shapes_are_those_of_plain_weights_from_the_header_alone(tmp_path, kind):
    path = write(tmp_path / "wan.safetensors", kind)
    seen = measured(look_at(path, "dit", KEEP).weights.state)
    assert {key: each.shape for key, each in seen.items()} == {
        key: each.shape for key, each in plain_state().items()
    }


@pytest.mark.parametrize("kind", FLOAT8)
def test_float8_is_restored_where_no_host_keeps_it(tmp_path, kind):
    state = read_dit(write(tmp_path / "wan.safetensors", kind)).state
    assert not is_stored(state)
    assert state[f"{LAYER}.weight"].dtype == torch.bfloat16
    load_strictly(lambda: VideoDiT(CONFIG), state, dtype=torch.float32)


@pytest.mark.parametrize(("kind", "keep"), [("nvfp4", ()), ("nvfp4", ("float8_e4m3fn",))])
def test_formats_that_are_not_kept_are_refused_from_the_header(tmp_path, kind, keep):
    path = write(tmp_path / "wan.safetensors", kind)
    with pytest.raises(UnsupportedCheckpointError, match="'nvfp4', which is not supported"):
        look_at(path, "dit", keep)


def test_formats_in_the_header_are_understood(tmp_path):
    state = plain_state() | {
        f"{LAYER}.weight": LAYERS["int8_tensorwise"]["weight"],
        f"{LAYER}.weight_scale": SCALE,
    }
    layers = {"layers": {LAYER: {"format": "int8_tensorwise"}}}
    save_file(state, tmp_path / "wan.safetensors", {"_quantization_metadata": json.dumps(layers)})
    kept = read_dit(tmp_path / "wan.safetensors", keep=KEEP).state
    assert stored_keys(kept) == {
        f"{LAYER}.{name}" for name in ("weight", "weight_scale", "comfy_quant")
    }


def test_one_float8_scale_per_row_is_refused_still(tmp_path):
    state = plain_state() | {
        f"{LAYER}.weight": float8(), f"{LAYER}.weight_scale": torch.ones(ROWS)
    }  # fmt: skip
    save_file(state, tmp_path / "wan.safetensors")
    with pytest.raises(UnsupportedCheckpointError, match=r"shape \(64,\)"):
        read_dit(tmp_path / "wan.safetensors", keep=KEEP)
