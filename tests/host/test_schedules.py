"""Model Schedule's levels are the host's own for every kind of model, and sample it."""

import json
import math
import time
import urllib.error

import pytest
from PIL import Image

SECONDS = 120


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


def node(kind, **inputs):
    return {"class_type": f"Spacetime{kind}", "inputs": inputs}


def prompt(levels):
    """Four schedules in one plot, one of them with a shift that comes over a wire."""
    return {
        "1": node("EmptyVideo", width=64, height=64, frames=17, fps=16.0),
        "2": node(
            "ShiftForSize", latent=["1", 0], rule="area", reference_tokens=20, reference_shift=1.5
        ),
        "3": node("Schedule", steps=12, shift=["2", 0]),
        "4": node("CustomSchedule", levels=levels),
        "5": node("FewStepSchedule", grid="rcm_4"),
        "6": node("StretchSchedule", sigmas=["3", 0], terminal=0.1),
        "7": node(
            "SchedulePlot", sigmas=["3", 0], labels="shift, mine, rCM, stretched", scale="auto",
            sigmas_2=["4", 0], sigmas_3=["5", 0], sigmas_4=["6", 0],
        ),
    }  # fmt: skip


def finished(server, prompt):
    """What a run showed, by node."""
    number = json.loads(server.post("/prompt", {"prompt": prompt}))["prompt_id"]
    for _ in range(SECONDS):
        run = server.get(f"/history/{number}").get(number)
        if run is not None:
            assert run["status"]["status_str"] == "success", run["status"]
            return run["outputs"]
        time.sleep(1)
    return pytest.fail(f"not done in {SECONDS} s")


def test_schedules_run_on_a_server_and_the_plot_is_shown(server):
    (shown,) = finished(server, prompt("1, 0.5, 0.25"))["7"]["images"]
    assert shown["type"] == "temp"
    with Image.open(server.base / "temp" / shown["filename"]) as picture:
        assert picture.size == (900, 690)
        assert len(picture.convert("RGB").getcolors(100_000)) > 20


def test_a_server_refuses_levels_that_are_none(server):
    with pytest.raises(urllib.error.HTTPError) as refused:
        server.post("/prompt", {"prompt": prompt("1, half, 0")})
    assert "'half' is not a noise level: write decreasing numbers" in refused.value.read().decode()
