"""Drive a training run: resume, log, checkpoints, a plot, and a look at it now and then."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..media.images import save_image
from ..media.plot import PlotStyle, Series, line_plot
from .checkpoint import TrainState, fall_of, read_counters

CHECKPOINT_EVERY = 200

Tick = Callable[[str, int, int], None]
"""(what, done, total)."""


def _nothing(_state: TrainState) -> dict[str, float]:
    return {}


@dataclass(frozen=True, kw_only=True)
class Watch:
    """What is done every so many steps with the averaged weights in place.

    Args:
        look: measures the module, and may write files; its numbers go into log and plot.
        every: steps between two looks.
    """

    look: Callable[[TrainState], Mapping[str, float]] = _nothing
    every: int = 500


def drive(
    state: TrainState,
    losses: Iterator[float],
    run: Path,
    name: str,
    tick: Tick,
    watch: Watch = Watch(),
) -> None:
    """Run a training generator to its end, going on where a checkpoint is.

    In the folder ``run``: ``<name>.checkpoint.safetensors``, ``<name>.constant.safetensors`` from
    before the rate fell, ``<name>.log`` with one JSON object per line, and ``<name>.png``.
    """
    log = Log(run / f"{name}.log", resume(state, run, name))
    clock = time.perf_counter()
    for loss in losses:
        now = time.perf_counter()
        log.add({
            "step": state.step, "loss": loss, "norm": state.norm,
            "rate": state.rate * state.schedule(), "seconds": round(now - clock, 4),
        })  # fmt: skip
        tick(name, state.step, state.steps)
        done = state.step == state.steps
        if state.step % watch.every == 0 or done:
            _look(state, log, watch, run / f"{name}.png")
        if state.step % CHECKPOINT_EVERY == 0 or done:
            state.save(run / f"{name}.checkpoint.safetensors")
        if state.step == state.fall:
            state.save(run / f"{name}.constant.safetensors")
        clock = time.perf_counter()


def resume(state: TrainState, run: Path, name: str) -> int:
    """Load the checkpoint to go on from, if there is one; returns its step.

    A run that is now planned longer than the one that left the checkpoint goes on from before
    its rate fell.
    """
    path, constant = (run / f"{name}.{kind}.safetensors" for kind in ("checkpoint", "constant"))
    if not path.exists():
        return 0
    before = read_counters(path)
    fallen = before["step"] > fall_of(before["steps"])
    longer = state.steps > before["steps"]
    state.load(constant if longer and fallen and constant.exists() else path)
    return state.step


class Log:
    """Records of a run, one JSON object per line; those after ``step`` are dropped first."""

    def __init__(self, path: Path, step: int) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = [record for record in read_log(path) if record["step"] <= step]
        path.write_text("".join(json.dumps(record) + "\n" for record in kept))

    def add(self, record: Mapping[str, Any]) -> None:
        """Write a record."""
        with self.path.open("a") as file:
            file.write(json.dumps(record) + "\n")


def read_log(path: Path) -> list[dict[str, Any]]:
    """Records of a log; a last line that a stopped run left incomplete is ignored."""
    lines = path.read_text().splitlines() if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith("}")]


def _look(state: TrainState, log: Log, watch: Watch, plot: Path) -> None:
    state.module.eval()
    with state.averaged():
        seen = watch.look(state)
    state.module.train()
    if seen:
        log.add({"step": state.step, "skipped": state.skipped, **seen})
    style = PlotStyle(title=plot.stem, x_label="step", log_y=True)
    save_image(plot, line_plot(curves(read_log(log.path)), style))


def curves(records: list[dict[str, Any]]) -> dict[str, Series]:
    """Loss and measured numbers of a log by step."""
    apart = ("step", "norm", "rate", "seconds", "skipped")
    names = dict.fromkeys(key for record in records for key in record if key not in apart)
    table = {name: [(r["step"], r[name]) for r in records if name in r] for name in names}
    return {
        name: Series(*zip(*points, strict=True), smoothing=0.98 if name == "loss" else 0.0)
        for name, points in table.items()
    }
