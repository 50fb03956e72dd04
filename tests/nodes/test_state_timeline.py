"""The timeline of a stopped run in a file."""

import torch

from spacetime_video.hosts.standalone.folders import Folders, use_folders
from spacetime_video.nodes.sampling.sampling_state import (
    SpacetimeLoadSamplingState,
    SpacetimeSampleSteps,
    SpacetimeSaveSamplingState,
)
from spacetime_video.nodes.timeline.extend import SpacetimeCloseLoop, SpacetimeExtendForward
from spacetime_video.nodes.timeline.timeline import SpacetimePlaceOnTimeline
from spacetime_video.samplers.clips import COVERAGE_KEY
from spacetime_video.timeline import TIMELINE_KEY


def test_it_is_known_again_whether_it_closes_a_clip(loaded, bench, tmp_path):
    closing = SpacetimeCloseLoop.execute(torch.rand(9, 32, 32, 3), loaded.vae, 6)[0]
    assert closing[COVERAGE_KEY].closes
    state = SpacetimeSampleSteps.execute(*bench.parts(), closing, 1)[0]
    with use_folders(Folders.of(input=tmp_path / "input", output=tmp_path / "output")):
        SpacetimeSaveSamplingState.execute(state, "run")
        name = "run_00001_.state.safetensors [output]"
        latent = SpacetimeLoadSamplingState.execute(name)[0].latent
    assert latent[COVERAGE_KEY] == closing[COVERAGE_KEY]


def test_it_comes_back_as_it_was(loaded, bench, tmp_path, caplog):
    frames = torch.rand(9, 32, 32, 3)
    audio = {"waveform": torch.rand(1, 2, 400), "sample_rate": 800}
    latent = SpacetimeExtendForward.execute(frames, loaded.vae, 6, audio=audio)[0]
    mask = torch.zeros(1, 32, 32)
    mask[:, :16] = 0.5
    placed = SpacetimePlaceOnTimeline.execute(latent, frames[:1], loaded.vae, 0.75, mask)[0]
    state = SpacetimeSampleSteps.execute(*bench.parts(), placed, 1)[0]
    with use_folders(Folders.of(input=tmp_path / "input", output=tmp_path / "output")):
        SpacetimeSaveSamplingState.execute(state, "run")
        name = "run_00001_.state.safetensors [output]"
        latent = SpacetimeLoadSamplingState.execute(name)[0].latent
    read, known = latent[TIMELINE_KEY], placed[TIMELINE_KEY]
    assert latent[COVERAGE_KEY].part([0]) == placed[COVERAGE_KEY].part([0])
    assert read.shape == known.shape
    assert [piece.start for piece in read.pieces] == [0, 12]
    for one, other in zip(read.pieces, known.pieces, strict=True):
        assert torch.equal(one.frames, other.frames)
    assert torch.equal(read.pieces[1].change, known.pieces[1].change)
    assert torch.equal(read.sounds[0].sound.samples, audio["waveform"][0])
    assert not [entry for entry in caplog.records if "not saved" in entry.getMessage()]
