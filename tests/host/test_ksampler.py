"""The KSampler of both hosts gives the same latent from the same seed."""

import pytest

RUNS = [
    "euler simple",
    "euler normal",
    "heun simple",
    "heun normal",
    "denoise",
    "nothing",
    "batch",
    "wider",
]


@pytest.fixture(scope="module")
def measured(probe):
    return probe("ksampler", "sdpa")


@pytest.mark.parametrize("name", RUNS)
def test_both_hosts_agree(measured, name):
    assert measured["size"][name] > 0.1
    assert measured["difference"][name] < 1e-4


@pytest.mark.parametrize("name", ["euler", "lcm", "dpmpp_2m"])
def test_the_model_is_the_same_to_comfyuis_solvers(measured, name):
    assert measured["under_their_solvers"][name] == 0.0


def test_the_model_is_the_same_to_comfyuis_uni_pc(measured):
    assert measured["under_their_solvers"]["uni_pc"] < 1e-4


def test_the_same_keys_come_out(measured):
    assert all(measured["keys"])
