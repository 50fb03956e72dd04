"""Consistency distillation of the denoiser into a LoRA for few steps, with guidance built in.

B batch, C channels, F frames, H rows, W columns, L tokens, D width, r rank.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor, nn

from ..model_loaders.tokenizer import EOS
from ..models.latent_format import LatentFormat
from ..models.lora import LiveLinear, LowRank, WeightDelta, patched
from ..models.patchify import from_patches, patch_grid, to_patches
from ..samplers.schedules.flow import flow_sigmas
from .checkpoint import TrainState
from .denoiser import Batch, PromptedDiT, draw_batch, draw_set, predict
from .feed import Sets
from .layers import mixed_precision
from .levels import SHIFT, Levels, apply_levels, draw_levels
from .start import block_places

ORIGINAL_STEPS = 24
"""Steps of the teacher's schedule, all but a few of which the student learns to skip.

Fewer than the usual 50, so that correct predictions propagate from the clean end to pure noise in
fewer updates. Divisible by 2, 4 and 8, so that samplers with that many steps use trained levels.
"""

LAYERS = r"dit\.blocks\.\d+\.(self_attn\.[qkvo]|cross_attn\.[qkvo]|ffn\.[02])"
"""Pattern for the layers of a ``PromptedDiT`` that get a low-rank change."""

PREFIX, DOWN, UP = "diffusion_model.", "lora_down.weight", "lora_up.weight"
"""Parts of the names in a LoRA file, in ComfyUI's format."""

HUBER = 1e-3

BATCH_SHARE = 0.5
"""Tokens per step relative to the denoiser's training, for more but smaller steps."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """Target of the distillation.

    Args:
        guidance: range of the teacher's guidance scale, drawn per clip.
        shift: shift of the teacher's schedule.
        stretch: number of steps the teacher takes before the student takes over. The student's
            errors accumulate from the clean end to pure noise over ``ORIGINAL_STEPS / stretch``
            parts.
    """

    guidance: tuple[float, float] = (3.0, 3.0)
    shift: float = SHIFT
    stretch: int = 4


class Adapter(nn.Module):
    """The trainable parts of a student that shares all other weights with its teacher.

    Args:
        teacher: the network to adapt; it is not changed.
        rank: rank r of every low-rank change.
        generator: generator for the initial weights, which change nothing yet.
    """

    def __init__(self, teacher: PromptedDiT, rank: int, generator: torch.Generator) -> None:
        super().__init__()
        patches = {
            f"{name}.weight": WeightDelta(low_rank=_fresh(layer, rank, generator))
            for name, layer in teacher.named_modules()
            if isinstance(layer, nn.Linear) and re.fullmatch(LAYERS, name)
        }
        self.rank = rank
        student = patched(teacher, patches, live=True)
        self.names = tuple(name.removesuffix(".weight") for name in patches)
        self.downs = nn.ParameterList([_live(student, name).down for name in self.names])
        self.ups = nn.ParameterList([_live(student, name).up for name in self.names])
        self.requires_grad_(True)
        self._student = [student]  # in a list, so that its shared weights are not parameters here

    def start_from(self, lora: Mapping[str, Tensor]) -> None:
        """Start from a LoRA; layers missing from it start unchanged.

        The blocks of a LoRA for a network with fewer blocks are spread as in ``block_places``.

        Raises:
            ValueError: it has another rank, layers of other sizes or more blocks.
        """
        old = 1 + max(int(key.split(".")[2]) for key in lora if ".blocks." in key)
        places = {new: n for n, new in enumerate(block_places(old, len(self.student.dit.blocks)))}
        for name, down, up in zip(self.names, self.downs, self.ups, strict=True):
            _, _, number, layer = name.split(".", 3)
            key = f"{PREFIX}blocks.{places.get(int(number))}.{layer}"
            for weight, end in ((down, DOWN), (up, UP)):
                given = lora.get(f"{key}.{end}", weight)
                if given.shape != weight.shape:
                    raise ValueError(
                        f"{key}.{end} of the LoRA to start from has shape {tuple(given.shape)}, "
                        f"expected {tuple(weight.shape)}: use a LoRA of rank {self.rank} for this "
                        "network"
                    )
                weight.data.copy_(given)

    @property
    def student(self) -> PromptedDiT:
        """The teacher's network with the low-rank changes applied."""
        return self._student[0]


def _fresh(layer: nn.Linear, rank: int, generator: torch.Generator) -> LowRank:
    down = torch.empty(rank, layer.in_features)
    bound = math.sqrt(3 / layer.in_features)
    down.uniform_(-bound, bound, generator=generator)
    return LowRank(down, torch.zeros(layer.out_features, rank))


def _live(network: nn.Module, name: str) -> LiveLinear:
    layer = network.get_submodule(name)
    assert isinstance(layer, LiveLinear)
    return layer


def unprompted(batch: Batch) -> Batch:
    """Replace the prompts of a batch by an empty text, the usual negative prompt."""
    first = torch.arange(batch.token_ids.shape[1], device=batch.token_ids.device) == 0
    ids = (first.long() * EOS).expand_as(batch.token_ids)
    return replace(
        batch,
        token_ids=ids,
        mask=first.expand_as(batch.mask),
        prompted=torch.ones_like(batch.prompted),
    )


