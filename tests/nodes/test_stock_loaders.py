"""ComfyUI's own loaders read what Load Models reads, and a graph of stock nodes alone runs."""

import pytest
import torch

from spacetime_video.hosts.standalone.stock_loaders import CLIPLoader, UNETLoader, VAELoader

DIT, TEXT, VAE = "random_dit.safetensors", "random_text.safetensors", "random_vae.safetensors"


def test_the_parts_are_those_of_load_models(bench, loaded):
    model = UNETLoader.execute(DIT)[0]
    clip = CLIPLoader.execute(TEXT, "wan")[0]
    vae = VAELoader.execute(VAE)[0]
    for own, other in ((model.dit, loaded.model.dit), (vae.network, loaded.vae.network)):
        pairs = zip(own.parameters(), other.parameters(), strict=True)
        assert all(torch.equal(one.float(), two.float()) for one, two in pairs)
    assert (model.latent, model.shift) == (loaded.model.latent, loaded.model.shift)
    assert torch.equal(clip.encode(["a red sphere"]), loaded.clip.encode(["a red sphere"]))


@pytest.mark.parametrize(
    ("node", "values", "answer"),
    [
        (UNETLoader, {"unet_name": DIT}, True),
        (UNETLoader, {"unet_name": None}, True),
        (UNETLoader, {"unet_name": "none.safetensors"}, "the included tiny weights are in Load"),
        (CLIPLoader, {"clip_name": TEXT, "type": "wan"}, True),
        (CLIPLoader, {"clip_name": TEXT, "type": "sd3"}, "does not read text encoders of type"),
        (VAELoader, {"vae_name": VAE}, True),
    ],
)
def test_files_are_looked_at_before_the_run(loaded, node, values, answer):
    found = node.validate_inputs(**values)
    assert found is True if answer is True else answer in found


def test_a_file_of_another_kind_is_refused(loaded, models_dir):
    (models_dir / "vae" / "not_a_vae.safetensors").symlink_to(models_dir / "text_encoders" / TEXT)
    try:
        found = VAELoader.validate_inputs("not_a_vae.safetensors")
    finally:
        (models_dir / "vae" / "not_a_vae.safetensors").unlink()
    assert found.startswith("input vae_name: ")


def test_another_number_format_is_told(loaded, caplog):
    UNETLoader.execute(DIT, "fp8_e4m3fn")
    assert "this host does not keep weights in fp8_e4m3fn" in caplog.text
