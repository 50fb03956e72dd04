"""The pack's nodes run ComfyUI's own video networks, on the noise levels of their kind."""

import pytest

MODELS = ["svd", "animated"]


@pytest.fixture(scope="module")
def measured(probe):
    return probe("others")


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("solver", ["euler", "heun", "dpmpp_2m", "unipc"])
def test_every_solver_gives_a_finite_result(measured, model, solver):
    assert measured[model]["finite"][solver]
    assert measured[model]["size"][solver] > 0.1
    assert measured[model]["shape"] == [5, 4, 8, 6]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("solver", ["euler", "heun", "dpmpp_2m"])
def test_solvers_agree_with_the_hosts_of_the_same_name(measured, model, solver):
    assert measured[model]["difference"][solver] < 1e-4


@pytest.mark.parametrize("model", MODELS)
def test_unipc_goes_where_dpmpp_2m_goes(measured, model):
    assert 0 < measured[model]["apart"] < 0.1


@pytest.mark.parametrize(("model", "noise"), [("svd", "700"), ("animated", "14.6146")])
def test_levels_of_flow_models_are_refused(measured, model, noise):
    assert measured[model]["first_level"] == pytest.approx(float(noise), abs=1e-3)
    assert f"pure noise is {noise} for this model" in measured[model]["refusal"]
    assert "use Model Schedule" in measured[model]["refusal"]
