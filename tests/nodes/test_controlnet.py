"""Load ControlNet and Apply ControlNet on the standalone host."""

import logging
from dataclasses import replace
from functools import partial

import pytest
import torch

from spacetime_video.hosts import host
from spacetime_video.hosts.standalone.stock_control import (
    ControlNetApplyAdvanced,
    ControlNetLoader,
)
from spacetime_video.model_loaders.load import read_vae
from spacetime_video.models.control.network import DilatedBranch
from spacetime_video.models.patchify import to_patches
from spacetime_video.nodes.control.clips import SpacetimeAppendConditioning
from spacetime_video.nodes.control.controlnet import (
    SpacetimeApplyControlNet,
    SpacetimeLoadControlNet,
)
from spacetime_video.nodes.patches.patches import SpacetimePatchify, SpacetimeUnpatchify
from spacetime_video.nodes.timeline.extend import SpacetimeExtendForward
from spacetime_video.nodes.timeline.long import SpacetimeSampleLongVideo
from spacetime_video.nodes.timeline.windows import SpacetimeContextWindows
from spacetime_video.samplers.clips import COVERAGE_KEY

from .controlled import hint_of, latent, pictures


def test_the_clip_follows_the_pictures(controlled, bench):
    plain = bench.sample(latent())["samples"]
    made = controlled.sample()
    assert not torch.allclose(made, plain, atol=1e-3)
    assert not torch.allclose(made, controlled.sample(pictures(seed=1)), atol=1e-3)
    assert torch.equal(made, controlled.sample())
    assert torch.equal(controlled.sample(strength=0.0), plain)
    assert torch.equal(controlled.sample(mask=torch.zeros(1, 8, 8)), plain)
    assert torch.equal(controlled.sample(mask=torch.ones(1, 8, 8)), made)
    grey = pictures()[..., :1]
    assert torch.equal(controlled.sample(grey), controlled.sample(grey.repeat(1, 1, 1, 3)))
    with pytest.raises(ValueError, match="the lowest nan"):
        controlled.prompts(mask=torch.full((1, 8, 8), torch.nan))


def test_outside_of_its_share_the_branch_is_not_run(controlled, bench, seen):
    """Three steps of shift 3 at the shares 0, 1/3 and 2/3 of the sampling of this model."""
    plain = bench.sample(latent())["samples"]
    assert torch.equal(controlled.sample(start_percent=0.9), plain)
    assert seen == []
    controlled.sample(start_percent=0.3, end_percent=0.6)
    assert len(seen) == 1
    controlled.sample()
    assert len(seen) == 4


def test_a_window_sees_its_part_of_the_hint(controlled, bench, seen, caplog):
    guider = controlled.guider(*controlled.prompts())
    guider = SpacetimeContextWindows.execute(guider, 3, 1, "uniform", "pyramid")[0]
    with caplog.at_level(logging.WARNING):
        bench.sample(latent(), guider=guider)
    assert "from noise alone" not in caplog.text
    whole = hint_of(controlled, pictures())
    starts = {
        start
        for hint, _ in seen
        for start in range(3)
        if torch.equal(hint[0], to_patches(whole[:, :, start : start + 3])[0])
    }
    assert {hint.shape[1] for hint, _ in seen} == {12}
    assert starts == {0, 1, 2}


def test_a_loop_s_hint_goes_round(controlled, bench, seen):
    loop, images = latent(loop=True), pictures(20)
    whole = hint_of(controlled, images, loop=True)
    controlled.sample(images, loop)
    assert all(torch.equal(hint[0], to_patches(whole)[0]) for hint, _ in seen)
    seen.clear()
    guider = controlled.guider(*controlled.prompts(images))
    guider = SpacetimeContextWindows.execute(guider, 3, 1, "uniform", "pyramid")[0]
    bench.sample(loop, guider=guider)
    wrapped = [[4, 0, 1], [3, 4, 0]]
    found = [
        frames
        for frames in wrapped
        if any(torch.equal(hint[0], to_patches(whole[:, :, frames])[0]) for hint, _ in seen)
    ]
    assert found


def test_packed_clips_are_steered_as_alone(controlled, bench):
    """Clips of two lengths, which the same pictures lead."""
    clips = [latent(5), latent(3)]
    guider = controlled.guider(*controlled.prompts())
    tokens = SpacetimePatchify.execute(clips)[0]
    packed = SpacetimeUnpatchify.execute(bench.sample_patches(tokens, guider=guider))[0]
    plain = SpacetimeUnpatchify.execute(bench.sample_patches(tokens))[0]
    for made, free, (one,) in zip(packed, plain, [clips[:1], clips[1:]], strict=True):
        tokens = SpacetimePatchify.execute([one])[0]
        (alone,) = SpacetimeUnpatchify.execute(bench.sample_patches(tokens, guider=guider))[0]
        assert not torch.allclose(made["samples"], free["samples"], atol=1e-2)
        if one is clips[0]:  # the noise of a clip depends on its place in the pack
            torch.testing.assert_close(made["samples"], alone["samples"], atol=1e-4, rtol=1e-4)


