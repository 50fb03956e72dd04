"""A run that is stopped, saved, loaded and resumed in ComfyUI ends in the same bits."""

import json
import urllib.error

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from spacetime_video.nodes.helpers.state_files import read_state
from spacetime_video.nodes.load.models import SpacetimeLoadModels
from spacetime_video.nodes.prompt.prompt import SpacetimeEncodePrompt
from spacetime_video.nodes.sampling.noise import SpacetimeNoise
from spacetime_video.nodes.sampling.sampling import SpacetimeDenoiser
from spacetime_video.nodes.sampling.sampling_state import SpacetimeResumeSampling
from spacetime_video.nodes.sampling.solvers import SpacetimeSolver

STEPS, STOP = 6, 2
SAMPLERS = {
    "unipc_3": ("SpacetimeSolver", {"solver": "unipc_3"}),
    "dpmpp_2m_sde": ("SpacetimeSolver", {"solver": "dpmpp_2m_sde"}),
    "tcd": ("SpacetimeLCMSampler", {"eta": 0.3}),
}
every_sampler = pytest.mark.parametrize("name", SAMPLERS)
MODELS = {
    "model": "spacetime_tiny_dit.safetensors",
    "text_encoder": "spacetime_tiny_text.safetensors",
    "vae": "spacetime_tiny_vae.safetensors",
    "dtype": "fp32",
}
PROMPT, GUIDANCE, SEED = "a red sphere moves left at day", 2.0, 3


def node(kind, **inputs):
    return {"class_type": kind, "inputs": inputs}


def shared():
    """What every run needs, and a sampler of each kind under its name."""
    made = {
        "models": node("SpacetimeLoadModels", **MODELS),
        "prompt": node("SpacetimeEncodePrompt", clip=["models", 1], text=PROMPT),
        "negative": node("SpacetimeEncodePrompt", clip=["models", 1], text=""),
        "denoiser": node(
            "SpacetimeDenoiser",
            model=["models", 0],
            positive=["prompt", 0],
            negative=["negative", 0],
            guidance=GUIDANCE,
        ),
        "noise": node("SpacetimeNoise", seed=SEED),
    }
    return made | {name: node(kind, **inputs) for name, (kind, inputs) in SAMPLERS.items()}


def parts(name):
    return {"guider": ["denoiser", 0], "noise": ["noise", 0], "sampler": [name, 0]}


def stopped_graph():
    """Every run as a whole, and its first steps with their file."""
    graph = shared() | {
        "size": node("SpacetimeEmptyVideo", width=48, height=32, frames=9, fps=16.0),
        "schedule": node("SpacetimeSchedule", steps=STEPS, shift=3.0),
    }
    for name in SAMPLERS:
        run = {**parts(name), "sigmas": ["schedule", 0], "latent": ["size", 0]}
        graph |= {
            f"{name}_whole": node("SpacetimeSample", **run),
            f"{name}_steps": node("SpacetimeSampleSteps", **run, stop_after=STOP),
            f"{name}_saved": node(
                "SpacetimeSaveSamplingState",
                state=[f"{name}_steps", 0],
                filename_prefix=f"states/{name}",
            ),
        }
        graph |= kept(f"{name}/whole", [f"{name}_whole", 0])
        graph |= kept(f"{name}/so_far", [f"{name}_steps", 1])
    return graph


def resumed_graph():
    graph = shared()
    for name in SAMPLERS:
        state = f"{name}_loaded"
        graph[state] = node("SpacetimeLoadSamplingState", file=file_of(name))
        graph[f"{name}_resumed"] = node(
            "SpacetimeResumeSampling", **parts(name), state=[state, 0], stop_after=0
        )
        graph |= kept(f"{name}/resumed", [f"{name}_resumed", 0])
        graph |= kept(f"{name}/loaded", [state, 1])
    return graph


def kept(prefix, latent):
    return {f"kept {prefix}": node("SaveLatent", samples=latent, filename_prefix=prefix)}


def file_of(name):
    return f"states/{name}_00001_.state.safetensors [output]"


