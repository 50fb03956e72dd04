"""Train a control branch for a given length, for the shipped denoiser or another one.

Separate processes make clips and hints meanwhile. The requirements are those of ``whole``.
"""

import time
from dataclasses import dataclass
from pathlib import Path

from .checkpoint import Length
from .control_recipe import ControlPlan, check_control, make_control, make_hinted_held_out
from .feed import await_shard, makers
from .hint_shards import HintFolder
from .hints import HintKind
from .loop import Tick
from .recipe import SEED, control_file
from .results import in_pieces
from .sources import SOURCES
from .whole import GPU_BATCH, LONGEST_BETWEEN_LOOKS, LOOKS

SHARE, LAST_LOOK = 0.97, 20.0
"""Share of the time for training, including rendering before the first step, and seconds to reserve
from it for the last look and the last files. At least half of a short run is for training."""

SHORTEST_BETWEEN_LOOKS, FEWEST_BETWEEN_LOOKS = 120.0, 100
"""Minimum seconds and steps between looks; a look takes 15 seconds on one core, like 12 steps."""


@dataclass(frozen=True, kw_only=True)
class WholeControl:
    """Options of a whole control branch run.

    Args:
        hint: kind of hint that the branch follows.
        length: number of steps, or seconds from program start to the last file.
        base: folder of the denoiser and its text encoder.
        vae_file: weights of the VAE.
        device: cpu or cuda.
        makers: number of processes that render and encode clips and hints.
        init_from: file of a branch to start from; fresh weights if None.
    """

    hint: HintKind
    length: Length
    base: Path
    vae_file: Path
    device: str = "cpu"
    makers: int = 1
    init_from: Path | None = None


def train_control_within(
    run: Path, plan: WholeControl, tick: Tick, results: Path | None = None
) -> None:
    """Train a control branch, or resume an interrupted run.

    Args:
        run: folder of the run; its ``weights/`` holds a usable file from the start.
        plan: options of the run.
        tick: progress callback.
        results: folder for the weights in pieces of at most 16 MiB, written at the end.
    """
    begun = time.perf_counter()
    latents, hints = run / "latents", HintFolder.of(run, plan.hint)
    control = ControlPlan(
        hint=plan.hint,
        length=of_training(plan.length),
        look_every=between_looks(plan.length),
        init_from=plan.init_from,
        batch=1.0 if plan.device == "cpu" else GPU_BATCH,
        started=begun,
    )
    check_control(run, plan.base, plan.vae_file, control)
    with makers(plan.makers, latents, SOURCES, SEED, plan.vae_file, plan.device, hints):
        make_hinted_held_out(run, plan.vae_file, plan.hint, plan.device)
        await_shard(latents, SOURCES, hints)
        make_control(run, plan.base, plan.vae_file, tick, plan.device, control)
    if results is not None:
        in_pieces(run / "weights" / control_file(plan.hint), results)


def of_training(whole: Length) -> Length:
    """Length of the training steps within a whole run."""
    if whole.seconds is None:
        return whole
    return Length(seconds=max(whole.seconds / 2, whole.seconds * SHARE - LAST_LOOK))


def between_looks(whole: Length) -> Length:
    """Interval between looks in a whole run."""
    if whole.seconds is None:
        assert whole.steps is not None
        return Length(steps=max(FEWEST_BETWEEN_LOOKS, whole.steps // LOOKS))
    shared = max(SHORTEST_BETWEEN_LOOKS, whole.seconds / LOOKS)
    return Length(seconds=min(LONGEST_BETWEEN_LOOKS, shared))
