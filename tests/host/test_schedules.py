"""Model Schedule's levels are the host's own for every kind of model, and sample it."""

import math

import pytest


@pytest.fixture(scope="module")
def measured(probe):
    return probe("schedules")


@pytest.mark.parametrize(
    ("model", "count"), [("animated", 10), ("svd", 4), ("flow", 10), ("flow by size", 2)]
)
def test_levels_are_those_of_the_hosts_scheduler(measured, model, count):
    """Beta quantiles are not rounded to a timestep of the table here; all else is equal."""
    distances = measured[model]
    assert len(distances) == count
    for name, distance in distances.items():
        assert distance < (1e-2 if name.startswith("beta") else 1e-5), name


def test_auto_suits_the_model(measured):
    assert measured["auto"] == {"animated": 0, "svd": 0}
    assert measured["first"]["animated"] == pytest.approx(14.6146, abs=1e-3)
    assert measured["first"]["svd"] == pytest.approx(700)


def test_latent_consistency_with_and_without_the_hosts_patch(measured):
    assert max(measured["lcm"].values()) < 1e-5
    assert 0.05 < measured["consistent"] < 100


def test_runs_on_these_levels_are_those_of_basic_scheduler(measured):
    assert len(measured["sampled"]) == 3
    for name, (distance, size) in {**measured["sampled"], "flow": measured["flow sampled"]}.items():
        assert distance < 1e-4, name
        assert size > 0.05, name


def test_a_flow_models_shift_is_found_however_it_is_stated(measured):
    assert measured["shifts"] == pytest.approx([measured["default shift"], 5.0, math.exp(1.15)])


def test_spacings_that_a_model_lacks_are_refused_with_those_it_has(measured):
    assert measured["refused"]["svd"] == (
        "no spacing 'lcm' for a model without numbered timesteps: use auto, karras, exponential"
    )
    assert "use auto, trailing, leading, karras" in measured["refused"]["animated"]
    assert "'leading' for a flow model: use auto, trailing" in measured["flow refused"]
