"""LCM Sampler, and the warning where the model was not distilled."""

import logging
from dataclasses import replace

import pytest
import torch

from spacetime_video.graph.call import running
from spacetime_video.graph.graph import GraphNode
from spacetime_video.hosts import host
from spacetime_video.hosts.solver_options import distilled_with
from spacetime_video.nodes.guidance.guidance import (
    SpacetimeGuidanceOverFrames,
    SpacetimeGuidanceOverSteps,
)
from spacetime_video.nodes.helpers.trained import GUIDED_TWICE
from spacetime_video.nodes.latent.latents import SpacetimeEmptyVideo
from spacetime_video.nodes.load.lora import BESIDE, MERGED, SpacetimeLoadLora
from spacetime_video.nodes.patches.patches import SpacetimePatchify
from spacetime_video.nodes.sampling.consistency import SpacetimeLCMSampler
from spacetime_video.nodes.sampling.sampling import SpacetimeSample, SpacetimeSamplePatches
from spacetime_video.nodes.sampling.sampling_state import (
    SpacetimeResumeSampling,
    SpacetimeSampleSteps,
)
from spacetime_video.nodes.sampling.solvers import SpacetimeSolver
from spacetime_video.nodes.schedules.schedules import SpacetimeSchedule
from spacetime_video.samplers.solvers.consistency import sample_lcm
from spacetime_video.training.recipe import write_weights

WORDS = "was not distilled"
LAYER = "diffusion_model.blocks.1.self_attn.q"


def latent():
    return SpacetimeEmptyVideo.execute(32, 32, 5, 16.0)[0]


def lcm(eta=1.0):
    return SpacetimeLCMSampler.execute(eta)[0]


@pytest.fixture
def warnings(caplog):
    """Messages of the runs so far."""
    caplog.set_level(logging.WARNING)
    return lambda: [entry.getMessage() for entry in caplog.records if WORDS in entry.getMessage()]


@pytest.fixture
def known(loaded):
    """The model with metadata that say whether it was distilled."""
    return lambda distilled: replace(loaded.model, distilled=distilled)


@pytest.fixture
def lora(models_dir):
    """Write a LoRA file with metadata, and load it onto a model."""
    folder, made = models_dir / "loras", []

    def apply(model, info, *, way=MERGED, strength=1.0):
        made.append(folder / "few_step.safetensors")
        g = torch.Generator().manual_seed(6)
        shapes = {"lora_A": (2, 24), "lora_B": (24, 2)}
        pair = {
            f"{LAYER}.{part}.weight": torch.randn(shape, generator=g) * 0.1
            for part, shape in shapes.items()
        }
        write_weights(made[-1], pair, info)
        return SpacetimeLoadLora.execute(model, made[-1].name, strength, way)[0]

    yield apply
    for path in made:
        path.unlink(missing_ok=True)
    folder.rmdir()


def run(bench, model, sampler, node=SpacetimeSample, guidance=3.0, change=lambda guider: guider):
    """Sample two steps in one of the nodes, with a guider that was changed."""
    guider, noise, _, sigmas = bench.parts(steps=2, model=model, guidance=guidance)
    guider = change(guider)
    if node is SpacetimeSamplePatches:
        return node.execute(
            guider, noise, sampler, sigmas, SpacetimePatchify.execute([latent()])[0]
        )
    if node is SpacetimeSampleSteps:
        return node.execute(guider, noise, sampler, sigmas, latent(), 1)
    return node.execute(guider, noise, sampler, sigmas, latent())


def test_eta_one_is_the_lcm_of_solver_and_zero_is_euler(bench, known):
    made = {
        name: run(bench, known(True), sampler)[0]["samples"]
        for name, sampler in {
            "lcm": lcm(),
            "solver": SpacetimeSolver.execute("lcm")[0],
            "tcd": lcm(0.3),
            "zero": lcm(0.0),
            "euler": SpacetimeSolver.execute("euler")[0],
        }.items()
    }
    assert torch.equal(made["lcm"], made["solver"])
    assert torch.equal(made["zero"], made["euler"])
    assert (made["tcd"] - made["lcm"]).abs().max() > 1e-2
    assert (made["tcd"] - made["euler"]).abs().max() > 1e-2


@pytest.mark.parametrize("node", [SpacetimeSample, SpacetimeSamplePatches, SpacetimeSampleSteps])
@pytest.mark.parametrize("sampler", ["node", "solver"])
def test_a_model_that_was_not_distilled_is_warned_of_once(bench, known, warnings, node, sampler):
    chosen = lcm() if sampler == "node" else SpacetimeSolver.execute("lcm")[0]
    run(bench, known(False), chosen, node)
    (message,) = warnings()
    assert "few-step LoRA" in message


