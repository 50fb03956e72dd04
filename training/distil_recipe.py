"""The few-step LoRA's part of the recipe: a teacher, the run and the final file.

The run folder holds the denoiser's ``latents/`` and ``held_out/``, the run's ``few_step.*``,
``samples/`` and ``weights/``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..model_loaders.files import read_file
from ..model_loaders.load import build_vae, read_vae
from ..samplers.solvers.consistency import sample_lcm
from .checkpoint import Length, TrainState
from .distil import ORIGINAL_STEPS, Adapter, Target, lora_tensors, train_student
from .feed import Feed
from .loop import Tick, Watch, drive
from .pictures import PROMPTS, SAMPLE_SHAPE, SampleMaker, save_sample
from .recipe import LORA_FILE, SEED, write_weights
from .sources import SOURCES
from .start import Start, network_of, read_start

FEW_STEPS = 4
LENGTH, LOOK_EVERY = Length(steps=1000), Length(steps=250)


@dataclass(frozen=True, kw_only=True)
class DistilPlan:
    """Options of a distillation run.

    Args:
        length: length of the run.
        rate: peak learning rate.
        rank: rank of the LoRA.
        decay: decay of the averaged weights.
        guidance: range of the teacher's guidance scale.
        init_from: LoRA file to start from; if None, the student starts as the teacher.
        look_every: interval between samples, each of which also writes the LoRA.
        batch: tokens per step, relative to the default.
        started: see ``DenoiserPlan``.
    """

    length: Length = LENGTH
    rate: float = 1e-3
    rank: int = 32
    decay: float = 0.995
    guidance: tuple[float, float] = (3.0, 3.0)
    init_from: Path | None = None
    look_every: Length = LOOK_EVERY
    batch: float = 1.0
    started: float | None = None


def make_few_step(
    run: Path,
    teacher_folder: Path,
    vae_file: Path,
    tick: Tick,
    device: str = "cpu",
    plan: DistilPlan = DistilPlan(),
) -> None:
    """Distil the denoiser in a folder into a LoRA, or resume an interrupted run."""
    start = read_start(teacher_folder)
    teacher = network_of(start).to(device)
    latent, tokenizer = start.dit.latent, start.text.tokenizer
    feed = Feed(run / "latents", SOURCES, tokenizer, device)
    adapter = Adapter(teacher, plan.rank, torch.Generator().manual_seed(SEED)).to(device)
    if plan.init_from is not None:
        adapter.start_from(read_file(plan.init_from).state)
    state = TrainState(adapter, rate=plan.rate, length=plan.length, seed=SEED, decay=plan.decay)
    vae = build_vae(read_vae(vae_file)).to(device)
    studio = SampleMaker(adapter.student, vae, latent, tokenizer)
    target = Target(guidance=plan.guidance, shift=start.dit.shift)
    aim = SampleMaker(teacher, vae, latent, tokenizer).make(
        PROMPTS, SAMPLE_SHAPE, steps=ORIGINAL_STEPS, guidance=sum(plan.guidance) / 2
    )

    def look(state: TrainState) -> Mapping[str, float]:
        write_lora(run / "weights" / LORA_FILE, adapter, start, plan)
        few = {"steps": FEW_STEPS, "guidance": 1.0, "solver": sample_lcm}
        save_sample(run / "samples" / f"few_step_{state.step:06d}.png", studio, **few)
        made = studio.make(PROMPTS, SAMPLE_SHAPE, **{**few, "steps": 1})
        return {"one step, away from the teacher": float((made - aim).square().mean().sqrt())}

    watch = Watch(look=look, every=plan.look_every)
    losses = train_student(state, teacher, feed, latent, target, plan.batch)
    drive(state, losses, run, "few_step", tick, watch, plan.started)


def write_lora(path: Path, adapter: Adapter, start: Start, plan: DistilPlan) -> None:
    """Write the adapter's current weights as a LoRA file in the pack's format."""
    weights: dict[str, Tensor] = {
        name: weight.detach().cpu() for name, weight in adapter.named_parameters()
    }
    info = {
        "kind": "lora", "distilled": "consistency", "steps": FEW_STEPS, "shift": start.dit.shift,
        "guidance": list(plan.guidance), "teacher": start.dit.info.get("steps", 0),
    }  # fmt: skip
    write_weights(path, lora_tensors(adapter, weights), info)
