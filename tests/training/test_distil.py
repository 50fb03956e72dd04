"""Consistency distillation: what its loss measures, and that only the LoRA learns."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from spacetime_video.model_loaders.lora import read_lora
from spacetime_video.models.latent_format import LatentFormat
from spacetime_video.models.lora import patched
from spacetime_video.models.patchify import to_patches
from spacetime_video.samplers.schedules.flow import flow_sigmas
from spacetime_video.training import denoiser as training
from spacetime_video.training import distil
from spacetime_video.training.checkpoint import Length, TrainState
from spacetime_video.training.denoiser import Batch, PromptedDiT, predict
from spacetime_video.training.distil import (
    ORIGINAL_STEPS,
    Adapter,
    Target,
    consistency_loss,
    guided_velocity,
    lora_tensors,
    train_student,
)
from spacetime_video.training.start import block_places

from .conftest import DIT, TEXT, always, latent_set

LATENT = LatentFormat(channels=4)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def teacher() -> PromptedDiT:
    model = PromptedDiT(DIT, TEXT, torch.Generator().manual_seed(1))
    g = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_(std=0.2, generator=g)
    return model.requires_grad_(False)


def adapter(model: PromptedDiT, rank: int = 4) -> Adapter:
    return Adapter(model, rank, torch.Generator().manual_seed(2))


def batch(count: int = 4, frames: int = 3) -> Batch:
    ids = torch.tensor([[3, 4, 1]]).expand(count, -1)
    return Batch(
        clean=normal(count, 4, frames, 4, 4, seed=4),
        token_ids=ids,
        mask=torch.ones_like(ids, dtype=torch.bool),
        prompted=torch.ones(count, dtype=torch.bool),
        conditions={},
        loop=False,
    )


def test_a_student_begins_as_its_teacher() -> None:
    model, clips = teacher(), batch()
    sigma = torch.full((4,), 0.7)
    expected = predict(model, clips, clips.clean, sigma)
    begun = predict(adapter(model).student, clips, clips.clean, sigma)
    torch.testing.assert_close(begun, expected, atol=1e-5, rtol=1e-5)


def test_the_loss_of_an_exact_consistency_function_is_zero(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A velocity that leads every state of a clip to one point is its own consistency function."""
    model, clips = teacher(), batch()
    point = to_patches(normal(4, 4, 3, 4, 4, seed=8), DIT.patch)

    def straight(_model: PromptedDiT, _batch: Batch, noisy: Tensor, sigma: Tensor) -> Tensor:
        level = sigma.flatten(1)[..., None].clamp(min=1e-3)
        return (to_patches(noisy, DIT.patch) - point) / level

    def loss() -> float:
        g = torch.Generator().manual_seed(3)
        return float(consistency_loss(model, model, clips, Target(), g, g))

    apart = loss()
    monkeypatch.setattr(distil, "predict", straight)
    assert loss() < 1e-4
    assert apart > 1e-3


def test_the_teacher_goes_as_far_as_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The student's clean clip is compared after that many steps; after the last one at level 0."""
    model, clips, seen = teacher(), batch(64), []

    def watched(_model: PromptedDiT, _batch: Batch, noisy: Tensor, sigma: Tensor) -> Tensor:
        seen.append(sigma.flatten(1).amax(1))
        return torch.zeros_like(to_patches(noisy, DIT.patch))

    monkeypatch.setattr(distil, "predict", watched)
    schedule = flow_sigmas(ORIGINAL_STEPS, shift=3.0)
    for stretch in (1, 4):
        seen.clear()
        target = Target(stretch=stretch, shift=3.0)
        g = torch.Generator().manual_seed(3)
        consistency_loss(model, model, clips, target, g, g)
        *way, after, before = seen
        assert torch.equal(way[0], before)
        places = torch.tensor([int((schedule == level).nonzero()) for level in before])
        assert torch.equal(after, schedule[(places + stretch).clamp(max=ORIGINAL_STEPS)])
        assert len(way) == 2 * stretch  # with the prompt and without


