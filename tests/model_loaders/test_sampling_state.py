"""Sampling states survive a file bit for bit, and other files are not taken for one."""

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from spacetime_video.model_loaders.keys import UnsupportedCheckpointError
from spacetime_video.model_loaders.sampling_state import (
    read_sampling_state,
    write_sampling_state,
)

TENSORS = {"x": torch.randn(1, 4, 3, 2, 2), "history.0": torch.randn(1, 4, 3, 2, 2).double()}


def test_round_trip(tmp_path):
    path = tmp_path / "state.safetensors"
    write_sampling_state(path, TENSORS, {"step": 5, "seed": 2**64 - 1})
    tensors, info = read_sampling_state(path)
    assert set(tensors) == set(TENSORS)
    assert all(torch.equal(tensors[name], TENSORS[name]) for name in TENSORS)
    assert (info["step"], info["seed"]) == (5, 2**64 - 1)
    assert [each.name for each in tmp_path.iterdir()] == ["state.safetensors"]


def test_views_are_written_whole(tmp_path):
    path = tmp_path / "state.safetensors"
    x = TENSORS["x"]
    write_sampling_state(path, {"x": x.transpose(1, 2)}, {})
    assert torch.equal(read_sampling_state(path)[0]["x"], x.transpose(1, 2))


def test_tensors_that_share_memory_and_tags_are_written(tmp_path):
    path, x = tmp_path / "state.safetensors", TENSORS["x"]
    write_sampling_state(path, {"x": x, "same": x}, {"step": 1}, {"prompt": "{}"})
    tensors, info = read_sampling_state(path)
    assert torch.equal(tensors["same"], tensors["x"])
    assert info["step"] == 1
    with safe_open(path, framework="pt") as file:
        assert file.metadata()["prompt"] == "{}"


def test_what_cannot_be_written_leaves_nothing(tmp_path):
    with pytest.raises(TypeError):
        write_sampling_state(tmp_path / "s.safetensors", TENSORS, {}, {"prompt": 3})
    assert list(tmp_path.iterdir()) == []


def test_other_files_are_refused(tmp_path, models_dir):
    path = tmp_path / "plain.safetensors"
    save_file(TENSORS, path)
    with pytest.raises(UnsupportedCheckpointError, match="is not a sampling state"):
        read_sampling_state(path)
    with pytest.raises(UnsupportedCheckpointError, match="vae, not a sampling_state"):
        read_sampling_state(models_dir / "vae/random_vae.safetensors")
    with pytest.raises(FileNotFoundError):
        read_sampling_state(tmp_path / "none.safetensors")


def test_equal_contents_give_equal_bytes(tmp_path):
    tags = {f"tag{number}": "x" * number for number in range(20)}
    files = [tmp_path / f"{number}.safetensors" for number in range(4)]
    for file in files:
        write_sampling_state(file, TENSORS, {"step": 5, "é": "\n\x1b"}, tags)
    assert len({file.read_bytes() for file in files}) == 1
    assert read_sampling_state(files[0])[1]["é"] == "\n\x1b"


def test_a_state_that_lost_a_tensor_is_refused(tmp_path):
    path = tmp_path / "state.safetensors"
    write_sampling_state(path, TENSORS, {"step": 5})
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    save_file({"x": TENSORS["x"]}, path, metadata)
    with pytest.raises(UnsupportedCheckpointError, match=r"lacks history\.0"):
        read_sampling_state(path)
