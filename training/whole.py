"""The whole recipe within a time limit, from the shipped weights: denoiser, then few-step LoRA.

Separate processes make clips meanwhile. Needs torch, numpy, einops, safetensors and sentencepiece;
with Pillow, sample images and plots are written too.
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
"""Shares of the time for each, including loading and rendering before the first step; the rest is
for the last files."""

RESULTS = (DIT_FILE, TEXT_FILE, LORA_FILE)
"""Final files of a run."""

LOOKS = 12
LONGEST_BETWEEN_LOOKS = 1200.0
"""Number of looks in a run, each of which writes weights, and maximum seconds between them."""

GPU_BATCH = 8.0
"""Tokens per step on a GPU, relative to the default."""


@dataclass(frozen=True, kw_only=True)
class WholePlan:
    """Options of a whole run.

    Args:
        minutes: time from program start to the last file.
        device: cpu or cuda.
        makers: number of processes that render and encode clips.
        init_from: folder of weights to start from; the shipped ones if None.
        compiled: whether to compile the network.
    """

    minutes: float
    device: str = "cpu"
    makers: int = 1
    init_from: Path | None = None
    compiled: bool = False


def usual_makers(device: str) -> int:
    """Default number of maker processes: half the cores on a CPU, up to 8 next to a GPU."""
    cores = os.cpu_count() or 1
    return max(1, cores // 2 if device == "cpu" else min(8, cores - 2))


def train_within(run: Path, plan: WholePlan, tick: Tick, results: Path | None = None) -> None:
    """Train denoiser and few-step LoRA, or resume an interrupted run.

    Args:
        run: folder of the run; its ``weights/`` holds usable files from the first look.
        plan: options of the run.
        tick: progress callback.
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
    """The LoRA to start from; None for weights that it was not made for."""
    return None if plan.init_from else bundled("loras").get(LORA_FILE)


def check_device(device: str) -> None:
    """Raise ValueError for a device that is not available."""
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise ValueError(f"no device {device!r} on this machine: use cpu")
