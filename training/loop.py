"""Drive a training run: resume, log, checkpoints, plot and periodic measurements."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..media.images import save_image
from ..media.plot import PlotStyle, Series, line_plot
from .checkpoint import Length, TrainState, has_fallen, read_counters

CHECKPOINT_EVERY = 200
LOOK_EVERY = Length(steps=500)

Tick = Callable[[str, int, int], None]
"""Progress callback: (what, done, total)."""


def _nothing(_state: TrainState) -> dict[str, float]:
    return {}


@dataclass(frozen=True, kw_only=True)
class Watch:
    """Periodic measurements, taken with the averaged weights in place.

    Args:
        look: measures the module and may write files; its numbers go into the log and plot.
        every: interval between looks; the last one is at the end of the run.
    """

    look: Callable[[TrainState], Mapping[str, float]] = _nothing
    every: Length = LOOK_EVERY

    def is_due(self, state: TrainState, step: int, seconds: float) -> bool:
        """Whether a look is due, if the last one ended at this step and second."""
        return self.every.share(state.step - step, state.seconds - seconds) >= 1 or state.done


def drive(
    state: TrainState,
    losses: Iterator[float],
    run: Path,
    name: str,
    tick: Tick,
    watch: Watch = Watch(),
    started: float | None = None,
) -> None:
    """Run a training generator to its end, resuming from a checkpoint if there is one.

    Writes to the folder ``run``: ``<name>.checkpoint.safetensors``,
    ``<name>.constant.safetensors`` from before the learning rate fell, ``<name>.log`` with one JSON
    object per line, and ``<name>.png``.

    The clock of the run starts at ``started``, a value of ``time.perf_counter()``, or now.
    """
    log = Log(run / f"{name}.log", resume(state, run, name))
    clock = time.perf_counter()
    begun = (clock if started is None else started) - state.seconds
    looked, fell = (state.step, state.seconds), state.falling
    for loss in losses:
        state.seconds = time.perf_counter() - begun
        log.add({
            "step": state.step, "loss": loss, "norm": state.norm,
            "rate": state.rate * state.schedule(),
            "seconds": round(time.perf_counter() - clock, 4),
        })  # fmt: skip
        tick(name, *_progress(state))
        if watch.is_due(state, *looked):
            _look(state, log, watch, run / f"{name}.png")
            looked = state.step, time.perf_counter() - begun
        if state.step % CHECKPOINT_EVERY == 0 or state.done:
            state.save(run / f"{name}.checkpoint.safetensors")
        if state.falling and not fell:
            state.save(run / f"{name}.constant.safetensors")
        fell = state.falling
        clock = time.perf_counter()


def _progress(state: TrainState) -> tuple[int, int]:
    """Done and total amounts, in steps or in seconds."""
    if state.length.steps is not None:
        return state.step, state.length.steps
    assert state.length.seconds is not None
    total = round(state.length.seconds)
    return min(total, round(state.seconds)), total


def resume(state: TrainState, run: Path, name: str) -> int:
    """Load the checkpoint to resume from, if there is one, and return its step.

    If the run is now planned longer than when the checkpoint was written, it resumes from before
    the learning rate fell.
    """
    path, constant = (run / f"{name}.{kind}.safetensors" for kind in ("checkpoint", "constant"))
    if not path.exists():
        return 0
    before = read_counters(path)
    longer = state.length.share(int(before["step"]), before["seconds"]) < before["share"]
    go_back = longer and has_fallen(before["share"]) and constant.exists()
    state.load(constant if go_back else path)
    return state.step


class Log:
    """Log of a run, one JSON object per line; existing records after ``step`` are dropped."""

    def __init__(self, path: Path, step: int) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = [record for record in read_log(path) if record["step"] <= step]
        path.write_text("".join(json.dumps(record) + "\n" for record in kept))

    def add(self, record: Mapping[str, Any]) -> None:
        """Append a record."""
        with self.path.open("a") as file:
            file.write(json.dumps(record) + "\n")


def read_log(path: Path) -> list[dict[str, Any]]:
    """Read the records of a log; an incomplete last line of an interrupted run is ignored."""
    lines = path.read_text().splitlines() if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith("}")]


def _look(state: TrainState, log: Log, watch: Watch, plot: Path) -> None:
    state.module.eval()
    with state.averaged():
        seen = watch.look(state)
    state.module.train()
    if seen:
        log.add({"step": state.step, "skipped": state.skipped, **seen})
    if find_spec("PIL") is not None:
        style = PlotStyle(title=plot.stem, x_label="step", log_y=True)
        save_image(plot, line_plot(curves(read_log(log.path)), style))


def curves(records: list[dict[str, Any]]) -> dict[str, Series]:
    """Extract the loss and measured numbers of a log by step."""
    apart = ("step", "norm", "rate", "seconds", "skipped")
    names = dict.fromkeys(key for record in records for key in record if key not in apart)
    table = {name: [(r["step"], r[name]) for r in records if name in r] for name in names}
    return {
        name: Series(*zip(*points, strict=True), smoothing=0.98 if name == "loss" else 0.0)
        for name, points in table.items()
    }
