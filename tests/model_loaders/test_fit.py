"""Files that do not belong together are told apart by their headers alone."""

import os
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from spacetime_video.model_loaders import files as files_module
from spacetime_video.model_loaders.fit import check_fit
from spacetime_video.model_loaders.keys import UnsupportedCheckpointError
from spacetime_video.weights import bundled


@pytest.fixture
def files() -> dict[str, Path]:
    folders = ("diffusion_models", "text_encoders", "vae")
    return {folder: next(iter(bundled(folder).values())) for folder in folders}


def test_shipped_files_fit(files: dict[str, Path]) -> None:
    check_fit(*files.values())


def test_no_matrix_is_read_and_no_file_twice(
    files: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = [Path(shutil.copy(path, tmp_path / name)) for name, path in files.items()]
    seen: list[files_module.WeightsFile] = []
    original = files_module.read_file

    def watched(path: Path, **options: object) -> files_module.WeightsFile:
        file = original(path, **options)  # pyright: ignore[reportArgumentType]
        seen.append(file)
        return file

    monkeypatch.setattr("spacetime_video.model_loaders.fit.read_file", watched)
    check_fit(*own)
    check_fit(*own)
    matrices = [t for file in seen for t in file.state.values() if t.ndim > 1]
    assert len(seen) == 3
    assert matrices
    assert all(tensor.is_meta for tensor in matrices)
    os.utime(own[1], ns=(1, 1))  # another one has come
    check_fit(*own)
    assert len(seen) == 4


def test_another_family_of_as_many_channels_is_refused(
    files: dict[str, Path], tmp_path: Path
) -> None:
    bare = tmp_path / "bare.safetensors"
    save_file(_published(load_file(files["vae"])), bare)
    with pytest.raises(ValueError, match="different families"):
        check_fit(files["diffusion_models"], files["text_encoders"], bare)


def _published(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A VAE as others would publish it: no linear code, no config."""
    return {key: value for key, value in state.items() if "linear" not in key}


def test_a_broken_or_missing_file_is_named(files: dict[str, Path], tmp_path: Path) -> None:
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"nothing")
    rest = (files["text_encoders"], files["vae"])
    with pytest.raises(UnsupportedCheckpointError, match=r"broken\.safetensors is not a readable"):
        check_fit(broken, *rest)
    with pytest.raises(FileNotFoundError, match=r"gone\.safetensors"):
        check_fit(tmp_path / "gone.safetensors", *rest)