def test_an_extension_follows_the_pictures_of_its_frames(controlled, bench, seen):
    extended = SpacetimeExtendForward.execute(pictures(14), controlled.vae, 10, 16.0, 6)[0]
    hints = pictures(24, seed=3)
    controlled.sample(hints, extended)
    start, video, frames, *_ = extended[COVERAGE_KEY]
    assert (start, video) == (9, 24)
    count = 1 + 4 * (frames - 1)
    held = [min(frame, 23) for frame in range(start, start + count)]
    wanted = hint_of(controlled, hints[held])
    assert all(torch.equal(hint[0], to_patches(wanted)[0]) for hint, _ in seen)
    with pytest.raises(ValueError, match="a hint of 23 frames for a video of 24"):
        controlled.sample(hints[:23], extended)


def test_each_chunk_of_a_long_video_sees_its_part(controlled, bench, seen):
    images = pictures(33)
    guider = controlled.guider(*controlled.prompts(images))
    parts = bench.parts(guider=guider)
    SpacetimeSampleLongVideo.execute(*parts, latent(9), 17, 5, resumable=False)
    whole = hint_of(controlled, images)
    lengths = {hint.shape[1] for hint, _ in seen}
    assert max(lengths) <= 20
    columns = {
        tuple(frame.flatten().tolist()): n for n, frame in enumerate(to_patches(whole)[0].split(4))
    }
    shown = [
        [columns[tuple(frame.flatten().tolist())] for frame in hint[0].split(4)] for hint, _ in seen
    ]
    assert [0, 1, 2, 3, 4] in shown
    later = [numbers for numbers in shown if max(numbers) == 8]
    assert later
    assert all(numbers[0] == 0 and numbers[1:] == sorted(numbers[1:]) for numbers in later)


def test_one_prompt_may_be_controlled_alone(controlled, bench, network_calls):
    """Prompts with other controls are evaluated one after the other, with the same result."""
    positive, negative = controlled.prompts()
    both = bench.sample(latent(), guider=controlled.guider(positive, negative))["samples"]
    together = len(network_calls)
    alone = controlled.guider(positive, bench.negative)
    made = bench.sample(latent(), guider=alone)["samples"]
    assert len(network_calls) == 3 * together
    assert not torch.allclose(made, both, atol=1e-3)
    apart = controlled.guider(positive, controlled.prompts()[1])
    torch.testing.assert_close(
        bench.sample(latent(), guider=apart)["samples"], both, atol=1e-4, rtol=1e-4
    )


def test_several_controls_add_up(controlled, seen):
    """Two of half the strength are one of the whole; a second one changes the clip."""
    whole = controlled.sample()
    half = controlled.prompts(strength=0.5)
    twice = controlled.sample(before=half, strength=0.5)
    torch.testing.assert_close(twice, whole, atol=1e-4, rtol=1e-4)
    other = controlled.sample(pictures(seed=5), before=half, strength=0.5)
    assert not torch.allclose(other, whole, atol=1e-3)


def test_prompts_of_a_control_are_prepared_once(controlled, monkeypatch):
    calls, original = [], DilatedBranch.prepare

    def watch(network, text, embed):
        calls.append(text.shape)
        return original(network, text, embed)

    monkeypatch.setattr(DilatedBranch, "prepare", watch)
    controlled.sample()
    assert len(calls) == 1


def test_what_does_not_fit_is_refused_before_the_first_step(controlled, bench, network_calls):
    with pytest.raises(ValueError, match="a hint of 9 frames for a video of 17"):
        controlled.sample(pictures(9))
    with pytest.raises(ValueError, match="control mask of 3 frames for a video of 17"):
        controlled.sample(mask=torch.ones(3, 8, 8) / 2)
    with pytest.raises(ValueError, match="end must not precede start"):
        controlled.prompts(start_percent=0.5, end_percent=0.2)
    told = SpacetimeApplyControlNet.validate_inputs(0.5, 0.2)
    assert "end must not precede start" in told
    assert network_calls == []


def test_another_model_is_refused_before_pictures_are_encoded(controlled, bench, monkeypatch):
    encoded, original = [], type(host().models).encode_video

    def watch(models, *given, **options):
        encoded.append(given)
        return original(models, *given, **options)

    monkeypatch.setattr(type(host().models), "encode_video", watch)
    dit = bench.models.model.dit
    monkeypatch.setattr(dit, "config", replace(dit.config, layers=1))
    with pytest.raises(ValueError, match=r"2 blocks \(the model has 1\)"):
        controlled.sample()
    assert encoded == []


