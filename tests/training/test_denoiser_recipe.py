"""The denoiser's stage of the recipe on the smallest sizes: files in, weights out."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from spacetime_video.model_loaders.load import build_dit, build_text_encoder, read_dit
from spacetime_video.models.shapes import LatentShape, VideoShape
from spacetime_video.models.vae.network import VideoVAE
from spacetime_video.toyworld import vocabulary
from spacetime_video.training import denoiser, denoiser_recipe, latents, meters, pictures
from spacetime_video.training.checkpoint import Length
from spacetime_video.training.denoiser_recipe import (
    DenoiserPlan,
    make_denoiser,
    make_latents,
    make_tokenizer,
    scaled,
)
from spacetime_video.training.loop import read_log
from spacetime_video.training.recipe import DIT_FILE, TEXT_FILE, write_weights
from spacetime_video.training.start import read_start

from .conftest import DIT, TEXT

PLAN = DenoiserPlan(length=Length(steps=4), look_every=Length(steps=2), rate=1e-2)


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """A recipe of one source with a network of a few thousand weights."""
    square = latents.Source(name="square", shape=VideoShape(9, 16, 16), shards=2, first=0)
    monkeypatch.setattr(latents, "SHARD", 4)
    monkeypatch.setattr(denoiser, "TOKENS_PER_STEP", 24)
    monkeypatch.setattr(denoiser_recipe, "SQUARE", square)
    monkeypatch.setattr(denoiser_recipe, "SOURCES", (square,))
    monkeypatch.setattr(denoiser_recipe, "HELD_OUT", replace(square, name="held_out", shards=1))
    monkeypatch.setattr(denoiser_recipe, "TINY_DIT", replace(DIT, text_length=40))
    monkeypatch.setattr(denoiser_recipe, "TINY_TEXT", replace(TEXT, vocab_size=96))
    monkeypatch.setattr(denoiser_recipe, "PROBE_SOURCES", ())
    monkeypatch.setattr(meters, "PROBES", ())
    monkeypatch.setattr(pictures, "SAMPLE_SHAPE", LatentShape(3, 2, 2))
    monkeypatch.setattr(denoiser_recipe, "captions_of", lambda seeds: [])


@pytest.fixture
def vae_file(tmp_path: Path, vae: VideoVAE) -> Path:
    path = tmp_path / "vae.safetensors"
    write_weights(path, vae.state_dict(), {"kind": "vae", "config": vae.config.to_dict()})
    return path


def ignore(what: str, done: int, total: int) -> None:
    pass


def test_a_run_leaves_weights_that_load(tmp_path: Path, vae_file: Path) -> None:
    run, ticks = tmp_path / "run", []
    make_latents(run, vae_file, lambda *tick: ticks.append(tick))
    assert ticks == [("latents", 1, 2), ("latents", 2, 2)]
    make_denoiser(run, vae_file, ignore, plan=PLAN)
    weights = read_dit(run / "weights" / DIT_FILE)
    assert weights.info["token_levels"] is True
    assert (weights.shift, weights.info["steps"]) == (3.0, 4)
    seen = {"shapes": [[9, 16, 16]], "loops": [], "fps": [8.0, 12.0, 16.0, 24.0]}
    assert weights.info["trained"] == seen
    start = read_start(run / "start")
    changed = [not torch.equal(weights.state[key], start.dit.state[key]) for key in weights.state]
    assert sum(changed) > len(changed) / 2
    build_dit(weights)
    encoder = build_text_encoder(read_start(run / "weights").text)
    assert encoder.tokenizer.max_length == 40
    assert [path.name for path in sorted((run / "samples").iterdir())] == [
        "denoiser_000002.png",
        "denoiser_000004.png",
    ]
    seen = [record for record in read_log(run / "denoiser.log") if "validation" in record]
    assert [record["step"] for record in seen] == [2, 4]


def test_a_later_run_begins_with_given_weights(tmp_path: Path, vae_file: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for run in (first, second):
        make_latents(run, vae_file, ignore)
    make_denoiser(first, vae_file, ignore, plan=PLAN)
    make_denoiser(second, vae_file, ignore, plan=replace(PLAN, init_from=first / "weights"))
    start, before = read_start(second / "start"), read_start(first / "weights")
    assert all(torch.equal(start.dit.state[key], value) for key, value in before.dit.state.items())
    assert start.dit.latent == before.dit.latent
    assert read_dit(second / "weights" / DIT_FILE).info["steps"] == 8
    assert (second / "weights" / TEXT_FILE).exists()


def test_another_vae_is_refused(tmp_path: Path, vae: VideoVAE, vae_file: Path) -> None:
    make_latents(tmp_path, vae_file, ignore)
    make_denoiser(tmp_path, vae_file, ignore, plan=PLAN)
    state = {key: value + 0.5 for key, value in vae.state_dict().items()}
    write_weights(vae_file, state, {"kind": "vae", "config": vae.config.to_dict()})
    with pytest.raises(ValueError, match="train in a new folder"):
        make_denoiser(tmp_path, vae_file, ignore, plan=PLAN)


def test_the_tokenizer_knows_every_word() -> None:
    encoder = denoiser_recipe.Tokenizer(make_tokenizer(), max_length=48)
    assert encoder.unknown_words(" ".join(vocabulary())) == []


def test_a_share_of_a_source_has_a_shard_at_least() -> None:
    source = latents.Source(name="a", shape=VideoShape(1, 16, 16), shards=40, first=0)
    assert [scaled(source, scale).shards for scale in (1.0, 0.26, 0.0001)] == [40, 11, 1]
