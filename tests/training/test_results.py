"""Weights in pieces of a limited size, and back."""

import sys
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from spacetime_video.training.__main__ import main
from spacetime_video.training.results import in_pieces, joined
from spacetime_video.training.whole import RESULTS


def test_pieces_are_small_and_give_the_file_back(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    state = {f"weight.{n}": torch.full((100,), float(n)) for n in range(5)}
    save_file(state, path, metadata={"spacetime": "{}"})
    pieces = in_pieces(path, tmp_path / "pieces", largest=900)
    assert [piece.name for piece in pieces] == [
        f"net-0000{n}-of-00003.safetensors" for n in (1, 2, 3)
    ]
    assert all(piece.stat().st_size < 1200 for piece in pieces)
    joined(tmp_path / "pieces", path)
    again = load_file(path)
    assert again.keys() == state.keys()
    assert all(torch.equal(again[key], state[key]) for key in state)
    with safe_open(path, framework="pt") as file:
        assert file.metadata() == {"spacetime": "{}"}
    pieces[1].unlink()
    with pytest.raises(FileNotFoundError, match="2 of 3 pieces of net"):
        joined(tmp_path / "pieces", path)


def test_a_small_file_stays_whole(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    save_file({"a": torch.ones(3)}, path)
    assert [piece.name for piece in in_pieces(path, tmp_path / "pieces")] == ["net.safetensors"]
    joined(tmp_path / "pieces", tmp_path / "net.safetensors")
    assert load_file(path)["a"].tolist() == [1.0, 1.0, 1.0]


def test_the_pieces_of_a_run_are_joined_in_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in RESULTS:
        save_file({"a": torch.ones(300), "b": torch.zeros(300)}, tmp_path / name)
        assert len(in_pieces(tmp_path / name, tmp_path / "pieces", largest=1500)) == 2
    command = ["training", "--join", str(tmp_path / "pieces"), "--run-dir", str(tmp_path / "run")]
    monkeypatch.setattr(sys, "argv", command)
    main()
    for name in RESULTS:
        assert set(load_file(tmp_path / "run" / "weights" / name)) == {"a", "b"}
