"""Seamless Loop and Context Windows from their inputs to the frames."""

import logging

import pytest
import torch

from spacetime_video.graph.schema import HiddenHolder, with_hidden
from spacetime_video.model_loaders.load import read_dit
from spacetime_video.nodes.helpers.trained import read_range
from spacetime_video.nodes.latent.latents import SpacetimeEmptyVideo
from spacetime_video.nodes.sampling.sampling_state import (
    SpacetimeResumeSampling,
    SpacetimeSampleSteps,
)
from spacetime_video.nodes.timeline.loop import TRAINED_FRAMES, SpacetimeSeamlessLoop
from spacetime_video.nodes.timeline.windows import SpacetimeContextWindows
from spacetime_video.nodes.video.video import SpacetimeDecodeVideo
from spacetime_video.weights import bundled

HALVES = (3, 1, "static", "pyramid")
"""Inputs of windows of three latent frames."""


def loop_of(frames=32):
    return SpacetimeSeamlessLoop.execute(32, 48, frames, 12.0).args[0]


def test_a_loop_has_its_frames_to_the_last(bench):
    latent = loop_of(16)
    assert latent["samples"].shape == (1, 16, 4, 6, 4)
    assert (latent["loop"], latent["fps"]) == (True, 12.0)
    sampled = bench.sample(latent)
    assert sampled["loop"] is True
    frames, rate = SpacetimeDecodeVideo.execute(sampled, bench.models.vae).args
    assert frames.shape == (16, 48, 32, 3)
    assert rate == 12.0


def test_the_default_length_is_one_that_the_shipped_model_knows():
    trained = read_range(read_dit(*bundled("diffusion_models").values()).info)
    assert TRAINED_FRAMES in [shape.frames for shape in trained.loops]


@pytest.mark.parametrize(
    ("size", "told"),
    [
        (
            (64, 64, 33),
            r"33 frames do not fit: use a multiple of 4 in a loop \(nearest: 32 or 36\)",
        ),
        ((64, 60, 32), "height 60 does not fit: use a multiple of 16"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(size, told):
    answer = SpacetimeSeamlessLoop.validate_inputs(*size)
    with pytest.raises(ValueError, match=told) as refused:
        SpacetimeSeamlessLoop.execute(*size)
    assert answer == str(refused.value)
    assert SpacetimeSeamlessLoop.validate_inputs(None, 64, None) is True
    assert SpacetimeSeamlessLoop.validate_inputs(64, 64, 32) is True


def empty(frames):
    return SpacetimeEmptyVideo.execute(32, 32, frames, 16.0)[0]


def windowed(bench, *values):
    return SpacetimeContextWindows.execute(bench.guider(), *values).args[0]


def test_windows_change_a_clip_that_is_longer_and_no_other(bench, caplog):
    long, short = empty(frames=29), empty(frames=9)
    with caplog.at_level(logging.WARNING):
        assert torch.equal(
            bench.sample(short, guider=windowed(bench, *HALVES))["samples"],
            bench.sample(short)["samples"],
        )
        assert "from noise alone" not in caplog.text
        made = bench.sample(long, guider=windowed(bench, *HALVES))["samples"]
    assert "from noise alone" in caplog.text
    assert "use Sample Long Video" in caplog.text
    assert float((made - bench.sample(long)["samples"]).abs().max()) > 1e-3


def test_a_clip_to_edit_is_cut_without_a_warning(bench, caplog):
    latent = empty(frames=29)
    latent["samples"] = torch.ones_like(latent["samples"])
    with caplog.at_level(logging.WARNING):
        bench.sample(latent, guider=windowed(bench, *HALVES))
    assert "from noise alone" not in caplog.text


def test_a_resumed_run_lays_its_windows_where_they_would_have_been(bench):
    moving = windowed(bench, 3, 1, "uniform", "pyramid")
    parts = bench.parts(steps=6, guider=moving)
    state, _ = SpacetimeSampleSteps.execute(*parts, empty(29), 3).args
    resumed, _ = SpacetimeResumeSampling.execute(*parts[:3], state, 0).args
    whole = bench.sample(empty(29), steps=6, guider=moving)
    assert torch.equal(resumed["samples"], whole["samples"])


def test_wrong_windows_are_refused_before_the_run():
    assert SpacetimeContextWindows.validate_inputs(16, 4, 1) is True
    assert "an overlap from 0 to 3" in SpacetimeContextWindows.validate_inputs(4, 4, 1)
    with pytest.raises(ValueError, match="'looped' is unknown"):
        SpacetimeContextWindows.execute(None, 16, 4, "looped", "flat")


def graph_of(sampler, decoder):
    """A loop through a sampler and a decoder, and its pictures through others of ComfyUI's."""
    types = {
        "loop": ("SpacetimeSeamlessLoop", {"width": 32}),
        "sampler": (sampler, {"latent": ["loop", 0], "seed": 1}),
        "decoder": (decoder, {"latent": ["sampler", 0]}),
        "again": ("VAEEncode", {"pixels": ["decoder", 0]}),
        "other": ("KSamplerAdvanced", {"latent_image": ["again", 0]}),
        "apart": ("VAEDecodeTiled", {"samples": ["elsewhere", 0]}),
    }
    return {id: {"class_type": name, "inputs": given} for id, (name, given) in types.items()}


@pytest.mark.parametrize(
    ("sampler", "decoder", "named"),
    [
        ("SpacetimeSample", "SpacetimeDecodeVideo", ()),
        ("SpacetimeSample", "VAEDecode", ("VAEDecode",)),
        ("KSampler", "SpacetimeDecodeToFile", ("KSampler",)),
        ("SamplerCustomAdvanced", "VAEDecode", ("SamplerCustomAdvanced", "VAEDecode")),
    ],
)
def test_nodes_that_cannot_see_a_loop_are_named(sampler, decoder, named, caplog):
    hidden = HiddenHolder(prompt=graph_of(sampler, decoder), unique_id="loop")
    with_hidden(SpacetimeSeamlessLoop, hidden).execute(32, 48, 16, 12.0)
    if not named:
        assert not caplog.messages
        return
    (told,) = caplog.messages
    assert told.startswith(f"{' and '.join(named)} cannot see")
    assert not {"KSamplerAdvanced", "VAEDecodeTiled"} & set(told.replace(":", "").split())
