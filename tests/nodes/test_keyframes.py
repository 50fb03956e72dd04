"""Frames beside a single image on a timeline are regenerated; the image itself comes back."""

from dataclasses import replace

import pytest
import torch

from spacetime_video.hosts.standalone.stock_sampling import RandomNoise, SamplerCustomAdvanced
from spacetime_video.media import whole_frames
from spacetime_video.nodes.helpers import long_runs
from spacetime_video.nodes.helpers.tokens import pack, unpack
from spacetime_video.nodes.latent.latents import SpacetimeEmptyVideo
from spacetime_video.nodes.sampling.sampling_state import (
    SpacetimeResumeSampling,
    SpacetimeSampleSteps,
)
from spacetime_video.nodes.timeline.long import SpacetimeSampleLongVideo
from spacetime_video.nodes.timeline.timeline import (
    SpacetimeDecodeTimeline,
    SpacetimePlaceOnTimeline,
)

IMAGE = torch.rand(1, 32, 32, 3, generator=torch.Generator().manual_seed(0))
KEY = 2
"""Latent frame of an image at frame 6."""


def keyframe(loaded, frames=9, *at):
    latent = SpacetimeEmptyVideo.execute(32, 32, frames, 16.0)[0]
    for frame in at or (6,):
        latent = SpacetimePlaceOnTimeline.execute(latent, IMAGE, loaded.vae, frame / 16)[0]
    return latent


def long(bench, latent, *, chunk=9, context=1):
    inputs = {"chunk": chunk, "context": context, "resumable": False}
    return SpacetimeSampleLongVideo.execute(*bench.parts(), latent, **inputs)[0]


def test_every_node_that_samples_regenerates_them_alike(bench, loaded):
    latent, parts = keyframe(loaded), bench.parts()
    state = SpacetimeSampleSteps.execute(*parts, latent, 1)[0]
    (patches,) = unpack(bench.sample_patches(pack([latent])))
    wanted = bench.sample(latent)
    made = {
        "Sample Steps": SpacetimeResumeSampling.execute(*parts[:3], state)[0],
        "Sample Patches": patches,
        "Sample Long Video": long(bench, latent),
    }
    for name, each in made.items():
        assert torch.equal(each["noise_mask"], latent["noise_mask"]), name
        torch.testing.assert_close(each["samples"], wanted["samples"], atol=1e-4, rtol=1e-4)
    change = (wanted["samples"] - latent["samples"])[:, :, KEY].abs().mean()
    assert float(change) > 0.05
    images = whole_frames(SpacetimeDecodeTimeline.execute(wanted, loaded.vae)[0])
    assert torch.equal(images[6], IMAGE[0])


def test_samplers_that_know_no_ceilings_keep_them_as_copies(bench, loaded):
    latent, (guider, _, sampler, sigmas) = keyframe(loaded), bench.parts()
    noise = RandomNoise.execute(3)[0]
    made = SamplerCustomAdvanced.execute(noise, guider, sampler, sigmas, latent)[0]["samples"]
    assert torch.equal(made[:, :, KEY], latent["samples"][:, :, KEY])
    assert not torch.equal(made[:, :, 1], latent["samples"][:, :, 1])


def test_a_model_that_knows_of_nothing_given_repeats_its_steps(bench, loaded, caplog):
    latent, model = keyframe(loaded), replace(bench.models.model, info={})
    made = bench.sample(latent, model=model)["samples"]
    assert any("joins are softer" in each for each in caplog.messages)
    assert float((made - latent["samples"])[:, :, KEY].abs().mean()) > 0.05


@pytest.mark.parametrize("at", [(14, 38), (0, 18, 40)])
def test_a_long_clip_leads_into_each_of_them(bench, loaded, monkeypatch, at):
    """One run generates the frames before an image and those beside it."""
    seen, original = [], long_runs.LongRun._run

    def noted(self, whole, chunk, steps=None):
        seen.append(chunk)
        return original(self, whole, chunk, steps)

    monkeypatch.setattr(long_runs.LongRun, "_run", noted)
    latent = keyframe(loaded, 41, *at)
    made = long(bench, latent, chunk=17, context=5)["samples"]
    keys = [-(-frame // 4) for frame in at if frame]
    assert all(any({key - 1, key} <= {*chunk.made} for chunk in seen) for key in keys)
    change = (made - latent["samples"])[:, :, keys].abs().mean((0, 1, 3, 4))
    assert float(change.min()) > 0.05
    if 0 in at:
        assert torch.equal(made[:, :, 0], latent["samples"][:, :, 0])
