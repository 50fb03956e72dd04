"""The whole recipe within a given time, from the shipped weights on: denoiser, then few-step LoRA.

Clips are made meanwhile by processes of their own. Needs torch, numpy, einops, safetensors and
sentencepiece; where Pillow is there as well, sample pictures and plots are written.
"""

import os
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from ..weights import bundled
from .checkpoint import Length
from .denoiser_recipe import METERS_EVERY, DenoiserPlan, make_denoiser, make_held_out
from .distil_recipe import DistilPlan, make_few_step
from .feed import await_shard, makers
from .loop import Tick
from .recipe import DIT_FILE, LORA_FILE, SEED, TEXT_FILE, VAE_FILE
from .results import in_pieces
from .sources import SOURCES

DENOISER_SHARE, FEW_STEP_SHARE = 0.74, 0.2
"""Of the time, with what is loaded and rendered before their first step; what is left is for the
last files."""

RESULTS = (DIT_FILE, TEXT_FILE, LORA_FILE)
"""What a run ends in."""

LOOKS = 12
LONGEST_BETWEEN_LOOKS = 1200.0
"""Looks in a run, each of which writes weights, and how many seconds they are apart at most."""

GPU_BATCH = 8.0
"""Times the usual tokens of a step on a GPU."""


@dataclass(frozen=True, kw_only=True)
class WholePlan:
    """What a whole run can be told.

    Args:
        minutes: from the first step of the program to the last file.
        device: cpu or cuda.
        makers: processes that render and encode clips.
        init_from: weights to begin with; the shipped ones if None.
        compiled: whether the network is compiled.
    """

    minutes: float
    device: str = "cpu"
    makers: int = 1
    init_from: Path | None = None
    compiled: bool = False


def usual_makers(device: str) -> int:
    """Half of the cores on a CPU, most of them beside a GPU."""
    cores = os.cpu_count() or 1
    return max(1, cores // 2 if device == "cpu" else min(8, cores - 2))


def train_within(run: Path, plan: WholePlan, tick: Tick, results: Path | None = None) -> None:
    """Train denoiser and few-step LoRA; a run that was interrupted resumes with what is left.

    Args:
        run: folder of the run; ``weights/`` in it holds files that work from the first look on.
        plan: of the run.
        tick: progress.
        results: folder for the weights in pieces of at most 16 MiB, written at the end.
    """
    begun, seconds = time.perf_counter(), plan.minutes * 60
    vae_file, shipped = bundled("vae")[VAE_FILE], bundled("diffusion_models")[DIT_FILE].parent
    batch = 1.0 if plan.device == "cpu" else GPU_BATCH
    look_every = Length(seconds=min(LONGEST_BETWEEN_LOOKS, seconds / LOOKS))
    latents, metered = run / "latents", seconds > METERS_EVERY
    with makers(plan.makers, latents, SOURCES, SEED, vae_file, plan.device):
        make_held_out(run, vae_file, plan.device, meters=metered)
        await_shard(latents, SOURCES)
        denoiser = DenoiserPlan(
            length=Length(seconds=seconds * DENOISER_SHARE), look_every=look_every,
            init_from=plan.init_from or shipped, batch=batch, compiled=plan.compiled,
            meters=metered, started=begun,
        )  # fmt: skip
        make_denoiser(run, vae_file, tick, plan.device, denoiser)
        few_step = DistilPlan(
            length=Length(seconds=seconds * FEW_STEP_SHARE), look_every=look_every, batch=batch,
            init_from=_shipped_lora(plan), started=time.perf_counter(),
        )  # fmt: skip
        make_few_step(run, run / "weights", vae_file, tick, plan.device, few_step)
    if results is not None:
        for name in RESULTS:
            in_pieces(run / "weights" / name, results)


def _shipped_lora(plan: WholePlan) -> Path | None:
    """The LoRA to go on from; none for weights that it was not made for."""
    return None if plan.init_from else bundled("loras").get(LORA_FILE)


def check_device(device: str) -> None:
    """Raise ValueError for a device that is not there."""
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise ValueError(f"no device {device!r} on this machine: use cpu")