def test_files_of_other_kinds_are_refused(models_dir):
    wrong = models_dir / "controlnet/wrong.safetensors"
    wrong.symlink_to(models_dir / "vae/random_vae.safetensors")
    try:
        for check in (SpacetimeLoadControlNet.validate_inputs, ControlNetLoader.validate_inputs):
            assert "holds a vae, not a controlnet" in check("wrong.safetensors")
            assert "no file 'none'" in check("none")
            assert check("random_control.safetensors") is True
    finally:
        wrong.unlink()


def test_comfyui_s_own_nodes_do_the_same(controlled, bench):
    net = ControlNetLoader.execute("random_control.safetensors")[0]
    prompts, images = (bench.positive, bench.negative), pictures()
    apply = partial(ControlNetApplyAdvanced.execute, *prompts, net, images)
    made = apply(0.8, 0.1, 0.6, vae=controlled.vae).args
    wanted = controlled.sample(strength=0.8, start_percent=0.1, end_percent=0.6)
    assert torch.equal(bench.sample(latent(), guider=controlled.guider(*made))["samples"], wanted)
    assert apply(0.0, 0.0, 1.0).args == prompts
    with pytest.raises(ValueError, match="connect the model's VAE"):
        apply(0.8, 0.1, 0.6)
    other = host().models.make_vae(
        read_vae(host().files.model_path("vae", "other_vae.safetensors")), dtype="fp32"
    )
    with pytest.raises(ValueError, match=r"takes latents with 16 channels.*the VAE makes 4"):
        apply(0.8, 0.1, 0.6, vae=other)


def test_each_packed_clip_may_have_pictures_and_a_prompt_of_its_own(controlled, bench, seen):
    """What two clips with conditionings of their own give is what each gives in its place."""
    clips = [latent(5), latent(3)]
    tokens = SpacetimePatchify.execute(clips)[0]
    one = controlled.prompts(pictures(17))
    other = controlled.prompts(pictures(9, seed=4), (bench.prompt("a blue cube"), bench.negative))
    joined = SpacetimeAppendConditioning.execute(*one, *other).args
    assert joined[0][0][1]["control"] is joined[1][0][1]["control"]
    made = SpacetimeUnpatchify.execute(
        bench.sample_patches(tokens, guider=controlled.guider(*joined))
    )[0]
    hint, layout = seen[0]
    for span, images in zip(layout.spans, (pictures(17), pictures(9, seed=4)), strict=True):
        assert torch.equal(hint[0, span], to_patches(hint_of(controlled, images))[0])
    with_one = SpacetimeUnpatchify.execute(
        bench.sample_patches(tokens, guider=controlled.guider(*one))
    )[0]
    torch.testing.assert_close(made[0]["samples"], with_one[0]["samples"], atol=1e-4, rtol=1e-4)
    assert not torch.allclose(made[1]["samples"], with_one[1]["samples"], atol=1e-2)
    plain = [bench.positive, bench.negative]
    bare = SpacetimeAppendConditioning.execute(*plain, *plain).args
    assert "control" not in bare[0][0][1]
    with pytest.raises(ValueError, match="only images, masks and Control over Frames"):
        SpacetimeAppendConditioning.execute(*one, *controlled.prompts(strength=0.5))
    with pytest.raises(ValueError, match="hints for 2 clips, but 1 packed clips"):
        bench.sample(latent(), guider=controlled.guider(*joined))


def test_a_packed_clip_without_control_has_a_black_mask(controlled, bench):
    plain, one = (bench.positive, bench.negative), controlled.prompts()
    twice = controlled.prompts(before=one)
    for pair, which in (((one, plain), "first"), ((plain, one), "next"), ((twice, one), "first")):
        with pytest.raises(ValueError, match=rf"only the {which} of two .* with a black mask"):
            SpacetimeAppendConditioning.execute(*pair[0], *pair[1])
    tokens = SpacetimePatchify.execute([latent(5), latent(3)])[0]
    off = controlled.prompts(pictures(9), mask=torch.zeros(1, 8, 8))
    joined = SpacetimeAppendConditioning.execute(*one, *off).args
    made = SpacetimeUnpatchify.execute(
        bench.sample_patches(tokens, guider=controlled.guider(*joined))
    )[0]
    free = SpacetimeUnpatchify.execute(bench.sample_patches(tokens))[0]
    assert torch.equal(made[1]["samples"], free[1]["samples"])
    assert not torch.allclose(made[0]["samples"], free[0]["samples"], atol=1e-2)


def test_what_a_controlnet_was_not_trained_on_is_told(controlled, bench, caplog):
    trained = {"shapes": [[9, 32, 32]], "loops": [], "fps": [16.0]}
    controlled.net = replace(controlled.net, info={**controlled.net.info, "trained": trained})
    controlled.sample()
    assert caplog.messages == [
        "try 32x32 with 9 frames: the ControlNet was not trained on 32x32 with 17 frames"
    ]
    caplog.clear()
    controlled.sample(given=latent(3))
    assert caplog.messages == []
