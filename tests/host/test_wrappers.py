"""Wrappers on a GUIDER do the same in ComfyUI and in the standalone host."""

import pytest

NAMES = ["given", "windows", "levels", "hooks", "given_in_windows"]
PLANS = ["plain", "unguided", "rules"]
STATES = ["latent", "tokens"]
every_run = pytest.mark.parametrize(
    "run", [f"{name} {plan} {state}" for name in NAMES for plan in PLANS for state in STATES]
)


@pytest.fixture(scope="module")
def exact(probe):
    return probe("wrappers", "sdpa")


@every_run
def test_both_hosts_agree(exact, run):
    """Exactly, but for levels between 0 and the run's, where ComfyUI's x0 takes a division."""
    assert exact["difference"][run] <= (2e-5 if run.startswith("levels") else 0)


@every_run
def test_what_a_wrapper_says_reaches_the_network(exact, run):
    assert exact["from_none"][run] > 1e-3


def test_a_given_frame_is_not_changed(exact):
    assert exact["given_change"] < 1e-5


def test_a_window_is_told_its_own_duration(exact):
    assert exact["durations"]["ComfyUI"] == exact["durations"]["standalone"]
    assert set(exact["durations"]["ComfyUI"]) == {13 / 16, 17 / 16}


def test_a_start_of_zeros_is_nothing_and_stays_zeros(exact):
    zeros, ones = exact["starts"]["ComfyUI"][:2], exact["starts"]["ComfyUI"][2:]
    assert zeros == [[0.0, 0.0]] * 2
    assert all(low < -0.1 for low, _ in ones)
    assert exact["starts"]["ComfyUI"] == exact["starts"]["standalone"]


def test_skipped_blocks_inside_skipped_blocks_are_all_skipped(exact):
    assert exact["skipped"]["both"] == 0.0
    assert exact["skipped"]["first"] > 1e-3
    assert exact["skipped"]["second"] > 1e-3


def test_the_hosts_own_guider_is_taken_over(exact):
    assert exact["taken_over"] == 0


def test_what_cannot_be_wrapped_is_refused(exact):
    rules, levels = exact["refused"]
    assert "a Other has its own guidance rules" in rules
    assert "takes a single noise level" in levels
