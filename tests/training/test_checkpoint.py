"""A training run that was interrupted goes on exactly as one that was not."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from spacetime_video.training.checkpoint import TrainState


def fresh(steps: int = 8) -> TrainState:
    generator = torch.Generator().manual_seed(3)
    module = nn.ModuleDict({"used": nn.Linear(4, 2), "idle": nn.Linear(2, 2)})
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_(generator=generator)
    return TrainState(module, rate=1e-2, steps=steps, seed=5)


def train(state: TrainState, until: int) -> Iterator[float]:
    while state.step < until:
        batch = torch.randn(6, 4, generator=state.generator())
        loss = state.module["used"](batch).square().mean()
        state.update(loss)
        yield float(loss.detach())


def test_resumed_run_equals_an_unbroken_one(tmp_path: Path) -> None:
    whole = fresh()
    losses = list(train(whole, 8))
    first = fresh()
    list(train(first, 5))
    first.save(tmp_path / "state.safetensors")
    second = fresh()
    second.load(tmp_path / "state.safetensors")
    assert second.step == 5
    assert list(train(second, 8)) == losses[5:]
    for name, weight in second.module.named_parameters():
        assert torch.equal(weight, whole.module.get_parameter(name))
        assert torch.equal(second.average[name], whole.average[name])


def test_learning_rate_warms_up_and_falls(tmp_path: Path) -> None:
    state = fresh(steps=400)
    seen = []
    for _ in train(state, 400):
        seen.append(state.optimiser.param_groups[0]["lr"])
    assert seen[0] == pytest.approx(1e-4, rel=0.01)
    assert max(seen) > 8e-3
    assert seen[-1] == pytest.approx(2e-4, rel=0.05)