def process_of(server, name):
    return server.base / "output" / file_of(name).removesuffix(" [output]")


@pytest.fixture(scope="module")
def runs(server):
    """What both graphs say at their ends; the files go when the tests are done."""
    yield server.run(stopped_graph()), server.run(resumed_graph())
    for name in SAMPLERS:
        process_of(server, name).unlink()


@pytest.fixture(scope="module", autouse=True)
def warnings(server):
    """How many came since the first of these tests."""

    def count():
        return server.log.read_text().count("not distilled for few steps")

    before = count()
    return lambda: count() - before


@pytest.fixture(scope="module")
def latents(server, runs):
    """Saved latents by what they are of."""
    assert [run["status"]["status_str"] for run in runs] == ["success", "success"]
    root = server.base / "output"
    return {
        path.relative_to(root).as_posix().removesuffix("_00001_.latent"): load_file(path)[
            "latent_tensor"
        ]
        for path in root.rglob("*_00001_.latent")
    }


@every_sampler
def test_resumed_is_the_same_to_the_bit(latents, name):
    whole = latents[f"{name}/whole"]
    assert torch.equal(latents[f"{name}/resumed"], whole)
    assert whole.std() > 0.1


@every_sampler
def test_what_it_looked_like_is_in_the_file(latents, name):
    assert torch.equal(latents[f"{name}/so_far"], latents[f"{name}/loaded"])
    assert not torch.allclose(latents[f"{name}/so_far"], latents[f"{name}/whole"], atol=0.1)


@every_sampler
def test_the_file_is_reported_and_brings_its_graph_back(server, runs, name):
    (saved,) = runs[0]["outputs"][f"{name}_saved"]["states"]
    assert f"{saved['subfolder']}/{saved['filename']} [{saved['type']}]" == file_of(name)
    with safe_open(process_of(server, name), framework="pt") as file:
        assert json.loads(file.metadata()["prompt"])["noise"]["inputs"] == {"seed": SEED}


def test_the_standalone_host_goes_on_with_it(server, latents):
    model, clip, _ = SpacetimeLoadModels.execute(**MODELS).args
    positive, negative = (SpacetimeEncodePrompt.execute(clip, text)[0] for text in (PROMPT, ""))
    guider = SpacetimeDenoiser.execute(model, positive, negative, GUIDANCE)[0]
    noise, sampler = SpacetimeNoise.execute(SEED)[0], SpacetimeSolver.execute("unipc_3")[0]
    state = read_state(process_of(server, "unipc_3"))
    with torch.inference_mode():
        finished = SpacetimeResumeSampling.execute(guider, noise, sampler, state)[0]
    torch.testing.assert_close(finished["samples"], latents["unipc_3/whole"], atol=2e-3, rtol=2e-3)


def test_another_seed_is_refused(server, runs):
    graph = resumed_graph()
    graph["noise"]["inputs"]["seed"] = SEED + 1
    messages = json.dumps(server.run(graph)["status"]["messages"])
    assert f"the noise has the seed {SEED + 1}, but the run was started with {SEED}" in messages


@pytest.mark.parametrize("file", ["none.state.safetensors", "../output/a [output]"])
def test_a_file_that_is_not_there_is_refused_before_the_run(server, runs, file):
    graph = resumed_graph()
    for name in SAMPLERS:
        graph[f"{name}_loaded"]["inputs"]["file"] = file
    with pytest.raises(urllib.error.HTTPError) as refused:
        server.post("/prompt", {"prompt": graph})
    answer = refused.value.read().decode()
    assert "no sampling state" in answer or "leads out of" in answer


def test_files_are_offered(server, runs):
    (kind, options), *_ = server.get("/object_info/SpacetimeLoadSamplingState")[
        "SpacetimeLoadSamplingState"
    ]["input"]["required"].values()
    assert kind == "COMBO"
    assert {file_of(name) for name in SAMPLERS} <= set(options["options"])


@pytest.mark.usefixtures("runs")
def test_a_model_that_was_not_distilled_is_warned_of_once_a_run(warnings):
    """As a whole, in its first steps, and resumed."""
    assert warnings() == 3
