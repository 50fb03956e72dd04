"""Load Video LoRA in the standalone host."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from spacetime_video.hosts.standalone.stock_models import LoraLoaderModelOnly
from spacetime_video.models.lora import LiveLinear, LowRank
from spacetime_video.nodes.load.lora import BESIDE, MERGED, SpacetimeLoadLora

LAYER = "blocks.1.self_attn.q"


@pytest.fixture
def lora(models_dir):
    """A file of a strong LoRA on one layer."""
    g = torch.Generator().manual_seed(6)
    file = models_dir / "loras" / "strong.safetensors"
    file.parent.mkdir(exist_ok=True)
    pair = {"lora_A": torch.randn(2, 24, generator=g), "lora_B": torch.randn(24, 2, generator=g)}
    save_file({f"diffusion_model.{LAYER}.{k}.weight": v for k, v in pair.items()}, file)
    yield pair
    file.unlink()
    file.parent.rmdir()


def apply(model, strength=1.0, way=MERGED):
    return SpacetimeLoadLora.execute(model, "strong.safetensors", strength, way)[0]


def latent():
    g = torch.Generator().manual_seed(2)
    return {"samples": torch.randn(1, 16, 2, 4, 4, generator=g), "fps": 8.0}


@pytest.mark.usefixtures("lora")
def test_a_lora_changes_the_clip_and_not_the_model_it_came_from(bench, loaded):
    plain = bench.sample(latent())["samples"]
    changed = bench.sample(latent(), model=apply(loaded.model))["samples"]
    assert not torch.allclose(plain, changed, atol=1e-3)
    assert torch.equal(bench.sample(latent())["samples"], plain)


@pytest.mark.usefixtures("lora")
@pytest.mark.parametrize("strength", [1.0, -0.4])
def test_both_ways_agree(bench, loaded, strength):
    merged, beside = (
        bench.sample(latent(), model=apply(loaded.model, strength, way))["samples"]
        for way in (MERGED, BESIDE)
    )
    torch.testing.assert_close(merged, beside, rtol=1e-4, atol=1e-4)


@pytest.mark.usefixtures("lora")
def test_strength_zero_changes_nothing_at_all(loaded):
    assert apply(loaded.model, 0.0) is loaded.model


@pytest.mark.parametrize("ways", [(MERGED, MERGED), (BESIDE, BESIDE), (BESIDE, MERGED)])
def test_loras_follow_each_other(loaded, lora, ways):
    model = loaded.model
    for way in ways:
        model = apply(model, 0.5, way)
    layer = model.dit.get_submodule(LAYER)
    x = torch.randn(3, 24, generator=torch.Generator().manual_seed(3))
    expected = loaded.model.dit.get_submodule(LAYER)(x)
    expected = expected + x @ LowRank(lora["lora_A"], lora["lora_B"]).change(torch.zeros(24, 24)).T
    torch.testing.assert_close(layer(x), expected, rtol=1e-4, atol=1e-4)
    assert isinstance(layer, LiveLinear) == (BESIDE in ways)


@pytest.mark.usefixtures("lora")
def test_what_the_model_has_no_place_for_is_told_on_the_node(models_dir, loaded, caplog):
    file = models_dir / "loras" / "strong.safetensors"
    strange = {f"diffusion_model.blocks.{n}.gate.diff": torch.zeros(4) for n in range(5)}
    save_file(load_file(file) | strange, file)
    assert isinstance(apply(loaded.model, 1.0, BESIDE).dit.get_submodule(LAYER), LiveLinear)
    (said,) = caplog.messages
    assert said.startswith("5 tensors of strong.safetensors have no place in this model")
    assert "blocks.0.gate.diff" in said
    assert said.endswith("and 2 more); the rest is applied")


@pytest.mark.usefixtures("lora")
def test_files_of_the_folder_are_offered():
    offered = SpacetimeLoadLora.define_schema().inputs[1]
    assert "strong.safetensors" in offered.options


def test_a_missing_file_is_refused_before_the_graph_runs(loaded):
    problem = SpacetimeLoadLora.validate_inputs("gone.safetensors", MERGED)
    assert "input lora: no file 'gone.safetensors' in /" in problem
    assert "/loras: put it there, or choose spacetime_tiny_few_step_lora.safetensors" in problem
    problem = SpacetimeLoadLora.validate_inputs(None, "soon")
    assert problem == f"input apply: unknown mode 'soon': use {MERGED!r} or {BESIDE!r}"
    with pytest.raises(FileNotFoundError, match=r"gone\.safetensors"):
        SpacetimeLoadLora.execute(loaded.model, "gone.safetensors", 1.0)


@pytest.mark.usefixtures("lora")
def test_comfyuis_own_loader_does_the_same(loaded):
    made = LoraLoaderModelOnly.execute(loaded.model, "strong.safetensors", 1.0)[0]
    weights, wanted = made.dit.state_dict(), apply(loaded.model).dit.state_dict()
    assert all(torch.equal(weights[name], wanted[name]) for name in wanted)
    assert LoraLoaderModelOnly.execute(loaded.model, "strong.safetensors", 0.0)[0] is loaded.model
    assert LoraLoaderModelOnly.validate_inputs("strong.safetensors") is True
    assert "Load Video LoRA" in LoraLoaderModelOnly.validate_inputs("gone.safetensors")
