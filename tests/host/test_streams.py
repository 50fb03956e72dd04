"""Latents of video with sound are sampled as ComfyUI does it, or refused before any work."""

import pytest


@pytest.fixture(scope="module")
def measured(probe, host_has):
    host_has("nested_tensor")
    return probe("streams")


@pytest.mark.parametrize("mask", ["plain", "masked"])
def test_sample_gives_what_the_hosts_sampler_gives(measured, mask):
    assert measured["shapes"] == [[1, 128, 2, 3, 4], [1, 8, 5, 16]]
    assert measured[mask] < 1e-5


def test_a_kept_frame_stays(measured):
    assert measured["kept"] < 1e-5


def test_stochastic_solvers_draw_for_both_streams(measured):
    assert measured["finite"]
    assert measured["ancestral"] > 0.1


def test_guidance_by_noise_level_acts(measured):
    whole, narrow = measured["interval"]
    assert whole < 1e-5
    assert narrow > 1e-3


def test_the_video_is_decoded(measured):
    assert measured["decoded"] == [[1, 128, 2, 3, 4]]


@pytest.mark.parametrize(
    ("where", "remedy"),
    [
        ("noise", "use RandomNoise"),
        ("model", "this model generates video only"),
        ("rules", "guidance by frames cannot find its frames"),
        ("steps", "cannot be stopped and resumed yet, use Sample"),
        ("patchify", "use Sample"),
    ],
)
def test_what_cannot_take_it_says_so(measured, where, remedy):
    assert "a latent of several streams, such as video with sound" in measured["refusals"][where]
    assert remedy in measured["refusals"][where]