@pytest.mark.parametrize("node", [SpacetimeSample, SpacetimeSamplePatches, SpacetimeSampleSteps])
def test_guidance_on_top_of_what_was_distilled_in_is_told_once(bench, known, caplog, node):
    run(bench, known(True), lcm(), node, guidance=4.0)
    assert caplog.messages == [GUIDED_TWICE.format(guidance=4.0)]
    assert caplog.messages[0].startswith("set guidance to 1: ")


@pytest.mark.parametrize(
    ("guidance", "change", "told"),
    [
        (1.0, lambda guider: guider, None),
        (0.5, lambda guider: guider, None),
        (1.0, lambda guider: SpacetimeGuidanceOverSteps.execute(guider, 3.5)[0], 3.5),
        (1.0, lambda guider: SpacetimeGuidanceOverFrames.execute(guider, 2.5, False)[0], 2.5),
    ],
)
def test_the_strongest_guidance_counts(bench, known, caplog, guidance, change, told):
    run(bench, known(True), SpacetimeSolver.execute("euler")[0], guidance=guidance, change=change)
    expected = [] if told is None else [GUIDED_TWICE.format(guidance=told)]
    assert caplog.messages == expected


@pytest.mark.parametrize("distilled", [False, None])
def test_guidance_of_other_models_is_not_told(bench, known, caplog, distilled):
    run(bench, known(distilled), SpacetimeSolver.execute("euler")[0], guidance=4.0)
    assert caplog.messages == []


@pytest.mark.parametrize("distilled", [True, None])
def test_a_distilled_or_unknown_model_is_not(bench, known, warnings, distilled):
    run(bench, known(distilled), lcm())
    assert warnings() == []


def test_other_solvers_do_not_warn(bench, known, warnings):
    run(bench, known(False), SpacetimeSolver.execute("euler_ancestral")[0])
    assert warnings() == []


def test_a_resumed_run_warns_too(bench, known, warnings):
    guider, noise, _, sigmas = bench.parts(steps=2, model=known(False))
    state = SpacetimeSampleSteps.execute(guider, noise, lcm(), sigmas, latent(), 1)[0]
    SpacetimeResumeSampling.execute(guider, noise, lcm(), state)
    assert len(warnings()) == 2


def test_the_warning_names_the_node(warnings):
    schema = SpacetimeSample.GET_SCHEMA()
    node = GraphNode(
        id="9", title="My Sample", class_type="SpacetimeSample", node=SpacetimeSample,
        schema=schema, inputs={},
    )  # fmt: skip
    with running(node):
        host().session.warn(f"the model {WORDS}")
    assert warnings() == [f"My Sample: the model {WORDS}"]


@pytest.mark.parametrize(
    ("model", "info", "result"),
    [
        (False, {"kind": "lora", "distilled": "consistency"}, True),
        (None, {"kind": "lora", "distilled": "consistency"}, True),
        (True, {}, True),
        (False, {}, None),
        (None, {"kind": "lora"}, None),
        (False, {"kind": "lora"}, False),
    ],
)
def test_what_is_known_travels_with_a_lora(bench, known, lora, model, info, result):
    changed = lora(known(model), info)
    assert host().sampling.about(bench.guider(1.0, changed)).distilled is result


@pytest.mark.parametrize("way", [MERGED, BESIDE])
def test_a_few_step_lora_silences_the_warning(bench, known, lora, warnings, way):
    changed = lora(known(False), {"kind": "lora", "distilled": "consistency"}, way=way)
    run(bench, changed, lcm())
    assert warnings() == []
    off = lora(known(False), {"kind": "lora", "distilled": "consistency"}, strength=0.0)
    run(bench, off, lcm())
    assert len(warnings()) == 1


def test_the_loaded_model_knows_what_its_file_says(loaded):
    assert loaded.model.info["kind"] == "dit"
    assert loaded.model.distilled is False


@pytest.mark.parametrize(
    ("model", "lora", "both"),
    [
        (True, None, True),
        (None, True, True),
        (False, True, True),
        (True, False, True),
        (False, None, None),
        (None, False, None),
        (None, None, None),
        (False, False, False),
    ],
)
def test_knowledge_of_both(model, lora, both):
    assert distilled_with(model, lora) is both


def test_the_guidance_of_a_distilled_model_is_one(bench, known, network_calls):
    guider, noise, _, _ = bench.parts(guidance=1.0, model=known(True))
    sigmas = SpacetimeSchedule.execute(4, 3.0)[0]
    SpacetimeSample.execute(guider, noise, lcm(), sigmas, latent())
    assert [shape[0] for shape in network_calls] == [1] * 4


def test_eta_is_an_option_of_the_solver():
    assert host().sampling.solver_of(lcm(0.25)) == (sample_lcm, {"eta": 0.25})
