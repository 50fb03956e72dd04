"""Sample images of fixed prompts and validation losses for a denoiser in training.

B batch, C channels, F frames, H rows, W columns.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from einops import rearrange
from torch import Tensor

from ..media.images import save_image
from ..media.strip import film_strip
from ..model_loaders.tokenizer import Tokenizer
from ..models.dit.conditioning import clip_conditions
from ..models.latent_format import LatentFormat
from ..models.patchify import patch_grid, to_patches
from ..models.shapes import LatentShape
from ..models.vae.network import VideoVAE
from ..samplers.denoiser import flow_denoiser
from ..samplers.guidance.cfg import cfg
from ..samplers.noise.frames import frame_noise
from ..samplers.runs import Evaluation, SamplingRun, for_solver
from ..samplers.schedules.flow import flow_sigmas
from ..samplers.solvers import sample_euler
from .denoiser import Batch, PromptedDiT, Steer, hooks_of, predict
from .latents import LatentSet
from .levels import SHIFT

STEPS, GUIDANCE, FPS = 12, 3.0, 16.0
FRAMES_SHOWN = 6

PROMPTS = (
    "a red sphere moves left at day",
    "a blue cube spins in the snow",
    "a yellow cone bounces at sunset",
    "a green cylinder comes closer at night",
    "a purple cube moves right in the jungle",
    "a red cube left of a blue sphere at day",
)
"""Prompts of the sample images."""

SAMPLE_SHAPE = LatentShape(5, 8, 8)

VALIDATION_CLIPS = 128
VALIDATION_LEVELS = (0.3, 0.6, 0.8, 0.9, 0.97)
VALIDATION_SEED = 77


@dataclass(frozen=True, eq=False)
class SampleMaker:
    """A denoiser with everything needed to generate a video."""

    model: PromptedDiT
    vae: VideoVAE
    latent: LatentFormat
    tokenizer: Tokenizer

    @torch.inference_mode()
    def make(
        self,
        prompts: Sequence[str],
        shape: LatentShape,
        *,
        seed: int = 0,
        steps: int = STEPS,
        guidance: float = GUIDANCE,
        solver: Callable[..., Tensor] = sample_euler,
        steer: Steer | None = None,
    ) -> Tensor:
        """Generate videos (B, F, H, W, 3) in [0, 1], one per prompt, all from the same noise.

        ``steer`` is applied with the prompts and with the empty prompt.
        """
        device, dit = self.model.device, self.model.dit
        noise = frame_noise((self.latent.channels, *shape), seed=seed).to(device)
        contexts = [
            self.model.context(*(part.to(device) for part in tokens))
            for tokens in (self.tokenizer.batch(prompts), self.tokenizer.batch([""] * len(prompts)))
        ]
        texts = [(dit.prepare(context), hooks_of(steer, context)) for context in contexts]
        told = clip_conditions(dit.config.conditions, shape, fps=FPS)
        conditions = {name: noise.new_full((len(prompts),), v) for name, v in told.items()}

        denoise = flow_denoiser(partial(dit, conditions=conditions))

        def both(x: Tensor, at: Evaluation, sides: Sequence[Any]) -> list[Tensor]:
            return [denoise(x, at.sigma, contexts=[text], hooks=hooks) for text, hooks in sides]

        sigmas = flow_sigmas(steps, shift=SHIFT)
        guided = for_solver(cfg(both, texts[0], texts[1], guidance), SamplingRun(sigmas))
        start = noise.expand(len(prompts), *noise.shape)
        x = solver(guided, start, sigmas)
        return self.decode(self.latent.denormalise(x))

    @torch.inference_mode()
    def decode(self, raw: Tensor) -> Tensor:
        """Decode raw latents (B, C, F', H', W') to videos (B, F, H, W, 3) in [0, 1]."""
        video = self.vae.decode(raw.to(self.model.device))
        return rearrange(video, "B C F H W -> B F H W C").add(1).div(2).clamp(0, 1).cpu()

    def picture(self, prompts: Sequence[str], shape: LatentShape, **options: Any) -> Tensor:
        """Stack a film strip per prompt into one image (H, W, 3); options as in ``make``."""
        clips = self.make(prompts, shape, **options)
        return torch.cat([film_strip(clip, FRAMES_SHOWN) for clip in clips])


def save_sample(path: Path, studio: SampleMaker, **options: Any) -> None:
    """Write a sample image of ``PROMPTS``; skipped if Pillow is missing."""
    if find_spec("PIL") is not None:
        save_image(path, studio.picture(PROMPTS, SAMPLE_SHAPE, **options))


@torch.inference_mode()
def validation_loss(model: PromptedDiT, data: LatentSet, latent: LatentFormat) -> dict[str, float]:
    """Velocity error of held-out clips at fixed noise and levels.

    Returns:
        ``validation`` with one level for all tokens, and ``validation, first frame given`` over
        the other frames.
    """
    g = torch.Generator().manual_seed(VALIDATION_SEED)
    plain, given = [], []
    for rows in torch.arange(min(VALIDATION_CLIPS, len(data))).split(64):
        batch = whole_clips(model, data, rows, latent)
        noise = torch.randn(batch.clean.shape, generator=g).to(batch.clean)
        for level in VALIDATION_LEVELS:
            plain.append(velocity_error(model, batch, noise, level, given=0))
            given.append(velocity_error(model, batch, noise, level, given=1))
    return {"validation": _mean(plain), "validation, first frame given": _mean(given)}


def whole_clips(model: PromptedDiT, data: LatentSet, rows: Tensor, latent: LatentFormat) -> Batch:
    """Batch of the clips at ``rows``, with their short captions and all supported conditions."""
    clean = latent.normalise(data.latents[rows].float()).to(model.device)
    shape, full = LatentShape(*clean.shape[2:]), torch.ones(len(rows))
    names = model.dit.config.conditions
    told = [clip_conditions(names, shape, fps=float(fps), loop=data.loop) for fps in data.fps[rows]]
    hint = None if data.hints is None else latent.normalise(data.hints[rows].float())
    return Batch(
        clean,
        data.token_ids[rows, 0].long().to(model.device),
        data.mask[rows, 0].to(model.device),
        full.to(model.device),
        {name: torch.tensor([each[name] for each in told]).to(model.device) for name in told[0]},
        data.loop,
        hint=None if hint is None else hint.to(model.device),
    )


def velocity_error(
    model: PromptedDiT,
    batch: Batch,
    noise: Tensor,
    level: float,
    *,
    given: int,
    steer: Steer | None = None,
) -> float:
    """Mean squared velocity error of the frames after the first ``given`` ones."""
    patch = model.dit.config.patch
    grid = patch_grid(batch.shape, patch)
    sigma = noise.new_full((len(noise), *grid), level)
    sigma[:, :given] = 0
    told = sigma if given else sigma[:, 0, 0, 0]
    noisy = torch.lerp(batch.clean, noise, level)
    noisy[:, :, : given * patch[0]] = batch.clean[:, :, : given * patch[0]]
    error = predict(model, batch, noisy, told, steer) - to_patches(noise - batch.clean, patch)
    return float(error[:, given * grid.height * grid.width :].square().mean())


def _mean(values: Sequence[float]) -> float:
    return round(sum(values) / len(values), 6)
