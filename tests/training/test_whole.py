"""The recipe within a time: what each stage may take, and a run by the clock."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from spacetime_video.training import whole
from spacetime_video.training.checkpoint import Length, TrainState
from spacetime_video.training.loop import Watch, drive, read_log
from spacetime_video.training.recipe import (
    DIT_FILE,
    LORA_FILE,
    TEXT_FILE,
    VAE_FILE,
    write_weights,
)
from spacetime_video.training.whole import WholePlan, check_device, train_within


def test_stages_share_the_time_and_end_in_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, Any] = {"making": False}

    @contextmanager
    def makers(count: int, *_: object) -> Iterator[None]:
        seen.update(makers=count, making=True)
        yield
        seen["making"] = False

    def stage(name: str, plan_at: int):
        def run(*given: Any) -> None:
            seen[name] = given[plan_at]
            assert seen["making"]
            for file in (DIT_FILE, TEXT_FILE, LORA_FILE):
                write_weights(tmp_path / "run/weights" / file, {"a": torch.ones(2)}, {})

        return run

    monkeypatch.setattr(whole, "makers", makers)
    monkeypatch.setattr(whole, "make_held_out", lambda *given, meters: None)
    monkeypatch.setattr(whole, "await_shard", lambda *given: time.sleep(0.2))
    monkeypatch.setattr(whole, "make_denoiser", stage("denoiser", 4))
    monkeypatch.setattr(whole, "make_few_step", stage("few_step", 5))
    plan, before = WholePlan(minutes=0.5, makers=3), time.perf_counter()
    train_within(tmp_path / "run", plan, lambda *tick: None, tmp_path / "results")
    assert seen["makers"] == 3
    assert not seen["making"]
    lengths = [seen[name].length.seconds for name in ("denoiser", "few_step")]
    assert lengths == pytest.approx([0.74 * 30, 0.2 * 30]), "the same when a run goes on"
    assert before <= seen["denoiser"].started <= seen["few_step"].started - 0.2
    assert seen["denoiser"].init_from == whole.bundled("vae")[VAE_FILE].parent
    assert seen["few_step"].init_from == whole.bundled("loras")[LORA_FILE]
    assert len(list((tmp_path / "results").iterdir())) == 3


def losses(state: TrainState, pace: float) -> Iterator[float]:
    while not state.done:
        loss = state.module(torch.ones(1, 2)).square().sum()
        state.update(loss)
        time.sleep(pace)
        yield float(loss.detach())


def state_of(seconds: float) -> TrainState:
    return TrainState(nn.Linear(2, 2), rate=0.01, length=Length(seconds=seconds), seed=1)


def test_a_run_by_the_clock_ends_in_time_whatever_a_step_takes(tmp_path: Path) -> None:
    for name, pace in (("fast", 0.001), ("slow", 0.04)):
        looks: list[float] = []
        watch = Watch(
            look=lambda s, to=looks: to.append(s.seconds) or {}, every=Length(seconds=0.2)
        )
        state, begun = state_of(1.0), time.perf_counter()
        drive(state, losses(state, pace), tmp_path, name, lambda *tick: None, watch)
        assert time.perf_counter() - begun < 2.5
        rates = [
            record["rate"] for record in read_log(tmp_path / f"{name}.log") if "rate" in record
        ]
        assert rates[-1] < 0.1 * max(rates), "the rate falls by the clock"
        assert 3 <= len(looks) <= 6
        assert looks[-1] >= 1.0


def test_an_interrupted_run_has_only_the_time_that_is_left(tmp_path: Path) -> None:
    first = state_of(1.0)
    run = losses(first, 0.01)
    begun = time.perf_counter()
    while first.seconds < 0.6:
        next(run)
        first.seconds = time.perf_counter() - begun
    first.save(tmp_path / "toy.checkpoint.safetensors")
    second, begun = state_of(1.0), time.perf_counter()
    drive(second, losses(second, 0.01), tmp_path, "toy", lambda *tick: None)
    assert second.step > first.step
    assert 0.2 < time.perf_counter() - begun < 1.0
    assert second.done


def test_the_clock_counts_what_came_before_the_first_step(tmp_path: Path) -> None:
    state, begun = state_of(1.0), time.perf_counter()
    drive(state, losses(state, 0.01), tmp_path, "toy", lambda *tick: None, started=begun - 0.8)
    assert time.perf_counter() - begun < 0.6
    assert state.seconds >= 1.0


@pytest.mark.parametrize(
    "wrong", [{}, {"steps": 1, "seconds": 2.0}, {"steps": 0}, {"seconds": -1.0}]
)
def test_a_length_is_one_of_two(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="give one of the two, above 0"):
        Length(**wrong)


def test_a_device_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="no device 'cuda:0' on this machine"):
        check_device("cuda:0")
    check_device("cpu")


def test_training_within_a_time_needs_few_packages() -> None:
    """A rented machine may have torch, numpy, einops, safetensors and sentencepiece alone."""
    blocked = ("av", "typer", "rich", "PIL", "click", "diffusers", "transformers", "scipy")
    code = f"import sys; sys.modules.update(dict.fromkeys({blocked!r})); " + (
        "from spacetime_video.training import __main__"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
