"""ComfyUI and the standalone host give the same pictures for the same noise."""

import pytest

SOLVED = ["euler", "heun", "dpmpp_2m", "unipc", "given", "packed"]


@pytest.fixture(scope="module")
def exact(probe):
    return probe("parity", "sdpa")


@pytest.fixture(scope="module")
def usual(probe):
    return probe("parity")


@pytest.mark.parametrize("name", [*SOLVED, "prompt"])
def test_runs_are_equal_with_the_same_attention(exact, name):
    assert exact["size"][name] > 0.01
    assert exact["difference"][name] == 0.0


@pytest.mark.parametrize("name", [*SOLVED, "prompt"])
def test_runs_agree_with_the_hosts_own_attention(usual, name):
    assert usual["difference"][name] < 1e-4


@pytest.mark.parametrize("name", ["encoded", "decoded"])
def test_the_vae_agrees(exact, name):
    assert exact["difference"][name] < 1e-5


@pytest.mark.parametrize(("attention", "tolerance"), [("sdpa", 0.0), ("default", 1e-4)])
def test_text_to_video_with_the_shipped_weights_is_equal(probe, attention, tolerance):
    measured = probe("shipped", attention)
    assert measured["shape"] == [17, 64, 64, 3]
    assert measured["contrast"] > 0.02
    assert measured["latent"] <= tolerance
    assert measured["frames"] <= max(tolerance, 1e-6)
