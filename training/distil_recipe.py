"""The few-step LoRA's part of the recipe: a teacher, the run, and the file it ends in.

In the run folder: ``latents/`` and ``held_out/`` of the denoiser, ``few_step.*`` of the run,
``samples/``, ``weights/``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..media.images import save_image
from ..model_loaders.load import build_vae, read_vae
from ..samplers.consistency import sample_lcm
from .checkpoint import TrainState
from .denoiser_recipe import PROMPTS, SAMPLE_SHAPE, SOURCES, Start, network_of, read_start
from .distil import ORIGINAL_STEPS, Adapter, Target, lora_tensors, train_student
from .latents import read_set
from .loop import Tick, Watch, drive
from .pictures import Studio
from .recipe import SEED, write_weights

LORA_FILE = "spacetime_tiny_few_step_lora.safetensors"
FEW_STEPS = 4


@dataclass(frozen=True, kw_only=True)
class DistilPlan:
    """What a run of the distillation can be told.

    Args:
        steps: length.
        rate: largest learning rate.
        rank: of the LoRA.
        decay: of the averaged weights.
        guidance: lowest and highest scale of the teacher's guidance.
        look_every: steps between two sample pictures.
    """

    steps: int = 1000
    rate: float = 1e-3
    rank: int = 32
    decay: float = 0.995
    guidance: tuple[float, float] = (3.0, 3.0)
    look_every: int = 250


def make_few_step(
    run: Path,
    teacher_folder: Path,
    vae_file: Path,
    tick: Tick,
    device: str = "cpu",
    plan: DistilPlan = DistilPlan(),
) -> None:
    """Distil the denoiser in a folder into a LoRA, or go on where a run stopped."""
    start = read_start(teacher_folder)
    teacher = network_of(start).to(device)
    latent, tokenizer = start.dit.latent, start.text.tokenizer
    sets = [read_set(run / "latents", source, tokenizer) for source in SOURCES]
    adapter = Adapter(teacher, plan.rank, torch.Generator().manual_seed(SEED)).to(device)
    state = TrainState(adapter, rate=plan.rate, steps=plan.steps, seed=SEED, decay=plan.decay)
    vae = build_vae(read_vae(vae_file)).to(device)
    studio = Studio(adapter.student, vae, latent, tokenizer)
    target = Target(guidance=plan.guidance, shift=start.dit.shift)
    aim = Studio(teacher, vae, latent, tokenizer).make(
        PROMPTS, SAMPLE_SHAPE, steps=ORIGINAL_STEPS, guidance=sum(plan.guidance) / 2
    )

    def look(state: TrainState) -> Mapping[str, float]:
        write_lora(run / "weights" / LORA_FILE, adapter, start, plan)
        few = {"steps": FEW_STEPS, "guidance": 1.0, "solver": sample_lcm}
        picture = studio.picture(PROMPTS, SAMPLE_SHAPE, **few)
        save_image(run / "samples" / f"few_step_{state.step:06d}.png", picture)
        made = studio.make(PROMPTS, SAMPLE_SHAPE, **{**few, "steps": 1})
        return {"one step, away from the teacher": float((made - aim).square().mean().sqrt())}

    watch = Watch(look=look, every=plan.look_every)
    drive(state, train_student(state, teacher, sets, latent, target), run, "few_step", tick, watch)


def write_lora(path: Path, adapter: Adapter, start: Start, plan: DistilPlan) -> None:
    """Write the adapter's present weights as a LoRA file of the pack."""
    weights: dict[str, Tensor] = {
        name: weight.detach().cpu() for name, weight in adapter.named_parameters()
    }
    info = {
        "kind": "lora", "distilled": "consistency", "steps": FEW_STEPS, "shift": start.dit.shift,
        "guidance": list(plan.guidance), "teacher": start.dit.info.get("steps", 0),
    }  # fmt: skip
    write_weights(path, lora_tensors(adapter, weights), info)
