"""Load Models: what it lists, what it refuses, and number formats."""

import pytest
import torch

from spacetime_video import hosts
from spacetime_video.nodes.load.models import SpacetimeLoadModels
from spacetime_video.nodes.video.video import SpacetimeDecodeVideo, SpacetimeEncodeVideo


def options():
    return {spec.id: spec.options for spec in SpacetimeLoadModels.define_schema().inputs}


def test_lists_the_shipped_file_first_and_the_folders_files():
    listed = options()
    assert listed["model"] == ["spacetime_tiny_dit.safetensors", "random_dit.safetensors"]
    assert listed["text_encoder"] == ["spacetime_tiny_text.safetensors", "random_text.safetensors"]
    assert listed["vae"] == [
        "spacetime_tiny_vae.safetensors",
        "other_vae.safetensors",
        "random_vae.safetensors",
    ]


def test_files_of_subfolders_are_listed(standalone, models_dir):
    folder = models_dir / "vae" / "more"
    folder.mkdir()
    file = folder / "third.safetensors"
    file.touch()
    try:
        assert any(name.endswith("third.safetensors") for name in options()["vae"])
    finally:
        file.unlink()
        folder.rmdir()


def test_an_unknown_file_is_refused_with_the_names_there_are(model_names):
    with pytest.raises(FileNotFoundError, match=r"'no\.safetensors'.*random_dit"):
        SpacetimeLoadModels.execute(**{**model_names, "model": "no.safetensors"})


def test_a_file_of_another_kind_is_refused(model_names, models_dir, tmp_path):
    file = models_dir / "vae" / "wrong.safetensors"
    file.write_bytes((models_dir / "diffusion_models" / "random_dit.safetensors").read_bytes())
    try:
        with pytest.raises(ValueError, match="holds a dit, not a vae"):
            SpacetimeLoadModels.execute(**{**model_names, "vae": file.name})
    finally:
        file.unlink()


def test_a_vae_of_other_channels_is_refused(model_names):
    with pytest.raises(ValueError, match=r"16 channels, but other_vae.* has 4: choose the VAE"):
        SpacetimeLoadModels.execute(**{**model_names, "vae": "other_vae.safetensors"})


@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
def test_every_number_format_runs(bench, model_names, dtype):
    model, clip, vae = SpacetimeLoadModels.execute(**{**model_names, "dtype": dtype}).args
    wanted = {"fp32": torch.float32, "bf16": torch.bfloat16}[dtype]
    assert (model.dit.dtype, vae.dtype, clip.encoder.shared.weight.dtype) == (wanted,) * 3
    images = torch.rand(5, 32, 32, 3, generator=torch.Generator().manual_seed(0))
    latent = SpacetimeEncodeVideo.execute(images, vae)[0]
    sampled = bench.sample(latent, model=model)
    frames = SpacetimeDecodeVideo.execute(sampled, vae)[0].whole()
    assert latent["samples"].dtype == sampled["samples"].dtype == frames.dtype == torch.float32
    assert frames.shape == (5, 32, 32, 3)
    assert frames.isfinite().all()


def test_an_unknown_number_format_is_refused(model_names):
    with pytest.raises(ValueError, match="unknown dtype 'fp8'"):
        SpacetimeLoadModels.execute(**{**model_names, "dtype": "fp8"})


def test_every_tensor_counts_in_the_progress(standalone, model_names, monkeypatch):
    seen = []
    monkeypatch.setattr(
        standalone.session, "progress", lambda done, total: seen.append((done, total))
    )
    monkeypatch.setattr(hosts, "_chosen", [standalone])
    SpacetimeLoadModels.execute(**model_names)
    assert seen[-1] == (300, 300)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert {100, 200, 300} <= {done for done, _ in seen}
    assert len(seen) < 310


def test_a_wrong_choice_is_refused_before_the_graph_runs(model_names):
    chosen = {name: model_names[name] for name in ("model", "text_encoder", "vae")}
    assert SpacetimeLoadModels.validate_inputs(**chosen) is True
    assert SpacetimeLoadModels.validate_inputs(**{**chosen, "vae": None}) is True
    missing = SpacetimeLoadModels.validate_inputs(**{**chosen, "vae": "no.safetensors"})
    assert "no file 'no.safetensors'" in missing
    channels = SpacetimeLoadModels.validate_inputs(**{**chosen, "vae": "other_vae.safetensors"})
    assert "choose the VAE that belongs to the model" in channels
    shipped = {**chosen, "text_encoder": "spacetime_tiny_text.safetensors"}
    assert "outputs text of width 96" in SpacetimeLoadModels.validate_inputs(**shipped)


def test_every_missing_file_is_told_with_its_input_and_folder(models_dir):
    problem = SpacetimeLoadModels.validate_inputs("a.safetensors", "b.safetensors", None)
    folder = models_dir / "diffusion_models"
    assert f"input model: no file 'a.safetensors' in {folder}: put it there, or choose" in problem
    assert "; input text_encoder: no file 'b.safetensors'" in problem
    assert "spacetime_tiny_text.safetensors, random_text.safetensors" in problem


def test_a_file_of_another_kind_is_told_with_its_input(model_names, models_dir):
    chosen = {name: model_names[name] for name in ("model", "text_encoder", "vae")}
    file = models_dir / "vae" / "wrong.safetensors"
    file.write_text("<html>")
    try:
        problem = SpacetimeLoadModels.validate_inputs(**{**chosen, "vae": file.name})
    finally:
        file.unlink()
    assert problem.startswith("input vae: wrong.safetensors is not a readable safetensors file")


def test_slashes_of_another_system_name_the_same_file(model_names, models_dir):
    folder = models_dir / "vae" / "high"
    folder.mkdir()
    file = folder / "one.safetensors"
    file.write_bytes((models_dir / "vae" / model_names["vae"]).read_bytes())
    try:
        chosen = {**model_names, "vae": "high\\one.safetensors"}
        SpacetimeLoadModels.execute(**chosen)
        del chosen["dtype"]
        assert SpacetimeLoadModels.validate_inputs(**chosen) is True
    finally:
        file.unlink()
        folder.rmdir()
