"""The nodes of guidance, step cache and noise do in ComfyUI what they do standalone."""

import json
import urllib.error

import pytest

GUIDANCE = ["interval", "steps", "frames", "rescale", "projected", "zero_star", "skipped"]
GUIDANCE += ["attention", "cached"]
NOISE = ["seeds", "mixed", "shifted"]

CHAIN = {
    "SpacetimeGuidanceInterval": {"low": 0.3, "high": 1.0},
    "SpacetimeGuidanceOverSteps": {"last": 1.5},
    "SpacetimeGuidanceOverFrames": {"first": 1.0, "both_ends": False},
    "SpacetimeGuidanceRescale": {"strength": 0.5},
    "SpacetimeProjectedGuidance": {"parallel": 0.0, "momentum": -0.5, "threshold": 0.2},
    "SpacetimeSkipLayerGuidance": {"blocks": "", "scale": 1.0, "low": 0.2, "high": 0.9},
    "SpacetimeAttentionGuidance": {"scale": 5.0, "limit": 2.5, "blend": 0.25},
    "SpacetimeStepCache": {"threshold": 0.1, "start": 0.1, "end": 0.95},
}
"""Every node of guidance that goes with the others, in the order of the wires."""


def graph(chain):
    """Text to video with these nodes after Denoiser, and with every node of noise."""

    def node(kind, **inputs):
        return {"class_type": kind, "inputs": inputs}

    weights = {"model": "dit", "text_encoder": "text", "vae": "vae"}
    files = {name: f"spacetime_tiny_{part}.safetensors" for name, part in weights.items()}
    nodes = {
        "models": node("SpacetimeLoadModels", **files, dtype="fp32"),
        "prompt": node("SpacetimeEncodePrompt", clip=["models", 1], text="a blue cube at night"),
        "negative": node("SpacetimeEncodePrompt", clip=["models", 1], text=""),
        "empty": node("SpacetimeEmptyVideo", width=32, height=32, frames=9, fps=16.0),
        "guider": node(
            "SpacetimeDenoiser",
            model=["models", 0],
            positive=["prompt", 0],
            negative=["negative", 0],
            guidance=3.0,
        ),
        "noise": node("SpacetimeNoise", seed=3),
        "other": node("SpacetimeNoise", seed=4),
        "seeds": node("SpacetimeFrameSeeds", noise=["noise", 0], seeds="1: 17"),
        "mixed": node("SpacetimeMixNoise", first=["seeds", 0], second=["other", 0], share=0.3),
        "shifted": node("SpacetimeShiftNoise", noise=["mixed", 0], frames=1),
        "solver": node("SpacetimeSolver", solver="euler"),
        "schedule": node("SpacetimeSchedule", steps=4, shift=3.0),
    }
    last = "guider"
    for kind, values in chain.items():
        nodes[kind] = node(kind, guider=[last, 0], **values)
        last = kind
    nodes["sample"] = node(
        "SpacetimeSample",
        guider=[last, 0],
        noise=["shifted", 0],
        sampler=["solver", 0],
        sigmas=["schedule", 0],
        latent=["empty", 0],
    )
    nodes["decode"] = node("SpacetimeDecodeVideo", latent=["sample", 0], vae=["models", 2])
    nodes["show"] = node("PreviewImage", images=["decode", 0])
    return nodes


@pytest.fixture(scope="module")
def measured(probe):
    return probe("guidance_nodes", "sdpa")


@pytest.mark.parametrize("name", [*GUIDANCE, *NOISE, "together", "plain"])
def test_both_hosts_agree(measured, name):
    assert measured["kinds"] == ["Guider", "HostGuider"]
    assert measured["size"][name] > 0.05
    assert measured["difference"][name] < 2e-4


@pytest.mark.parametrize("name", [*GUIDANCE, *NOISE, "together"])
def test_every_node_changes_the_clip(measured, name):
    assert measured["from_plain"][name] > 1e-4
    assert measured["from_bare"] > 1e-4


def test_neutral_settings_give_the_bits_of_no_node(measured):
    assert len(measured["neutral"]) == 8
    assert set(measured["neutral"].values()) == {0.0}


@pytest.mark.parametrize("name", GUIDANCE)
def test_given_frames_stay(measured, name):
    assert measured["kept"]["given"][name] < 1e-5
    assert measured["kept"]["made"][name] > 0.1


def test_stock_nodes_take_what_ours_make(measured):
    assert measured["wan"]["stock"]["sampler"] == 0
    assert measured["wan"]["stock"]["mixed_size"] == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("guidance", ["guided", "unguided", "unguided_told"])
def test_patches_of_other_nodes_act_as_they_do_on_plain_guidance(measured, guidance):
    assert measured["patched"]["difference"][guidance] < 1e-5


@pytest.mark.parametrize("name", GUIDANCE)
def test_patches_of_other_nodes_act_after_every_node_of_guidance(measured, name):
    """At a step that waits nothing is predicted, and there is nothing to patch."""
    assert measured["patched"]["calls"][name] == (5 if name == "zero_star" else 6)
    assert measured["patched"]["changed"][name] > 1e-3


def test_guidance_of_other_nodes_that_has_no_effect_is_named(measured):
    assert measured["warnings"]["plain"] == []
    (warning,) = measured["warnings"]["changed"]
    assert "another node sets its own guidance (sampler_cfg_function)" in warning


@pytest.mark.parametrize("name", [each for each in GUIDANCE if each != "attention"])
def test_the_hosts_own_wan_is_guided_alike(measured, name):
    assert measured["wan"]["difference"][name] < 2e-4


def test_what_a_network_cannot_do_is_refused_before_sampling(measured):
    assert "no block 2 in this model, which has blocks 0 to 1" in measured["wan"]["no_block"]
    assert "needs the network of Load Models, not a WAN21" in measured["wan"]["no_attention"]
    assert "no blocks that can be skipped" in measured["no_blocks"]


STAR = {"SpacetimeCFGZeroStar": {"waiting_steps": 1}}


@pytest.mark.parametrize("chain", [CHAIN, STAR], ids=["chain", "zero_star"])
def test_a_graph_with_all_nodes_runs(server, chain):
    ran = server.run(graph(chain))
    assert ran["status"]["status_str"] == "success", ran["status"]["messages"]
    assert len(ran["outputs"]["show"]["images"]) == 9


def test_two_rules_in_a_graph_are_refused(server):
    ran = server.run(graph({**CHAIN, **STAR}))
    assert ran["status"]["status_str"] == "error"
    assert "CFG-Zero* after Projected Guidance" in json.dumps(ran["status"]["messages"])


def test_a_text_that_cannot_be_read_is_refused_before_the_graph_runs(server):
    wrong = {"SpacetimeSkipLayerGuidance": {**CHAIN["SpacetimeSkipLayerGuidance"], "blocks": "x"}}
    with pytest.raises(urllib.error.HTTPError) as refused:
        server.run(graph(wrong))
    assert "'x' is not a number" in refused.value.read().decode()
