"""Sampling on latents and on packed patches: equal, packed, counted, and clear when wrong."""

import sys
from dataclasses import replace

import pytest
import torch

from spacetime_video.models import patchify as patching
from spacetime_video.models.dit.network import VideoDiT
from spacetime_video.nodes.guidance.blocks import SpacetimeAttentionGuidance
from spacetime_video.nodes.latent.latents import SpacetimeEmptyVideo
from spacetime_video.nodes.patches.patches import SpacetimePatchify, SpacetimeUnpatchify
from spacetime_video.nodes.prompt.prompt import SpacetimeEncodePrompt, SpacetimePromptsPerClip
from spacetime_video.nodes.sampling.sampling import SpacetimeDenoiser, SpacetimeSample
from spacetime_video.nodes.sampling.sampling_state import (
    SpacetimeResumeSampling,
    SpacetimeSampleSteps,
)
from spacetime_video.nodes.sampling.solvers import SpacetimeSolver
from spacetime_video.nodes.schedules.schedules import SpacetimeSchedule
from spacetime_video.samplers.solvers import SOLVERS, STOCHASTIC_SOLVERS


def empty(width=32, height=32, frames=5, fps=16.0):
    return SpacetimeEmptyVideo.execute(width, height, frames, fps)[0]


def filled(latent, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return {**latent, "samples": torch.randn(latent["samples"].shape, generator=generator)}


def patchify(*latents):
    return SpacetimePatchify.execute(list(latents))[0]


def unpatchify(tokens):
    return SpacetimeUnpatchify.execute(tokens)[0]


def close(one, other):
    torch.testing.assert_close(one["samples"], other["samples"], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("solver", [*SOLVERS, *STOCHASTIC_SOLVERS])
def test_patches_and_latents_give_the_same(bench, solver):
    latent = empty(48, 32, 9)
    (made,) = unpatchify(bench.sample_patches(patchify(latent), solver=solver))
    wanted = bench.sample(latent, solver=solver)
    assert wanted["samples"].std() > 0.1
    close(made, wanted)


@pytest.mark.parametrize("extra", [{"loop": True}, {"fps": 8.0}, {"batch_index": [3]}])
def test_what_a_latent_carries_means_the_same_both_ways(bench, extra):
    latent = {**filled(empty()), **extra}
    (made,) = unpatchify(bench.sample_patches(patchify(latent)))
    close(made, bench.sample(latent))
    assert not torch.allclose(made["samples"], bench.sample(filled(empty()))["samples"], atol=1e-4)


def test_packed_clips_equal_separate_runs(bench):
    clips = [empty(48, 32, 9), empty(32, 32, 1, fps=8.0)]
    packed = unpatchify(bench.sample_patches(patchify(*clips)))
    for made, clip in zip(packed, clips, strict=True):
        close(made, bench.sample(clip))


PROMPTS = ("a red cube moves left", "a blue sphere falls")


def prompts_per_clip(bench, *texts):
    return SpacetimePromptsPerClip.execute(bench.models.clip, "\n".join(texts))[0]


@pytest.mark.parametrize("negative", [None, "a green cone", ("a green cone", "a ball")])
@pytest.mark.parametrize("attention", [0.0, 5.0])
def test_packed_clips_follow_prompts_of_their_own(bench, negative, attention):
    def side(texts):
        if texts is None or isinstance(texts, str):
            return bench.prompt(texts or "")
        return prompts_per_clip(bench, *texts)

    def guider(positive, against):
        made = SpacetimeDenoiser.execute(bench.models.model, positive, against, 3.0)[0]
        if not attention:
            return made
        return SpacetimeAttentionGuidance.execute(made, attention, 2.5, 0.25)[0]

    clips = [empty(48, 32, 9), empty(32, 32, 1, fps=8.0)]
    packed = bench.sample_patches(patchify(*clips), guider=guider(side(PROMPTS), side(negative)))
    for number, (made, clip) in enumerate(zip(unpatchify(packed), clips, strict=True)):
        against = negative[number] if isinstance(negative, tuple) else negative
        alone = guider(bench.prompt(PROMPTS[number]), side(against))
        close(made, bench.sample(clip, guider=alone))


def test_prompts_per_clip_fit_the_clips(bench):
    prompts, three = prompts_per_clip(bench, *PROMPTS), prompts_per_clip(bench, "a", "", "b", "c")
    guider = SpacetimeDenoiser.execute(bench.models.model, prompts, bench.prompt(""), 3.0)[0]
    with pytest.raises(ValueError, match="2 prompts for one latent"):
        bench.sample(empty(), guider=guider)
    with pytest.raises(ValueError, match="2 prompts for 3 clips"):
        bench.sample_patches(patchify(empty(), empty(), empty()), guider=guider)
    both = SpacetimeDenoiser.execute(bench.models.model, prompts, three, 3.0)[0]
    with pytest.raises(ValueError, match="prompts for 2 and for 3 clips"):
        bench.sample_patches(patchify(empty(), empty()), guider=both)
    with pytest.raises(ValueError, match="no prompt: write one per line"):
        prompts_per_clip(bench, "", " ")


def test_a_batch_equals_its_rows(bench):
    samples = torch.zeros(2, 16, 2, 4, 4)
    both = bench.sample({"samples": samples})["samples"]
    second = bench.sample({"samples": samples[:1], "batch_index": [1]})["samples"]
    torch.testing.assert_close(both[1:], second, atol=1e-5, rtol=1e-5)


def test_a_longer_clip_shares_the_noise_of_its_frames(bench):
    _, noise, _, _ = bench.parts()
    short, long = (noise.generate_noise(empty(frames=frames)) for frames in (5, 13))
    assert torch.equal(short, long[:, :, :2])
    later = noise.generate_noise({**empty(frames=5), "first_frame": 2})
    assert torch.equal(later, long[:, :, 2:4])


def test_guidance_one_never_evaluates_the_negative(bench, network_calls, monkeypatch):
    prepared, original = [], VideoDiT.prepare
    monkeypatch.setattr(
        VideoDiT,
        "prepare",
        lambda self, text, image: prepared.append(len(text)) or original(self, text, image),
    )
    bench.sample(empty(), guidance=1.0, steps=4)
    assert [shape[0] for shape in network_calls] == [1] * 4
    assert prepared == [1]


def test_guidance_evaluates_both_prompts_at_once(bench, network_calls):
    bench.sample(empty(), guidance=2.0, steps=4)
    assert [shape[0] for shape in network_calls] == [2] * 4


def test_nothing_is_unpatchified_inside_the_loop(bench, network_calls, monkeypatch):
    undone = []
    for name in ("unpatchify", "from_patches"):
        watch_everywhere(monkeypatch, name, lambda: undone.append(len(network_calls)))
    tokens = patchify(filled(empty(48, 32, 9)), empty(32, 32, 1))
    made = unpatchify(bench.sample_patches(tokens, steps=5))
    assert len(made) == 2
    assert network_calls == [(2, 18 + 4, 64)] * 5
    assert undone
    assert [at for at in undone if 0 < at < 5] == []


def watch_everywhere(monkeypatch, name, report):
    """Report the calls of a patchify function under every name that a module has for it."""
    original = getattr(patching, name)

    def watched(*values):
        report()
        return original(*values)

    for module in list(sys.modules.values()):
        ours = getattr(module, "__name__", "").startswith("spacetime_video")
        if ours and getattr(module, name, None) is original:
            monkeypatch.setattr(module, name, watched)


def test_frame_rate_and_loop_survive_the_way_through_patches(bench):
    clips = [{**empty(fps=12.0), "loop": True}, {**empty(fps=24.0), "mine": "kept"}]
    made = unpatchify(bench.sample_patches(patchify(*clips)))
    assert [(clip["fps"], clip.get("loop")) for clip in made] == [(12.0, True), (24.0, None)]
    assert made[1]["mine"] == "kept"
    assert bench.sample(clips[0])["loop"] is True


def test_patchify_and_back_changes_nothing():
    clips = [filled(empty(48, 32, 9)), filled(empty(32, 32, 1))]
    for before, after in zip(clips, unpatchify(patchify(*clips)), strict=True):
        assert torch.equal(before["samples"], after["samples"])


def test_sampling_starts_from_what_is_given(bench):
    given = filled(empty())
    guider, noise, sampler, sigmas = bench.parts(steps=6)
    late = SpacetimeSample.execute(guider, noise, sampler, sigmas[-2:], given)[0]["samples"]
    early = SpacetimeSample.execute(guider, noise, sampler, sigmas, given)[0]["samples"]
    assert (late - given["samples"]).abs().mean() < (early - given["samples"]).abs().mean()


def test_a_latent_of_other_channels_is_refused(bench):
    latent = {"samples": torch.ones(1, 4, 2, 4, 4)}
    with pytest.raises(ValueError, match="latent has 4 channels, the model needs 16"):
        bench.sample(latent)
    with pytest.raises(ValueError, match="latent has 4 channels, the model needs 16"):
        bench.sample_patches(patchify(latent))


@pytest.mark.parametrize("shape", [(1, 4, 4, 4), (2, 16, 4, 4), (2, 128, 1, 4, 4)])
def test_an_empty_picture_of_any_model_is_one_of_this(bench, shape):
    wanted = bench.sample({"samples": torch.zeros(shape[0], 16, 1, 4, 4)})
    latent = {"samples": torch.zeros(shape)}
    assert torch.equal(bench.sample(latent)["samples"], wanted["samples"])
    (made,) = unpatchify(bench.sample_patches(patchify(latent)))
    close(made, wanted)
    look = SpacetimeSampleSteps.execute(*bench.parts(), latent, 3)[1]
    assert torch.equal(look["samples"], wanted["samples"])
    assert wanted["samples"].std() > 0.1


def test_two_empty_pictures_are_two_clips(bench):
    both = bench.sample({"samples": torch.zeros(2, 4, 4, 4)})["samples"]
    one = bench.sample({"samples": torch.zeros(1, 4, 4, 4)})["samples"]
    torch.testing.assert_close(both[:1], one)
    assert not torch.allclose(both[1:], one, atol=0.1)


def test_what_is_no_latent_is_refused(bench):
    latent = {"samples": torch.zeros(1, 16, 4)}
    for use in (patchify, bench.sample):
        with pytest.raises(ValueError, match="video latent"):
            use(latent)


def test_clips_that_differ_in_channels_are_not_packed():
    with pytest.raises(ValueError, match="differ in"):
        patchify(empty(), {"samples": torch.zeros(1, 4, 2, 4, 4)})


def test_a_prompt_of_another_width_is_refused(bench):
    wide = [[torch.zeros(1, 12, 40), {}]]
    guider = SpacetimeDenoiser.execute(bench.models.model, wide, bench.negative, 1.0)[0]
    with pytest.raises(ValueError, match="prompt is 40 wide, the model needs 16"):
        SpacetimeSample.execute(guider, *bench.parts()[1:], empty())


def test_a_combined_prompt_is_refused(bench):
    both = [*bench.positive, *bench.negative]
    guider = SpacetimeDenoiser.execute(bench.models.model, both, bench.negative, 1.0)[0]
    with pytest.raises(ValueError, match="one positive and one negative prompt"):
        SpacetimeSample.execute(guider, *bench.parts()[1:], empty())


def masked(mask, frames=17):
    return {**filled(empty(frames=frames)), "noise_mask": mask}


def test_a_mask_per_video_frame_is_read_as_one_per_latent_frame(bench):
    first = torch.ones(17, 1, 32, 32)
    first[0] = 0
    latent = masked(first)
    made = bench.sample(latent)["samples"]
    assert torch.equal(made[:, :, 0], latent["samples"][:, :, 0])
    assert (made - latent["samples"])[:, :, 1:].abs().mean((0, 1, 3, 4)).min() > 0.1
    other = bench.sample(masked(first[[0, 1, 5, 9, 13]]))["samples"]
    assert torch.equal(made, other)


def test_a_mask_keeps_its_places_and_lowers_the_level_of_others(bench):
    mask = torch.ones(1, 1, 32, 32)
    mask[..., :16] = 0
    latent = masked(mask)
    made = bench.sample(latent)["samples"]
    assert torch.equal(made[..., :2], latent["samples"][..., :2])
    changed = (made - latent["samples"])[..., 2:].abs().mean()
    half = bench.sample(masked(mask * 0.5))["samples"]
    assert 0.05 < (half - latent["samples"])[..., 2:].abs().mean() < 0.8 * changed
    whole = bench.sample(masked(torch.ones(1, 8, 8)))["samples"]
    assert torch.equal(whole, bench.sample(filled(empty(frames=17)))["samples"])


def test_masks_that_cannot_be_followed_are_refused(bench):
    with pytest.raises(ValueError, match="a noise mask of 12 frames for a clip of 17 frames"):
        bench.sample(masked(torch.eye(32).expand(12, 32, 32)))
    with pytest.raises(ValueError, match="a noise mask of 12 frames for a clip of 17 frames"):
        bench.sample_patches(patchify(masked(torch.eye(32).expand(12, 32, 32))))


def under(ceiling, frames=9):
    return {
        **filled(empty(frames=frames)),
        "noise_mask": (ceiling > 0).float(),
        "noise_ceiling": ceiling,
    }


@pytest.fixture
def mixed():
    """Given, changed a little, changed more, and changed in a part of the picture."""
    ceiling = torch.tensor([0.0, 0.3, 0.7]).reshape(1, 1, 3, 1, 1).repeat(1, 1, 1, 4, 4)
    ceiling[..., 2, :, 3] = 0.0
    return under(ceiling)


@pytest.mark.parametrize("solver", [*SOLVERS, *STOCHASTIC_SOLVERS])
def test_ceilings_mean_the_same_for_patches_and_latents(bench, mixed, solver):
    made = bench.sample(mixed, solver=solver)
    given = mixed["noise_ceiling"].expand_as(made["samples"]) == 0
    assert torch.equal(made["samples"][given], mixed["samples"][given])
    assert made["noise_ceiling"] is mixed["noise_ceiling"]
    changed = (made["samples"] - mixed["samples"]).abs().mean((0, 1, 3, 4))
    assert 0.01 < changed[1] < changed[2]
    (packed,) = unpatchify(bench.sample_patches(patchify(mixed), solver=solver))
    close(packed, made)
    assert torch.equal(packed["samples"][given], mixed["samples"][given])


def test_a_run_begins_at_the_highest_ceiling(bench, mixed, network_calls):
    levels = bench.parts()[3]
    bench.sample(mixed)
    assert (levels < 0.7).sum() == 2  # 0 among them
    assert len(network_calls) == 2
    part = torch.tensor([0.7, *levels[levels < 0.7]])
    plain = {key: each for key, each in mixed.items() if not key.startswith("noise")}
    flat = under(torch.full((1, 1, 3, 4, 4), 0.7))
    made = SpacetimeSample.execute(*bench.parts()[:3], part, plain)[0]
    assert torch.equal(bench.sample(flat)["samples"], made["samples"])


def test_what_is_all_given_comes_back_without_a_step(bench, network_calls):
    latent = masked(torch.zeros(1, 1, 5, 1, 1))
    assert torch.equal(bench.sample(latent)["samples"], latent["samples"])
    (packed,) = unpatchify(bench.sample_patches(patchify(latent)))
    assert torch.equal(packed["samples"], latent["samples"])
    assert not network_calls
    with pytest.raises(ValueError, match=r"all of the latent is given.*use Sample"):
        SpacetimeSampleSteps.execute(*bench.parts(), latent, 1)


def test_a_run_under_ceilings_is_resumed(bench, mixed):
    guider, noise, sampler, _ = bench.parts()
    levels = SpacetimeSchedule.execute(6, 3.0)[0]
    state = SpacetimeSampleSteps.execute(guider, noise, sampler, levels, mixed, 2)[0]
    resumed = SpacetimeResumeSampling.execute(guider, noise, sampler, state)[0]
    whole = SpacetimeSample.execute(guider, noise, sampler, levels, mixed)[0]
    assert torch.equal(resumed["samples"], whole["samples"])


def test_a_mask_holds_packed_clips_too(bench):
    first = torch.ones(1, 1, 3, 1, 1)
    first[:, :, 0] = 0
    latent = masked(first, frames=9)
    (packed,) = unpatchify(bench.sample_patches(patchify(latent)))
    close(packed, bench.sample(latent))
    assert torch.equal(packed["samples"][:, :, 0], latent["samples"][:, :, 0])


def test_an_unknown_solver_is_refused():
    with pytest.raises(ValueError, match="unknown solver 'none': choose one of euler"):
        SpacetimeSolver.execute("none")


@pytest.mark.parametrize("text", ["", "  \n"])
def test_guidance_towards_an_empty_prompt_is_refused(loaded, text):
    empty = SpacetimeEncodePrompt.execute(loaded.clip, text)[0]
    with pytest.raises(ValueError, match=r"positive prompt is empty.*set guidance to 1"):
        SpacetimeDenoiser.execute(loaded.model, empty, empty, 4.0)
    SpacetimeDenoiser.execute(loaded.model, empty, empty, 1.0)
    untold = [[empty[0][0], {}]]
    SpacetimeDenoiser.execute(loaded.model, untold, empty, 4.0)


class Record:
    """Stands for a timeline, of which sampling asks only whether there is one."""


def test_a_model_that_knows_of_nothing_given_repeats_its_steps(bench, network_calls, caplog):
    first = torch.ones(1, 1, 3, 1, 1)
    first[:, :, 0] = 0
    latent = {**masked(first, frames=9), "spacetime_timeline": Record()}
    model = replace(bench.models.model, info={})
    bench.sample(latent)
    assert not caplog.messages
    assert len(network_calls) == 3
    made = bench.sample(latent, model=model)
    assert any("joins are softer" in each for each in caplog.messages)
    assert len(network_calls) == 3 + 5  # one of the three steps lies where motion is decided
    assert torch.equal(made["samples"][:, :, 0], latent["samples"][:, :, 0])
    bench.sample({**latent, "noise_mask": first * 0 + 1}, model=model)
    assert len(network_calls) == 3 + 5 + 3
    parts = bench.parts(model=model)
    state = SpacetimeSampleSteps.execute(*parts, latent, 2)[0]
    resumed = SpacetimeResumeSampling.execute(*parts[:3], state)[0]
    assert torch.equal(resumed["samples"], made["samples"])
