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


@pytest.mark.parametrize("number", range(4))
def test_weights_in_prompts_give_the_same_numbers(exact, number):
    assert exact["weights_act"] > 0.1
    assert exact["difference"][f"weighted {number}"] == 0.0


def test_parentheses_are_read_as_the_host_reads_them(exact):
    assert exact["segments"] == []


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