def test_guidance_is_that_of_sampling() -> None:
    model, clips = teacher(), batch()
    sigma = torch.full((4,), 0.5)
    sides = (
        predict(model, clips, clips.clean, sigma),
        predict(model, distil.unprompted(clips), clips.clean, sigma),
    )
    found = guided_velocity(model, clips, clips.clean, sigma, torch.tensor([1.0, 2.0, 3.0, 0.0]))
    torch.testing.assert_close(found[0], sides[0][0])
    torch.testing.assert_close(found[2], sides[1][2] + 3 * (sides[0][2] - sides[1][2]))
    torch.testing.assert_close(found[3], sides[1][3])
    assert not torch.allclose(sides[0], sides[1])


@pytest.mark.usefixtures("small_steps")
def test_only_the_lora_learns_and_it_does() -> None:
    model = teacher()
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    state = TrainState(adapter(model), rate=1e-2, length=Length(steps=80), seed=1)
    losses = list(train_student(state, model, always(latent_set(frames=2)), LATENT))
    assert sum(losses[-20:]) < 0.75 * sum(losses[:20])
    assert all(torch.equal(weight, before[name]) for name, weight in model.state_dict().items())
    assert all(bool(up.detach().any()) for up in adapter_of(state).ups)


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "TOKENS_PER_STEP", 256)


def adapter_of(state: TrainState) -> Adapter:
    assert isinstance(state.module, Adapter)
    return state.module


@pytest.mark.usefixtures("small_steps")
def test_a_resumed_run_equals_an_unbroken_one(tmp_path: Path) -> None:
    model, sets = teacher(), always(latent_set(frames=3))
    whole, first, second = (
        TrainState(adapter(model), rate=1e-2, length=Length(steps=6), seed=1) for _ in range(3)
    )
    losses = list(train_student(whole, model, sets, LATENT))
    run = train_student(first, model, sets, LATENT)
    begun = [next(run) for _ in range(3)]
    first.save(tmp_path / "state.safetensors")
    second.load(tmp_path / "state.safetensors")
    assert begun + list(train_student(second, model, sets, LATENT)) == losses


def test_the_file_gives_the_student_back(tmp_path: Path) -> None:
    model, clips = teacher(), batch()
    trained = adapter(model)
    with torch.no_grad():
        for number, up in enumerate(trained.ups):
            up.copy_(0.3 * normal(*up.shape, seed=20 + number))
    file = tmp_path / "few_step.safetensors"
    save_file(lora_tensors(trained, dict(trained.named_parameters())), file)
    shapes = {name: weight.shape for name, weight in model.dit.named_parameters()}
    patches = {f"dit.{name}": each for name, each in read_lora(file, shapes).patches.items()}
    sigma = torch.full((4,), 0.6)
    found = predict(patched(model, patches, 1.0), clips, clips.clean, sigma)
    expected = predict(trained.student, clips, clips.clean, sigma)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    assert not torch.allclose(expected, predict(model, clips, clips.clean, sigma), atol=1e-2)


def test_a_run_begins_at_the_lora_of_a_network_with_fewer_blocks():
    """Its changes go where its blocks went, and the new blocks have none."""
    small = adapter(teacher())
    g = torch.Generator().manual_seed(8)
    values = {n: torch.randn(p.shape, generator=g) for n, p in small.named_parameters()}
    lora = lora_tensors(small, values)
    deep = PromptedDiT(replace(DIT, layers=3), TEXT, torch.Generator().manual_seed(1))
    grown = adapter(deep)
    grown.start_from(lora)
    places = block_places(DIT.layers, 3)
    assert places == [0, 2]
    made = lora_tensors(grown, dict(grown.named_parameters()))
    for key, value in made.items():
        number = int(key.split(".")[2])
        if number in places:
            own = key.replace(f"blocks.{number}.", f"blocks.{places.index(number)}.")
            assert torch.equal(value, lora[own])
        elif key.endswith("lora_up.weight"):
            assert not value.any()


def test_a_lora_that_does_not_fit_is_refused():
    lora = lora_tensors(adapter(teacher()), dict(adapter(teacher(), rank=2).named_parameters()))
    with pytest.raises(ValueError, match="use a LoRA of rank 4 for this network"):
        adapter(teacher()).start_from(lora)
    small = adapter(PromptedDiT(replace(DIT, layers=1), TEXT, torch.Generator()))
    two = lora_tensors(adapter(teacher()), dict(adapter(teacher()).named_parameters()))
    with pytest.raises(ValueError, match="2 blocks cannot be spread over 1"):
        small.start_from(two)
