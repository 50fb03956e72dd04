"""The few-step stage of the recipe on the smallest sizes: a teacher in, a LoRA out."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from spacetime_video.model_loaders.files import read_file
from spacetime_video.model_loaders.load import read_dit
from spacetime_video.model_loaders.lora import read_lora
from spacetime_video.models.shapes import LatentShape, VideoShape
from spacetime_video.models.vae.network import VideoVAE
from spacetime_video.training import (
    denoiser,
    denoiser_recipe,
    distil_recipe,
    latents,
    meters,
    pictures,
)
from spacetime_video.training.checkpoint import Length
from spacetime_video.training.denoiser_recipe import DenoiserPlan, make_denoiser, make_latents
from spacetime_video.training.distil_recipe import DistilPlan, make_few_step
from spacetime_video.training.recipe import DIT_FILE, LORA_FILE, write_weights

from .conftest import DIT, TEXT

SQUARE = latents.Source(name="square", shape=VideoShape(9, 16, 16), shards=1, first=0)
PLAN = DistilPlan(
    length=Length(steps=4), look_every=Length(steps=2), rank=2, rate=1e-2, guidance=(1.5, 2.5)
)


@pytest.fixture
def teacher(tmp_path: Path, vae: VideoVAE, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run folder with latents and a denoiser of a few thousand weights."""
    monkeypatch.setattr(latents, "SHARD", 4)
    monkeypatch.setattr(denoiser, "TOKENS_PER_STEP", 24)
    for recipe in (denoiser_recipe, distil_recipe):
        monkeypatch.setattr(recipe, "SOURCES", (SQUARE,))
    monkeypatch.setattr(pictures, "SAMPLE_SHAPE", LatentShape(3, 2, 2))
    monkeypatch.setattr(distil_recipe, "SAMPLE_SHAPE", LatentShape(3, 2, 2))
    monkeypatch.setattr(denoiser_recipe, "SQUARE", SQUARE)
    monkeypatch.setattr(denoiser_recipe, "PROBE_SOURCES", ())
    monkeypatch.setattr(meters, "PROBES", ())
    monkeypatch.setattr(denoiser_recipe, "HELD_OUT", replace(SQUARE, name="held_out"))
    monkeypatch.setattr(denoiser_recipe, "TINY_DIT", replace(DIT, text_length=40))
    monkeypatch.setattr(denoiser_recipe, "TINY_TEXT", replace(TEXT, vocab_size=96))
    monkeypatch.setattr(denoiser_recipe, "captions_of", lambda seeds: [])
    run, file = tmp_path / "run", tmp_path / "vae.safetensors"
    write_weights(file, vae.state_dict(), {"kind": "vae", "config": vae.config.to_dict()})
    make_latents(run, file, ignore)
    make_denoiser(
        run, file, ignore, plan=DenoiserPlan(length=Length(steps=2), look_every=Length(steps=2))
    )
    return run


def ignore(what: str, done: int, total: int) -> None:
    pass


def test_a_run_leaves_a_lora_that_loads(teacher: Path, tmp_path: Path) -> None:
    ticks = []
    vae_file = tmp_path / "vae.safetensors"
    make_few_step(
        teacher, teacher / "weights", vae_file, lambda *tick: ticks.append(tick), plan=PLAN
    )
    assert ticks == [("few_step", step, 4) for step in (1, 2, 3, 4)]
    shapes = {k: v.shape for k, v in read_dit(teacher / "weights" / DIT_FILE).state.items()}
    lora = read_lora(teacher / "weights" / LORA_FILE, shapes)
    assert len(lora.patches) == 10 * DIT.layers
    assert lora.info["distilled"] == "consistency"
    assert lora.info["guidance"] == [1.5, 2.5]
    moved = [p.low_rank.up for p in lora.patches.values() if p.low_rank is not None]
    assert len(moved) == len(lora.patches)
    assert sum(bool(torch.count_nonzero(up)) for up in moved) > len(moved) / 2
    assert read_file(teacher / "weights" / LORA_FILE).info["kind"] == "lora"
    pictures = sorted(path.name for path in (teacher / "samples").glob("few_step_*"))
    assert pictures == ["few_step_000002.png", "few_step_000004.png"]


def test_a_run_begins_at_a_given_lora(teacher: Path, tmp_path: Path) -> None:
    vae_file, first = tmp_path / "vae.safetensors", tmp_path / "first.safetensors"
    make_few_step(teacher, teacher / "weights", vae_file, ignore, plan=PLAN)
    (teacher / "weights" / LORA_FILE).rename(first)
    for path in teacher.glob("few_step.*"):
        path.unlink()
    still = replace(PLAN, rate=0.0, init_from=first)
    make_few_step(teacher, teacher / "weights", vae_file, ignore, plan=still)
    again, before = (read_file(path).state for path in (teacher / "weights" / LORA_FILE, first))
    assert all(torch.equal(again[key], before[key]) for key in before)
