"""Meters of reading in order: exact on a denoiser that reads, and nothing on one that does not."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from spacetime_video.model_loaders.tokenizer import Tokenizer
from spacetime_video.models.latent_format import LatentFormat
from spacetime_video.models.vae.network import VideoVAE
from spacetime_video.toyworld import caption, draw_scene, parse_caption, render
from spacetime_video.training import latents, meters
from spacetime_video.training.denoiser import PromptedDiT
from spacetime_video.training.denoiser_recipe import make_tokenizer
from spacetime_video.training.latents import in_turn, make_shards
from spacetime_video.training.meters import PROBES, Probe, binding, read_meters
from spacetime_video.training.pictures import SampleMaker
from spacetime_video.training.recipe import HELD_OUT_SEED

from .conftest import DIT, TEXT

LATENT = LatentFormat(channels=4, mean=(0.0,) * 4, std=(1.0,) * 4)


def test_wrong_captions_have_the_same_words_in_another_order() -> None:
    for probe in PROBES:
        for seed in range(20):
            scene = draw_scene(seed, kind=probe.source.kind)
            true, wrong = caption(scene), caption(probe.swap(scene))
            articles = ("a", "an")
            words = [
                sorted(w for w in text.replace(",", "").split() if w not in articles)
                for text in (true, wrong)
            ]
            assert true != wrong
            assert words[0] == words[1]


@pytest.fixture
def studio(vae: VideoVAE, monkeypatch: pytest.MonkeyPatch) -> SampleMaker:
    monkeypatch.setattr(latents, "SHARD", 2)
    tokenizer = Tokenizer(make_tokenizer(), max_length=48)
    text = replace(TEXT, vocab_size=96)
    model = PromptedDiT(replace(DIT, text_length=48), text, torch.Generator().manual_seed(1))
    return SampleMaker(model, vae, LATENT, tokenizer)


def test_a_bag_of_words_costs_nothing(
    tmp_path: Path, studio: SampleMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    probes = tuple(_small(probe) for probe in PROBES)
    monkeypatch.setattr(meters, "PROBES", probes)
    monkeypatch.setattr(meters, "binding", lambda studio, source: {})
    make_shards(tmp_path, in_turn([probe.source for probe in probes]), HELD_OUT_SEED, studio.vae)
    with torch.no_grad():
        for weight in studio.model.parameters():
            weight.normal_(std=0.3, generator=torch.Generator().manual_seed(3))
    costs = read_meters(tmp_path, studio, LATENT).read()
    assert list(costs) == [f"swapped {probe.name}" for probe in PROBES]
    assert all(cost != 0 for cost in costs.values()), "random weights read words by their places"

    def bag(token_ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        known = studio.model.text.shared(token_ids) * mask[..., None]
        total = known.double().sum(1, keepdim=True).float()
        return total.expand_as(known) * mask[..., None]

    monkeypatch.setattr(studio.model, "context", bag)
    blind = read_meters(tmp_path, studio, LATENT).read()
    assert max(map(abs, blind.values())) < 0.05 * max(map(abs, costs.values()))


def _small(probe: Probe) -> Probe:
    shape = probe.source.shape._replace(frames=1, height=16, width=16)
    return replace(probe, source=replace(probe.source, shape=shape, shards=1))


def test_true_pictures_are_bound_and_their_swaps_are_not(
    studio: SampleMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The meter itself, on renders of what is asked and of the same with colours swapped."""
    monkeypatch.setattr(latents, "SHARD", 8)
    monkeypatch.setattr(meters, "DRAWN", 16)
    source = PROBES[0].source
    scenes = meters.scenes_of(source)[:16]

    def make(self, prompts, shape):
        assert [parse_caption(prompt) for prompt in prompts]
        return render(shown, frames=1, height=64, width=64, fps=16.0).video

    monkeypatch.setattr(SampleMaker, "make", make)
    shown = scenes
    assert binding(studio, source)["binding, drawn"] > 0.9
    assert binding(studio, source)["count, drawn"] > 0.9
    shown = [meters.swapped_colours(scene) for scene in scenes]
    different = [scene for scene in scenes if scene.objects[0].shape != scene.objects[1].shape]
    wrong = binding(studio, source)["binding, drawn"]
    assert wrong <= 1 - len(different) / 16 + 0.1
