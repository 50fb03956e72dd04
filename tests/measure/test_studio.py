"""The model that is measured: batches change nothing, and what is given is kept."""

from dataclasses import replace

import pytest
import torch

from spacetime_video.measure.cases import HELD_OUT, cases, true_clips
from spacetime_video.measure.given import known_of
from spacetime_video.measure.studio import ClipMaker, Settings
from spacetime_video.models.shapes import VideoShape
from spacetime_video.weights import bundled

SHAPE = VideoShape(5, 32, 32)


@pytest.fixture(scope="module")
def studio(models_dir, tmp_path_factory):
    """Random weights under the names of the shipped ones."""
    folder = tmp_path_factory.mktemp("weights")
    for kind in ("diffusion_models", "text_encoders", "vae"):
        name = next(iter(bundled(kind)))
        made = next(path for path in (models_dir / kind).iterdir() if "random" in path.name)
        (folder / name).symlink_to(made)
    return ClipMaker(Settings(steps=3, device="cpu", weights=folder))


@pytest.fixture(scope="module")
def chosen():
    return cases(HELD_OUT, 3, "single", SHAPE)


def test_a_clip_does_not_depend_on_its_batch(studio, chosen):
    together = studio.make(chosen)
    assert together.shape == (3, 5, 32, 32, 3)
    for case, clip in zip(chosen, together, strict=True):
        torch.testing.assert_close(studio.make([case])[0], clip, atol=1e-5, rtol=0)


def test_prompt_seed_and_frame_rate_change_a_clip(studio, chosen):
    case = chosen[0]
    others = (replace(case, seed=7), replace(case, scene=chosen[1].scene), replace(case, fps=8.0))
    clip, same, seed, prompt, slow = (studio.make([each])[0] for each in (case, case, *others))
    assert case.prompt != chosen[1].prompt
    assert (clip - slow).abs().max() > 1e-5
    assert torch.equal(clip, same)
    assert (clip - seed).abs().max() > 1e-3
    assert (clip - prompt).abs().max() > 1e-5


def test_what_is_given_stays_and_matters(studio, chosen):
    video = true_clips(chosen).video
    known = torch.stack([known_of("first frame", studio.latent_shape(SHAPE), 0)] * 3)
    prompts = [case.prompt for case in chosen]
    filled = studio.fill(chosen, prompts, video, known)
    assert filled.change == 0
    assert filled.clips.shape == video.shape
    other = studio.fill(chosen, prompts, video.flip(0), known)
    assert (filled.clips[0] - other.clips[0]).abs().max() > 1e-3
    alone = studio.fill(chosen[:1], prompts[:1], video[:1], known[:1])
    torch.testing.assert_close(alone.clips[0], filled.clips[0], atol=1e-5, rtol=0)


def test_nothing_given_is_what_make_makes(studio, chosen):
    nothing = torch.zeros(3, *studio.latent_shape(SHAPE), dtype=torch.bool)
    video, prompts = true_clips(chosen).video, [case.prompt for case in chosen]
    filled = studio.fill(chosen, prompts, video, nothing)
    torch.testing.assert_close(filled.clips, studio.make(chosen), atol=1e-5, rtol=0)
