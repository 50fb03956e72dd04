"""FlowEdit on the random model: what stays, what changes, and what is refused."""

from dataclasses import replace

import pytest
import torch

from spacetime_video.models.dit.network import VideoDiT
from spacetime_video.nodes.latent.latents import SpacetimeEmptyVideo
from spacetime_video.nodes.patches.patches import SpacetimePatchify, SpacetimeUnpatchify
from spacetime_video.nodes.sampling.sampling_state import (
    SpacetimeResumeSampling,
    SpacetimeSampleSteps,
)
from spacetime_video.nodes.timeline.flow_edit import SpacetimeFlowEdit


@pytest.fixture
def clip():
    latent = SpacetimeEmptyVideo.execute(32, 32, 9, 16.0)[0]
    generator = torch.Generator().manual_seed(1)
    ceiling = torch.full((1, 1, 3, 4, 4), 0.7)
    ceiling[:, :, 0] = 0
    samples = torch.randn(latent["samples"].shape, generator=generator)
    mask = (ceiling > 0).float()
    return {**latent, "samples": samples, "noise_mask": mask, "noise_ceiling": ceiling}


def edited(bench, source="a blue cube moves right", **options):
    guider = bench.guider(options.pop("guidance", 3.0))
    return SpacetimeFlowEdit.execute(guider, bench.prompt(source), **options)[0]


def changed(made, clip):
    return (made["samples"] - clip["samples"]).abs().mean((0, 1, 3, 4))


def test_it_changes_what_the_prompts_say_differently(bench, clip):
    same = edited(bench, "a red sphere moves left", guidance=1.0)
    assert changed(bench.sample(clip, guider=same), clip).max() < 1e-5
    made = bench.sample(clip, guider=edited(bench))
    change = changed(made, clip)
    assert change[0] == 0
    assert change[1:].min() > 1e-3
    others = [
        edited(bench, averages=3),
        edited(bench, refine=0.5),
        edited(bench, source_guidance=2.0, source_negative=bench.negative),
    ]
    for other in others:
        sampled = bench.sample(clip, guider=other)["samples"]
        assert not torch.allclose(sampled, made["samples"], atol=1e-4)


def test_patches_and_latents_give_the_same(bench, clip):
    tokens = SpacetimePatchify.execute([clip])[0]
    (made,) = SpacetimeUnpatchify.execute(bench.sample_patches(tokens, guider=edited(bench)))[0]
    wanted = bench.sample(clip, guider=edited(bench))
    torch.testing.assert_close(made["samples"], wanted["samples"], atol=1e-5, rtol=1e-5)


def test_a_stopped_edit_is_resumed(bench, clip):
    parts = bench.parts(guider=edited(bench), steps=6)
    state = SpacetimeSampleSteps.execute(*parts, clip, 2)[0]
    resumed = SpacetimeResumeSampling.execute(*parts[:3], state)[0]
    whole = bench.sample(clip, guider=edited(bench), steps=6)
    assert torch.equal(resumed["samples"], whole["samples"])


def test_no_step_is_repeated_where_a_model_knows_of_nothing_given(bench, clip, network_calls):
    """Noise that a repetition adds would be taken for a part of the clip."""
    model = replace(bench.models.model, info={})
    guider = bench.guider(1.0, model)
    same = SpacetimeFlowEdit.execute(guider, bench.positive)[0]
    made = bench.sample({**clip, "spacetime_timeline": object()}, guider=same)
    assert changed(made, clip).max() < 1e-5
    assert len(network_calls) == 2 * 2  # for two levels at or below the ceiling


def test_loops_are_closed_for_both_prompts(bench, clip):
    """By a network that does not close them itself."""
    known = bench.models.model
    dit = VideoDiT(replace(known.dit.config, conditions=("fps",)))
    weights = known.dit.state_dict()
    dit.load_state_dict({name: weights[name] for name in dit.state_dict()})
    guider = bench.guider(1.0, replace(known, dit=dit))
    same = SpacetimeFlowEdit.execute(guider, bench.positive)[0]
    made = bench.sample({**clip, "loop": True}, guider=same)
    assert changed(made, clip).max() < 1e-5


def test_what_cannot_be_edited_is_refused(bench, clip):
    with pytest.raises(ValueError, match=r"lcm adds its own noise.*choose euler"):
        bench.sample(clip, guider=edited(bench), solver="lcm")
    with pytest.raises(ValueError, match="needs a source_negative"):
        edited(bench, source_guidance=2.0)
    with pytest.raises(ValueError, match="already has source prompts"):
        SpacetimeFlowEdit.execute(edited(bench), bench.positive)
    made = {**clip, "noise_ceiling": clip["noise_mask"], "spacetime_timeline": object()}
    with pytest.raises(ValueError, match=r"nothing is kept: use Edit Video with a strength below"):
        bench.sample(made, guider=edited(bench))
    empty = SpacetimeEmptyVideo.execute(32, 32, 9, 16.0)[0]
    with pytest.raises(ValueError, match="the latent is empty"):
        bench.sample(empty, guider=edited(bench))
