"""Our solvers run ComfyUI's own Wan network, which agrees with ours on the same weights."""

import pytest


@pytest.fixture(scope="module")
def measured(probe):
    return probe("wan", "sdpa")


@pytest.mark.parametrize("solver", ["euler", "heun", "dpmpp_2m", "unipc"])
def test_the_hosts_network_and_ours_agree(measured, solver):
    assert measured["size"][solver] > 0.1
    assert measured["difference"][solver] < 1e-4


def test_a_model_without_a_token_form_is_refused(measured):
    assert "use the Sample node" in measured["refusal"]


def test_a_built_model_keeps_no_second_copy_of_its_weights(measured):
    assert measured["kept"] == 0
