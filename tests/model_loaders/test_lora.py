"""Every published layout of a LoRA file changes the same weights by the same amounts."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from spacetime_video.model_loaders.keys import UnsupportedCheckpointError
from spacetime_video.model_loaders.lora import Shapes, read_lora
from spacetime_video.models.dit.config import DiTConfig
from spacetime_video.models.dit.network import VideoDiT

DIT = DiTConfig(dim=24, heads=2, ffn_dim=48, layers=2, text_dim=16, text_length=12, freq_dim=16)
RANK = 4

LAYERS = {
    "blocks.0.self_attn.q": "blocks.0.attn1.to_q",
    "blocks.1.self_attn.o": "blocks.1.attn1.to_out.0",
    "blocks.1.cross_attn.k": "blocks.1.attn2.to_k",
    "blocks.0.ffn.0": "blocks.0.ffn.net.0.proj",
    "blocks.1.ffn.2": "blocks.1.ffn.net.2",
}
"""Names of the pack, which are the published ones, and those of diffusers."""


@pytest.fixture(scope="module")
def shapes() -> Shapes:
    with torch.device("meta"):
        network = VideoDiT(DIT)
    return {name: weight.shape for name, weight in network.named_parameters()}


def pair(shapes: Shapes, layer: str) -> tuple[Tensor, Tensor]:
    out, inner = shapes[f"{layer}.weight"]
    g = torch.Generator().manual_seed(sum(map(ord, layer)))
    return torch.randn(RANK, inner, generator=g), torch.randn(out, RANK, generator=g)


def name_of(layout: str, layer: str) -> str:
    flat = layer.replace(".", "_")
    return {
        "comfyui": f"diffusion_model.{layer}",
        "bare": layer,
        "kohya": f"lora_unet_{flat}",
        "videox": f"lora_unet__{flat}",
        "diffusers": f"transformer.{LAYERS[layer]}",
        "second expert": f"transformer_2.{LAYERS[layer]}",
        "diffsynth": f"pipe.dit.{layer}",
        "peft": f"base_model.model.{LAYERS[layer]}",
    }[layout]


SUFFIXES = {
    "letters": ("lora_A.weight", "lora_B.weight"),
    "named": ("lora_A.default.weight", "lora_B.default.weight"),
    "directions": ("lora_down.weight", "lora_up.weight"),
    "dotted": ("lora.down.weight", "lora.up.weight"),
}


def written(
    path: Path,
    shapes: Shapes,
    layout: str = "comfyui",
    suffixes: str = "letters",
    alpha: float | None = None,
    header: dict[str, str] | None = None,
    **extra: Tensor,
) -> Path:
    state = {}
    down_name, up_name = SUFFIXES[suffixes]
    for layer in LAYERS:
        down, up = pair(shapes, layer)
        name = name_of(layout, layer)
        state |= {f"{name}.{down_name}": down, f"{name}.{up_name}": up}
        if alpha is not None:
            state[f"{name}.alpha"] = torch.tensor(alpha)
    save_file(state | extra, path, metadata=header)
    return path


LAYOUTS = (
    "comfyui", "bare", "kohya", "videox", "diffusers", "second expert", "diffsynth", "peft",
)  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("suffixes", list(SUFFIXES))
def test_layouts_agree(tmp_path: Path, shapes: Shapes, layout: str, suffixes: str) -> None:
    file = written(tmp_path / "a.safetensors", shapes, layout, suffixes, alpha=2.0)
    lora = read_lora(file, shapes)
    assert set(lora.patches) == {f"{layer}.weight" for layer in LAYERS}
    for layer in LAYERS:
        change = lora.patches[f"{layer}.weight"].low_rank
        assert change is not None
        down, up = pair(shapes, layer)
        expected = 2.0 / RANK * up @ down
        torch.testing.assert_close(change.change(torch.zeros_like(expected)), expected)


def scale(lora_file: Path, shapes: Shapes) -> float:
    change = read_lora(lora_file, shapes).patches["blocks.0.self_attn.q.weight"].low_rank
    assert change is not None
    return change.scale


def test_without_alpha_the_scale_is_one(tmp_path: Path, shapes: Shapes) -> None:
    assert scale(written(tmp_path / "a.safetensors", shapes), shapes) == 1.0


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"lora_alpha": 8}, 2.0),
        ({"lora_alpha": 8, "use_rslora": True}, 4.0),
        ({"lora_alpha": 8, "alpha_pattern": {"blocks.0.attn1.to_q": 2}}, 0.5),
    ],
)
def test_alpha_of_diffusers_is_in_the_header(
    tmp_path: Path, shapes: Shapes, options: dict[str, object], expected: float
) -> None:
    entries = {f"transformer.{name}": value for name, value in options.items()}
    header = {"lora_adapter_metadata": json.dumps(entries)}
    file = written(tmp_path / "a.safetensors", shapes, "diffusers", header=header)
    assert scale(file, shapes) == pytest.approx(expected)


def test_full_changes_of_weights_and_biases(tmp_path: Path, shapes: Shapes) -> None:
    extra = {
        "diffusion_model.blocks.0.norm3.diff": torch.randn(24),
        "diffusion_model.blocks.0.norm3.diff_b": torch.randn(24),
        "diffusion_model.head.head.diff_b": torch.randn(64),
        "diffusion_model.blocks.0.self_attn.norm_q.set_weight": torch.randn(24),
    }
    patches = read_lora(written(tmp_path / "a.safetensors", shapes, **extra), shapes).patches
    found = {
        "diffusion_model.blocks.0.norm3.diff": patches["blocks.0.norm3.weight"].full,
        "diffusion_model.blocks.0.norm3.diff_b": patches["blocks.0.norm3.bias"].full,
        "diffusion_model.head.head.diff_b": patches["head.head.bias"].full,
        "diffusion_model.blocks.0.self_attn.norm_q.set_weight": patches[
            "blocks.0.self_attn.norm_q.weight"
        ].value,
    }
    assert all(
        torch.equal(tensor, extra[name]) for name, tensor in found.items() if tensor is not None
    )
    assert all(tensor is not None for tensor in found.values())


def test_layers_of_another_variant_stay_unused_and_are_named(
    tmp_path: Path, shapes: Shapes, caplog: pytest.LogCaptureFixture
) -> None:
    extra = {"diffusion_model.blocks.0.cross_attn.k_img.diff": torch.zeros(24, 24)}
    lora = read_lora(written(tmp_path / "a.safetensors", shapes, **extra), shapes)
    assert len(lora.patches) == len(LAYERS)
    assert "1 layers are not in this model" in caplog.text
    assert "k_img" in caplog.text


def test_a_lora_of_another_model_is_refused(tmp_path: Path, shapes: Shapes) -> None:
    file = tmp_path / "flux.safetensors"
    save_file({"transformer.single_blocks.0.lora_A.weight": torch.zeros(4, 8)}, file)
    with pytest.raises(UnsupportedCheckpointError, match="none of this model's layers"):
        read_lora(file, shapes)


def test_a_lora_of_another_size_is_refused(tmp_path: Path, shapes: Shapes) -> None:
    file = tmp_path / "large.safetensors"
    name = "diffusion_model.blocks.0.self_attn.q"
    save_file(
        {f"{name}.lora_A.weight": torch.zeros(4, 32), f"{name}.lora_B.weight": torch.zeros(32, 4)},
        file,
    )
    with pytest.raises(UnsupportedCheckpointError, match=r"\(32, 32\), this model has \(24, 24\)"):
        read_lora(file, shapes)


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("diffusion_model.blocks.0.self_attn.q.hada_w1_a", "LoHa, LoKr"),
        ("diffusion_model.blocks.0.self_attn.q.weight", "no LoRA in a known layout"),
        ("diffusion_model.blocks.0.self_attn.q.lora_A.weight", "one half of a LoRA"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, shapes: Shapes, key: str, message: str) -> None:
    file = tmp_path / "odd.safetensors"
    save_file({key: torch.zeros(4, 24)}, file)
    with pytest.raises(UnsupportedCheckpointError, match=message):
        read_lora(file, shapes)
