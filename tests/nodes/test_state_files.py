"""Files of sampling states: which are offered, and which are refused before a run."""

import os

import pytest
import torch

from spacetime_video.hosts.standalone.folders import Folders, use_folders
from spacetime_video.model_loaders.keys import UnsupportedCheckpointError
from spacetime_video.model_loaders.sampling_state import write_sampling_state
from spacetime_video.nodes.helpers import state_files
from spacetime_video.nodes.sampling.sampling_state import (
    SpacetimeLoadSamplingState,
    SpacetimeSaveSamplingState,
)


def test_names_are_checked_before_the_run(folders):
    check = SpacetimeSaveSamplingState.validate_inputs
    assert check("states/a") is True
    assert check(None) is True
    assert "leads out of" in check("../a")
    assert "names no file" in check("")


def test_files_of_both_folders_are_offered_the_newest_first(folders, monkeypatch):
    times = iter(range(10))
    for path in ("input/b", "output/c", "output/deep/er/a"):
        file = folders.output.parent / f"{path}.state.safetensors"
        file.parent.mkdir(parents=True, exist_ok=True)
        write_sampling_state(file, {"x": torch.zeros(1)}, {})
        os.utime(file, (next(times),) * 2)
    (folders.output / "model.safetensors").touch()
    (folders.output / ".c.state.safetensors.part").touch()
    (folders.output / ".hidden.state.safetensors").touch()
    (files,) = SpacetimeLoadSamplingState.define_schema().inputs
    assert files.options == [
        "deep/er/a.state.safetensors [output]",
        "c.state.safetensors [output]",
        "b.state.safetensors",
    ]
    assert files.default == files.options[0]
    assert [state_files.state_path(name).is_file() for name in files.options] == [True] * 3
    assert state_files.state_path("b.state.safetensors [input]").is_file()


def test_without_files_there_is_nothing_to_choose(tmp_path):
    with use_folders(Folders.of(input=tmp_path / "none", output=tmp_path / "neither")):
        (files,) = SpacetimeLoadSamplingState.define_schema().inputs
    assert (files.options, files.default) == ([], None)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "gone.state.safetensors [output]",
            r"no sampling state 'gone.*choose here.*\[output\]",
        ),
        ("here.state.safetensors", "no sampling state 'here"),
        ("../output/here.state.safetensors", "leads out of"),
        ("../input/x [output]", "leads out of"),
        ("/etc/hostname", "leads out of"),
        ("a\0b", "leads out of"),
        ("", "no sampling state"),
    ],
)
def test_files_that_cannot_be_loaded_are_refused_before_the_run(folders, name, message):
    here = folders.output / "here.state.safetensors"
    write_sampling_state(here, {"x": torch.zeros(1)}, {})
    problem = SpacetimeLoadSamplingState.validate_inputs(name)
    assert isinstance(problem, str)
    with pytest.raises(FileNotFoundError, match=message) as error:
        SpacetimeLoadSamplingState.execute(name)
    assert str(error.value) == problem
    assert SpacetimeLoadSamplingState.validate_inputs(f"{here.name} [output]") is True
    assert SpacetimeLoadSamplingState.validate_inputs(None) is True


def test_an_incomplete_file_is_refused(folders):
    write_sampling_state(folders.input / "a.state.safetensors", {"x": torch.zeros(1)}, {"step": 1})
    with pytest.raises(UnsupportedCheckpointError, match="lacks 'sigmas'"):
        SpacetimeLoadSamplingState.execute("a.state.safetensors")


def test_a_link_to_nowhere_leaves_the_node_in_the_menu(folders):
    folders.output.mkdir(exist_ok=True)
    (folders.output / "old.state.safetensors").symlink_to("/nonexistent")
    SpacetimeLoadSamplingState.GET_SCHEMA()
