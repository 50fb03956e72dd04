"""Clips that a model was not trained on are told once, where its file says on what it was."""

from dataclasses import replace

import pytest

from spacetime_video.hosts import host
from spacetime_video.models.shapes import VideoShape
from spacetime_video.nodes.helpers.trained import TRAINED_KEY, read_range
from spacetime_video.nodes.latent.latents import SpacetimeEmptyVideo
from spacetime_video.nodes.patches.patches import SpacetimePatchify
from spacetime_video.nodes.sampling.sampling import SpacetimeSample, SpacetimeSamplePatches
from spacetime_video.nodes.sampling.sampling_state import SpacetimeSampleSteps
from spacetime_video.samplers.window_plans import WindowPlan
from spacetime_video.samplers.windows import context_windows
from spacetime_video.training.sources import trained_range

TRAINED = {"shapes": [[5, 32, 32], [9, 32, 48]], "loops": [], "fps": [8.0, 16.0]}


@pytest.fixture
def run(bench, loaded, caplog):
    """Sample in one of the nodes with a model that says this of its training; what was told."""

    def sampled(*latents, node=SpacetimeSample, trained=TRAINED, windows=None):
        model = replace(loaded.model, info={**loaded.model.info, TRAINED_KEY: trained})
        guider, noise, sampler, sigmas = bench.parts(steps=2, model=model)
        if windows is not None:
            guider = host().sampling.with_wrapper(guider, context_windows(windows))
        if node is SpacetimeSamplePatches:
            tokens = SpacetimePatchify.execute(list(latents))[0]
            node.execute(guider, noise, sampler, sigmas, tokens)
        else:
            stop = (1,) if node is SpacetimeSampleSteps else ()
            node.execute(guider, noise, sampler, sigmas, latents[0], *stop)
        return caplog.messages

    return sampled


def empty(width=32, height=32, frames=5, fps=16.0):
    return SpacetimeEmptyVideo.execute(width, height, frames, fps)[0]


@pytest.mark.parametrize("node", [SpacetimeSample, SpacetimeSamplePatches, SpacetimeSampleSteps])
def test_all_of_it_is_told_once(run, node):
    (said,) = run(empty(64, 64, 9, 24.0), node=node)
    assert said == (
        "try 48x32 with 9 frames: the model was not trained on 64x64 with 9 frames; "
        "set fps to between 8 and 16: the model was not trained on 24"
    )


def test_packed_clips_are_told_together(run):
    clips = empty(), empty(frames=13), empty(frames=13), empty(fps=4.0)
    (said,) = run(*clips, node=SpacetimeSamplePatches)
    assert said.count("was not trained on 32x32 with 13 frames") == 1
    assert said.count("was not trained on 4") == 1


def test_loops_are_told_apart(run):
    loop = {**empty(frames=5), "loop": True}
    assert run(loop) == ["make an open clip: the model was not trained on loops"]


def test_a_loop_has_as_many_frames_as_the_circle(run, caplog):
    loop = {**empty(frames=5), "loop": True}
    assert run(loop, trained={**TRAINED, "loops": [[8, 32, 32]]}) == []
    (said,) = run(loop, trained={**TRAINED, "loops": [[4, 32, 32]]})
    assert "try 32x32 with 4 frames: the model was not trained on 32x32 with 8 frames" in said


def test_windows_are_told_as_what_the_model_sees(run, caplog):
    """Two latent frames are 5 frames, in a loop as well; a clip that fits is seen as a whole."""
    short = WindowPlan(length=2, overlap=1, schedule="uniform", blend="pyramid")
    assert run(empty(frames=17), windows=short) == []
    assert run({**empty(frames=17), "loop": True}, windows=short) == []
    (said,) = run(empty(frames=17), windows=replace(short, length=3))
    assert "the model was not trained on 32x32 with 9 frames" in said
    caplog.clear()
    (said,) = run(empty(frames=17), windows=replace(short, length=5))
    assert "the model was not trained on 32x32 with 17 frames" in said


@pytest.mark.parametrize(
    "trained",
    [
        None,
        {},
        {"shapes": 3},
        {**TRAINED, "loops": [["a", 1, 1]]},
        {**TRAINED, "shapes": [[5, 0, 32]]},
        {**TRAINED, "shapes": [[5, 32]]},
    ],
)
def test_weights_that_say_nothing_warn_of_nothing(run, trained):
    assert run(empty(64, 64, 9, 24.0), trained=trained) == []


@pytest.mark.parametrize(
    ("shape", "inside"),
    [
        ((17, 64, 64), True),
        ((1, 64, 64), True),
        ((5, 64, 64), True),
        ((49, 64, 64), True),
        ((17, 96, 160), True),
        ((17, 112, 112), True),
        ((1, 48, 96), True),
        ((53, 64, 64), False),
        ((17, 32, 32), False),
        ((17, 256, 256), False),
        ((33, 96, 160), False),
        ((17, 48, 96), False),
        ((1, 48, 128), False),
    ],
)
def test_what_lies_between_trained_clips_counts_as_trained(shape, inside):
    known = read_range({TRAINED_KEY: trained_range()})
    assert known is not None
    problem = known.problem(VideoShape(*shape), loop=False, fps=12.0)
    assert (problem == "") is inside
