"""The denoiser's loss, its batches and what it learns from them."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from spacetime_video.media.images import load_image, save_image
from spacetime_video.model_loaders.tokenizer import Tokenizer
from spacetime_video.models.latent_format import LatentFormat
from spacetime_video.models.patchify import from_patches, to_patches
from spacetime_video.models.shapes import LatentShape
from spacetime_video.models.vae.network import VideoVAE
from spacetime_video.training import denoiser as training
from spacetime_video.training.checkpoint import Length, TrainState
from spacetime_video.training.denoiser import (
    Batch,
    PromptedDiT,
    clip_layout,
    draw_batch,
    flow_loss,
    predict,
    train_denoiser,
)
from spacetime_video.training.levels import Levels, draw_levels
from spacetime_video.training.pictures import SampleMaker, validation_loss

from .conftest import DIT, TEXT, always, latent_set

LATENT = LatentFormat(channels=4)


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "TOKENS_PER_STEP", 256)


def batch(frames: int = 3, *, keys: bool = False, loop: bool = False, count: int = 6) -> Batch:
    g = torch.Generator().manual_seed(4)
    clean = torch.randn(count, 4, frames, 4, 4, generator=g)
    ids = torch.tensor([[3, 4, 1]]).expand(count, -1)
    return Batch(
        clean=clean,
        token_ids=ids,
        mask=torch.ones_like(ids, dtype=torch.bool),
        prompted=torch.ones(count, dtype=torch.bool),
        conditions={"loop": torch.full((count,), float(loop))},
        loop=loop,
        keys=torch.randn(count, 4, 1, 4, 4, generator=g) if keys else None,
        key_time=1.25,
    )


def randomise(model: PromptedDiT) -> None:
    g = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_(std=0.3, generator=g)


@pytest.mark.usefixtures("small_steps")
def test_denoiser_learns_its_prompts(model: PromptedDiT) -> None:
    state = TrainState(model, rate=1e-2, length=Length(steps=60), seed=1)
    losses = list(train_denoiser(state, always(latent_set()), LATENT))
    assert len(losses) == 60
    assert sum(losses[-20:]) < 0.6 * sum(losses[:20])
    seen = validation_loss(model, latent_set(frames=2), LATENT)
    assert 0 < seen["validation"] < 2
    assert 0 < seen["validation, first frame given"] < 2


@pytest.mark.usefixtures("small_steps")
def test_a_resumed_run_equals_an_unbroken_one(tmp_path: Path) -> None:
    def fresh() -> TrainState:
        model = PromptedDiT(DIT, TEXT, torch.Generator().manual_seed(1))
        return TrainState(model, rate=1e-2, length=Length(steps=10), seed=1, optimiser="muon")

    sets = always(latent_set(frames=3), latent_set(frames=2, loop=True))
    whole = fresh()
    losses = list(train_denoiser(whole, sets, LATENT))
    first, second = fresh(), fresh()
    steps = train_denoiser(first, sets, LATENT)
    assert [next(steps) for _ in range(4)] == losses[:4]
    first.save(tmp_path / "state.safetensors")
    second.load(tmp_path / "state.safetensors")
    assert list(train_denoiser(second, sets, LATENT)) == losses[4:]


def given_first(clips: Batch) -> Levels:
    shape = (len(clips.clean), clips.shape.frames, 2, 2)
    sigma = torch.full(shape, 0.7)
    sigma[:, 0] = 0.0
    given = torch.zeros(shape, dtype=torch.bool)
    given[:, 0] = True
    return Levels(sigma, given, torch.zeros(len(clips.clean), dtype=torch.bool))


def test_the_perfect_velocity_has_no_loss_whatever_it_says_of_given_tokens(
    model: PromptedDiT, monkeypatch: pytest.MonkeyPatch
) -> None:
    clips = batch()
    levels = given_first(clips)
    wrong = torch.zeros(6, 12, 16)

    def oracle(tokens, layout, sigma, texts, *, conditions, hooks):
        known = to_patches(clips.clean)
        assert torch.equal(tokens[:, :4], known[:, :4])
        assert torch.equal(sigma, levels.sigma.flatten(1))
        return (tokens - known) / sigma[..., None].clamp(min=1e-9) + wrong

    monkeypatch.setattr(model.dit, "forward_tokens", oracle)

    def loss() -> float:
        return float(flow_loss(model, clips, levels, torch.Generator().manual_seed(2)))

    assert loss() < 1e-9
    wrong[:, :4] = 9.0
    assert loss() < 1e-9
    wrong[0, 5] = 1.0
    assert loss() == pytest.approx(1 / 8 / 6, rel=1e-4)


def test_key_frames_are_clean_tokens_at_their_own_time(
    model: PromptedDiT, monkeypatch: pytest.MonkeyPatch
) -> None:
    randomise(model)
    clips = batch(keys=True)
    seen = {}
    forward = model.dit.forward_tokens

    def watch(tokens, layout, sigma, texts, *, conditions, hooks):
        seen.update(tokens=tokens, layout=layout, sigma=sigma)
        return forward(tokens, layout, sigma, texts, conditions=conditions, hooks=hooks)

    monkeypatch.setattr(model.dit, "forward_tokens", watch)
    sigma = torch.full((6,), 0.6)
    with_key = predict(model, clips, clips.clean, sigma)
    assert with_key.shape == (6, 12, 16)
    assert clips.keys is not None
    assert torch.equal(seen["tokens"][:, 12:], to_patches(clips.keys))
    assert torch.equal(seen["sigma"][:, 12:], torch.zeros(6, 4))
    assert torch.equal(seen["sigma"][:, :12], torch.full((6, 12), 0.6))
    places = seen["layout"].coordinates
    assert torch.equal(places[12:, 0], torch.full((4,), 1.25, dtype=torch.float64))
    assert torch.equal(places[12:, 1:], places[:4, 1:])
    without = predict(model, batch(), clips.clean, sigma)
    assert not torch.allclose(with_key, without, atol=1e-4)
    later = clip_layout(LatentShape(3, 2, 2), False, 2.0)
    assert float(later.coordinates[-1, 0]) == 2.0


def test_circular_clips_are_rolled_by_the_network(model: PromptedDiT) -> None:
    randomise(model)
    clips, sigma = batch(frames=4, loop=True), torch.full((6,), 0.6)
    shape = LatentShape(4, 4, 4)
    straight = from_patches(predict(model, clips, clips.clean, sigma), shape)
    rolled = from_patches(predict(model, clips, clips.clean.roll(1, 2), sigma), shape)
    torch.testing.assert_close(rolled, straight.roll(1, 2), atol=1e-4, rtol=1e-4)


@pytest.mark.usefixtures("small_steps")
def test_batches_draw_lengths_prompts_and_inputs_at_their_rates() -> None:
    data, g = latent_set(frames=5), torch.Generator().manual_seed(0)
    drawn = [draw_batch(data, LATENT, DIT.conditions, g) for _ in range(600)]
    full = [each for each in drawn if each.shape.frames == 5]
    share = {name: sum(name in d.conditions for d in drawn) / 600 for name in DIT.conditions}
    assert share["loop"] == 1.0
    for name in ("fps", "duration", "height", "width"):
        assert share[name] == pytest.approx(0.9, abs=0.04)
    keys = sum(each.keys is not None for each in drawn) / 600
    assert keys == pytest.approx(0.1, abs=0.04)
    assert sum(d.shape.frames == 1 for d in drawn) / 600 == pytest.approx(0.042, abs=0.025)
    assert {d.shape.frames for d in drawn} == {1, 2, 3, 4, 5}
    assert len(full[0].clean) == 256 // 20
    one = next(d for d in drawn if d.shape.frames == 2 and "duration" in d.conditions)
    assert torch.equal(one.conditions["duration"], torch.full((len(one.clean),), 5 / 8))
    keyed = next(d for d in drawn if d.keys is not None)
    kinds = keyed.clean.mean((1, 2, 3, 4)).sign()
    assert len(kinds.unique()) == 1, "only clips whose key frames are at the same time"
    assert keyed.key_time == (2.5 if kinds[0] > 0 else 0.0)
    empty = torch.cat([d.mask.sum(1) == 1 for d in drawn]).float().mean()
    zero = torch.cat([~d.prompted for d in drawn]).float().mean()
    assert float(empty) == pytest.approx(0.05, abs=0.015)
    assert float(zero) == pytest.approx(0.05, abs=0.015)


@pytest.mark.usefixtures("small_steps")
def test_clips_are_drawn_by_their_weights() -> None:
    even = latent_set(frames=5)
    weights = 1.0 + 3.0 * (torch.arange(len(even)) % 2)
    data, g = replace(even, weights=weights), torch.Generator().manual_seed(0)
    drawn = [draw_batch(data, LATENT, DIT.conditions, g) for _ in range(150)]
    heavy = torch.cat([d.clean.mean((1, 2, 3, 4)) > 0 for d in drawn if d.keys is None])
    assert heavy.float().mean() == pytest.approx(0.8, abs=0.05)


@pytest.mark.usefixtures("small_steps")
def test_loops_are_never_cut_and_say_so() -> None:
    data, g = latent_set(frames=4, loop=True), torch.Generator().manual_seed(0)
    for _ in range(40):
        drawn = draw_batch(data, LATENT, DIT.conditions, g)
        assert drawn.shape.frames == 4
        assert bool((drawn.conditions["loop"] == 1).all())
        if "duration" in drawn.conditions:
            assert float(drawn.conditions["duration"][0]) == 16 / 8


def test_a_dropped_prompt_is_no_prompt(model: PromptedDiT) -> None:
    randomise(model)
    clips, sigma = batch(), torch.full((6,), 0.6)
    none = torch.zeros(6, dtype=torch.bool)
    silent = Batch(**{**vars(clips), "prompted": none})
    other = Batch(**{**vars(silent), "token_ids": clips.token_ids + 2})
    a, b = (predict(model, each, clips.clean, sigma) for each in (silent, other))
    assert torch.equal(a, b)
    assert not torch.allclose(a, predict(model, clips, clips.clean, sigma), atol=1e-4)


def test_sample_pictures_show_one_strip_per_prompt(
    model: PromptedDiT, vae: VideoVAE, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    randomise(model)
    studio = SampleMaker(model, vae, LATENT, tokenizer)
    prompts = ("a red sphere", "a blue cube moves")
    picture = studio.picture(prompts, LatentShape(3, 2, 2))
    assert picture.shape == (2 * 16, 6 * 16 + 5 * 2, 3)
    save_image(tmp_path / "strip.png", picture)
    assert load_image(tmp_path / "strip.png").pixels.shape == picture.shape
    assert torch.equal(studio.picture(prompts, LatentShape(3, 2, 2)), picture)
    clips = studio.make(prompts, LatentShape(3, 2, 2))
    assert not torch.equal(clips[0], clips[1])


def test_short_clips_and_images_have_levels_too(model: PromptedDiT) -> None:
    g = torch.Generator().manual_seed(0)
    for frames in (1, 2):
        clips = batch(frames=frames)
        levels = draw_levels(6, LatentShape(frames, 2, 2), g)
        assert torch.isfinite(flow_loss(model, clips, levels, g))
