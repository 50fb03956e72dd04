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


def test_changes_of_the_modulation(tmp_path: Path, shapes: Shapes) -> None:
    extra = {
        "diffusion_model.blocks.1.diff_m": torch.randn(1, 6, 24),
        "diffusion_model.head.diff_m": torch.randn(1, 2, 24),
    }
    lora = read_lora(written(tmp_path / "a.safetensors", shapes, **extra), shapes)
    found = [lora.patches[f"{layer}.modulation"].full for layer in ("blocks.1", "head")]
    assert all(torch.equal(a, b) for a, b in zip(found, extra.values(), strict=True))
    assert lora.unused == ()


@pytest.mark.parametrize("name", ["lora_B.bias", "lora_B.default.bias", "lora_up.bias"])
def test_the_bias_of_an_up_part_counts_as_the_pair_does(
    tmp_path: Path, shapes: Shapes, name: str
) -> None:
    layer = "diffusion_model.blocks.0.ffn.0"
    extra = {f"{layer}.{name}": torch.randn(48), f"{layer}.diff_b": torch.randn(48)}
    file = written(tmp_path / "a.safetensors", shapes, alpha=2.0, **extra)
    lora = read_lora(file, shapes)
    expected = 2.0 / RANK * extra[f"{layer}.{name}"] + extra[f"{layer}.diff_b"]
    torch.testing.assert_close(lora.patches["blocks.0.ffn.0.bias"].full, expected)
    assert lora.unused == ()


def test_what_has_no_place_in_the_model_stays_unused_and_is_named(
    tmp_path: Path, shapes: Shapes
) -> None:
    extra = {
        "diffusion_model.blocks.0.cross_attn.k_img.diff": torch.zeros(24, 24),
        "diffusion_model.blocks.0.self_attn.k.lokr_w1": torch.zeros(4, 4),
        "diffusion_model.blocks.0.self_attn.norm_q.diff_b": torch.zeros(24),
        "diffusion_model.blocks.1.cross_attn.v.lora_B.bias": torch.zeros(24),
        "diffusion_model.blocks.1.self_attn.q.alpha": torch.tensor(4.0),
        "diffusion_model.something.else": torch.zeros(2),
    }
    lora = read_lora(written(tmp_path / "a.safetensors", shapes, **extra), shapes)
    assert set(lora.patches) == {f"{layer}.weight" for layer in LAYERS}
    assert set(lora.unused) == set(extra)


@pytest.mark.parametrize(
    ("key", "shape"),
    [
        ("lora_magnitude_vector.default", (24,)),
        ("lora_magnitude_vector.weight", (1, 24)),
        ("dora_scale", (24, 1)),
    ],
)
def test_a_magnitude_per_row_is_one_however_it_is_written(
    tmp_path: Path, shapes: Shapes, key: str, shape: tuple[int, ...]
) -> None:
    layer = "blocks.0.self_attn.q"
    length = torch.rand(24, generator=torch.Generator().manual_seed(3)) + 0.5
    extra = {f"diffusion_model.{layer}.{key}": length.reshape(shape)}
    lora = read_lora(written(tmp_path / "a.safetensors", shapes, **extra), shapes)
    change = lora.patches[f"{layer}.weight"].low_rank
    assert change is not None
    weight = torch.randn(24, 24, generator=torch.Generator().manual_seed(4))
    torch.testing.assert_close((weight + change.change(weight)).norm(dim=1), length)


def test_magnitudes_of_another_size_are_refused(tmp_path: Path, shapes: Shapes) -> None:
    extra = {"diffusion_model.blocks.0.ffn.0.dora_scale": torch.ones(32, 1)}
    file = written(tmp_path / "a.safetensors", shapes, **extra)
    with pytest.raises(UnsupportedCheckpointError, match=r"\(32, 1\), .* each of its 48 rows"):
        read_lora(file, shapes)


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
    with pytest.raises(UnsupportedCheckpointError, match=r"\(32, 32\), .* model has \(24, 24\)"):
        read_lora(file, shapes)


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("diffusion_model.blocks.0.self_attn.q.hada_w1_a", "LoHa, LoKr"),
        ("diffusion_model.blocks.0.self_attn.q.weight", "not a LoRA in a known layout"),
        ("diffusion_model.blocks.0.self_attn.norm_q.diff_b", "none of this model's layers"),
        ("diffusion_model.blocks.0.self_attn.q.lora_A.weight", "one half of a LoRA"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, shapes: Shapes, key: str, message: str) -> None:
    file = tmp_path / "odd.safetensors"
    save_file({key: torch.zeros(4, 24)}, file)
    with pytest.raises(UnsupportedCheckpointError, match=message):
        read_lora(file, shapes)
