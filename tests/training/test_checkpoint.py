"""A training run that was interrupted goes on exactly as one that was not."""

import math
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from spacetime_video.training.checkpoint import Length, TrainState
from spacetime_video.training.loop import Watch, curves, drive, read_log
from spacetime_video.training.muon import Muon, orthogonalise


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.idle = nn.Linear(4, 6), nn.Linear(2, 2)
        self.blocks = nn.ModuleList([nn.Linear(6, 6)])
        self.register_buffer("table", torch.zeros(2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.blocks[0](self.first(x).tanh())


def fresh(steps: int = 8, optimiser: str = "adamw", rate: float = 1e-2) -> TrainState:
    generator, module = torch.Generator().manual_seed(3), Small()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_(generator=generator)
    return TrainState(module, rate=rate, length=Length(steps=steps), seed=5, optimiser=optimiser)


def train(state: TrainState, until: int | None = None) -> Iterator[float]:
    while not state.done and state.step != until:
        batch = torch.randn(6, 4, generator=state.generator())
        loss = (state.module(batch) - batch.sum(1, keepdim=True)).square().mean()
        state.update(loss)
        yield float(loss.detach())


def same(one: TrainState, other: TrainState) -> bool:
    return all(
        torch.equal(weight, other.module.get_parameter(name))
        and torch.equal(one.average[name], other.average[name])
        for name, weight in one.module.named_parameters()
    )


@pytest.mark.parametrize("optimiser", ["adamw", "muon"])
def test_resumed_run_equals_an_unbroken_one(tmp_path: Path, optimiser: str) -> None:
    whole = fresh(optimiser=optimiser)
    losses = list(train(whole))
    first = fresh(optimiser=optimiser)
    list(train(first, 5))
    first.save(tmp_path / "state.safetensors")
    second = fresh(optimiser=optimiser)
    second.load(tmp_path / "state.safetensors")
    assert second.step == 5
    assert list(train(second)) == losses[5:]
    assert same(whole, second)


def test_muon_moves_the_matrices_of_blocks_alone() -> None:
    state = fresh(optimiser="muon")
    adam, muon = state.optimisers
    assert [tuple(w.shape) for w in muon.param_groups[0]["params"]] == [(6, 6)]
    assert len(adam.param_groups[0]["params"]) == 5
    with pytest.raises(ValueError, match="adamw or muon"):
        fresh(optimiser="sgd")


@pytest.mark.parametrize("optimiser", ["adamw", "muon"])
def test_both_optimisers_learn(optimiser: str) -> None:
    losses = list(train(fresh(steps=150, optimiser=optimiser, rate=3e-2)))
    assert sum(losses[-10:]) < 0.5 * sum(losses[:10])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("shape", [(24, 24), (8, 40), (40, 8)])
def test_orthogonalised_matrices_have_singular_values_near_one(
    shape: tuple[int, int], dtype: torch.dtype
) -> None:
    matrices = torch.randn(3, *shape, generator=torch.Generator().manual_seed(1)) * 1e-3
    for matrix, after in zip(matrices, orthogonalise(matrices, dtype).float(), strict=True):
        before, values = torch.linalg.svd(matrix), torch.linalg.svdvals(after)
        assert float(values.min()) > 0.3
        assert float(values.max()) < (1.6 if dtype == torch.float32 else 1.9)
        ideal = before.U[:, : min(shape)] @ before.Vh[: min(shape)]
        assert float((after * ideal).sum() / (after.norm() * ideal.norm())) > 0.9


def test_matrices_of_one_shape_move_as_each_would_alone() -> None:
    g = torch.Generator().manual_seed(2)
    together = [nn.Parameter(torch.randn(6, 9, generator=g)) for _ in range(3)]
    alone = [nn.Parameter(weight.detach().clone()) for weight in together]
    optimisers = [Muon(together, lr=0.1), *(Muon([weight], lr=0.1) for weight in alone)]
    for _ in range(3):
        for one, other in zip(together, alone, strict=True):
            one.grad = torch.randn(6, 9, generator=g)
            other.grad = one.grad.clone()
        for optimiser in optimisers:
            optimiser.step()
    for one, other in zip(together, alone, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-2)


def test_learning_rate_warms_up_stays_and_falls() -> None:
    state = fresh(steps=400)
    seen = []
    for _ in train(state):
        seen.append(state.optimisers[0].param_groups[0]["lr"])
    assert seen[0] == pytest.approx(1e-4)
    assert seen[99:301] == pytest.approx([1e-2] * 202)
    assert seen[350] == pytest.approx(5e-3)
    assert seen[-1] == pytest.approx(1e-4)


def test_a_step_without_a_finite_loss_changes_nothing() -> None:
    state, before = fresh(), fresh()
    weight = next(iter(state.module.parameters()))
    state.update(weight.sum() * math.nan)
    assert (state.step, state.skipped) == (1, 1)
    assert same(state, before)
    list(train(state))
    assert state.skipped == 1
    assert not same(state, before)


def test_average_follows_the_weights() -> None:
    state = fresh(steps=1, rate=1.0)
    before = {name: weight.clone() for name, weight in state.average.items()}
    list(train(state))
    name = "first.weight"
    now = state.module.get_parameter(name).detach().clone()
    expected = before[name].lerp(now, 1 - 1 / 10)
    torch.testing.assert_close(state.average[name], expected)
    with state.averaged():
        torch.testing.assert_close(state.module.get_parameter(name), expected)
    assert torch.equal(state.module.get_parameter(name), now)
    torch.testing.assert_close(state.average[name], expected)


def test_driven_run_is_logged_plotted_and_prolonged(tmp_path: Path) -> None:
    ticks: list[int] = []
    watch = Watch(look=lambda state: {"validation": 1.0 / state.step}, every=Length(steps=4))

    def go(steps: int) -> TrainState:
        state = fresh(steps=steps)
        drive(state, train(state), tmp_path, "toy", lambda _, n, all: ticks.append(n), watch)
        return state

    go(8)
    records = read_log(tmp_path / "toy.log")
    assert [record["step"] for record in records if "loss" in record] == list(range(1, 9))
    assert [record["validation"] for record in records if "validation" in record] == [0.25, 0.125]
    assert list(curves(records)) == ["loss", "validation"]
    assert (tmp_path / "toy.png").read_bytes().startswith(b"\x89PNG")
    assert ticks == list(range(1, 9))
    longer = go(12)
    assert ticks[8:] == list(range(7, 13)), "goes on from before the rate fell, at step 6"
    steps = [r["step"] for r in read_log(tmp_path / "toy.log") if "loss" in r]
    assert steps == list(range(1, 13))
    whole = fresh(steps=12)
    list(train(whole))
    assert same(longer, whole)