def guided_velocity(
    teacher: PromptedDiT, batch: Batch, noisy: Tensor, sigma: Tensor, guidance: Tensor
) -> Tensor:
    """Teacher's velocity (B, L, D) with classifier-free guidance, one scale (B,) per clip."""
    conditional = predict(teacher, batch, noisy, sigma)
    unconditional = predict(teacher, unprompted(batch), noisy, sigma)
    return torch.lerp(unconditional, conditional, guidance[:, None, None])


def consistency_loss(
    teacher: PromptedDiT,
    student: PromptedDiT,
    batch: Batch,
    target: Target,
    g: torch.Generator,
    noise_g: torch.Generator,
) -> Tensor:
    """Difference between the student's clean clips at two points on the teacher's trajectory.

    From x_a the guided teacher takes some Euler steps to x_b; the student's f(x, s) = x - s v(x, s)
    must agree at both points, without a gradient at b. Given parts stay unchanged and do not count.
    Source: Luo et al., "Latent Consistency Models", 2023, with the boundary condition of flow
    models, f(x, 0) = x.
    """
    patch = teacher.dit.config.patch
    grid = patch_grid(batch.shape, patch)
    levels = draw_levels(len(batch.clean), grid, g, target.shift).to(batch.clean.device)
    way = [_at(levels, level.to(batch.clean)) for level in _way(len(batch.clean), target, g)]
    noise = torch.randn(batch.clean.shape, generator=noise_g, device=batch.clean.device)
    noisy = apply_levels(batch.clean, noise, way[0], patch, noise_g)
    with torch.no_grad():
        lowest, highest = target.guidance
        guidance = lowest + (highest - lowest) * torch.rand(len(noisy), generator=g)
        nearer = noisy
        for here, there in pairwise(way):
            velocity = guided_velocity(teacher, batch, nearer, here.sigma, guidance.to(noisy))
            stepped = to_patches(nearer, patch) + _per_token(there.sigma - here.sigma) * velocity
            nearer = from_patches(stepped, batch.shape, patch)
        goal = _clean(student, batch, nearer, way[-1].sigma)
    found = _clean(student, batch, noisy, way[0].sigma)
    error = ((found - goal).square().mean(-1) + HUBER**2).sqrt() - HUBER  # (B, L)
    wanted = (~levels.given).flatten(1).to(error)
    return ((error * wanted).sum(1) / wanted.sum(1)).mean()


def _way(count: int, target: Target, g: torch.Generator) -> list[Tensor]:
    """Draw consecutive levels (B,) of the teacher's schedule; past its end they stay 0."""
    sigmas = flow_sigmas(ORIGINAL_STEPS, shift=target.shift)
    place = torch.randint(ORIGINAL_STEPS, (count,), generator=g)
    return [sigmas[(place + step).clamp(max=ORIGINAL_STEPS)] for step in range(target.stretch + 1)]


def _per_token(sigma: Tensor) -> Tensor:
    """Flatten levels, (B, F', H', W') -> (B, L, 1)."""
    return sigma.flatten(1)[..., None]


def _clean(student: PromptedDiT, batch: Batch, noisy: Tensor, sigma: Tensor) -> Tensor:
    """Predict the student's clean clips as tokens (B, L, D)."""
    tokens = to_patches(noisy, student.dit.config.patch)
    return tokens - _per_token(sigma) * predict(student, batch, noisy, sigma)


def _at(levels: Levels, sigma: Tensor) -> Levels:
    """Keep the given parts and set everything else to one level (B,) per clip."""
    everywhere = sigma[:, None, None, None].expand_as(levels.sigma)
    return replace(levels, sigma=torch.where(levels.given, levels.sigma, everywhere))


def train_student(
    state: TrainState,
    teacher: PromptedDiT,
    sets: Sets,
    latent: LatentFormat,
    target: Target = Target(),
    share: float = 1.0,
) -> Iterator[float]:
    """Yield the loss of every step until the run is over; arguments as in ``train_denoiser``."""
    adapter = state.module
    assert isinstance(adapter, Adapter)
    names = teacher.dit.config.conditions
    while not state.done:
        g = state.generator()
        data = draw_set(sets(state.step), g)
        batch = draw_batch(data, latent, names, g, teacher.device, BATCH_SHARE * share)
        with mixed_precision(teacher.device):
            noise_g = state.noise_generator()
            loss = consistency_loss(teacher, adapter.student, batch, target, g, noise_g)
        state.update(loss)
        yield float(loss.detach())


def lora_tensors(adapter: Adapter, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors of a LoRA file under ComfyUI's names, from the adapter's weights by name."""
    tensors = {}
    for number, name in enumerate(adapter.names):
        key = PREFIX + name.removeprefix("dit.")
        tensors[f"{key}.{DOWN}"] = weights[f"downs.{number}"]
        tensors[f"{key}.{UP}"] = weights[f"ups.{number}"]
        tensors[f"{key}.alpha"] = torch.tensor(float(adapter.rank))
    return tensors
