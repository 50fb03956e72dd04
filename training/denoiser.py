"""Train the denoiser and its text encoder on encoded clips by flow matching.

B batch, C channels, F frames, H rows, W columns, S text tokens.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..model_loaders.tokenizer import Tokenizer
from ..models.dit import DiTConfig, VideoDiT, initialise
from ..models.latent_format import LatentFormat
from ..models.text_encoder import T5Config, T5Encoder
from ..models.vae import VideoVAE
from .checkpoint import TrainState
from .clips import ClipShard

CAPTION_DROP = 0.1
CONDITION_DROP = 0.2


@dataclass(frozen=True, eq=False)
class LatentSet:
    """Encoded clips of one size."""

    latents: Tensor  # (B, C, F, H, W) raw
    token_ids: Tensor  # (B, S)
    mask: Tensor  # (B, S)
    fps: Tensor  # (B,)


class PromptedDiT(nn.Module):
    """Text encoder and denoiser trained as one."""

    def __init__(self, dit: DiTConfig, text: T5Config, generator: torch.Generator) -> None:
        super().__init__()
        self.dit = VideoDiT(dit)
        self.text = T5Encoder(text)
        initialise(self.dit, generator)
        with torch.no_grad():
            for name, weight in self.text.named_parameters():
                if weight.ndim > 1:
                    scale = 1.0 if name.startswith("shared") else weight.shape[1] ** -0.5
                    weight.normal_(std=scale, generator=generator)
                else:
                    weight.fill_(1.0)

    def context(self, token_ids: Tensor, mask: Tensor) -> Tensor:
        """(B, S) -> (B, S, D), zero after each prompt."""
        return self.text(token_ids, mask) * mask[..., None]


@torch.inference_mode()
def encode_shards(
    shards: Sequence[ClipShard],
    vae: VideoVAE,
    tokenizer: Tokenizer,
    *,
    frames: int,
    tick: Callable[[int], None],
) -> LatentSet:
    """Encode the first ``frames`` frames of every clip."""
    latents, ids, masks, fps = [], [], [], []
    for number, shard in enumerate(shards):
        pixels = shard.pixels(torch.arange(len(shard.captions)))[:, :, :frames]
        latents.append(torch.cat([vae.encode(part) for part in pixels.split(8)]))
        token_ids, mask = tokenizer.batch(shard.captions)
        ids.append(token_ids)
        masks.append(mask)
        fps.append(torch.full((len(shard.captions),), shard.fps))
        tick(number + 1)
    return LatentSet(torch.cat(latents), torch.cat(ids), torch.cat(masks), torch.cat(fps))


def latent_statistics(latents: Tensor) -> LatentFormat:
    """Mean and deviation of each channel of (B, C, F, H, W)."""
    mean = latents.mean(dim=(0, 2, 3, 4)).tolist()
    std = latents.std(dim=(0, 2, 3, 4)).tolist()
    return LatentFormat(channels=latents.shape[1], mean=tuple(mean), std=tuple(std))


def flow_loss(
    model: PromptedDiT, data: LatentSet, rows: Tensor, latent: LatentFormat, g: torch.Generator
) -> Tensor:
    """Mean squared velocity error at random noise levels, with prompts left out at random."""
    clean = latent.normalise(data.latents[rows])  # (B, C, F, H, W)
    noise = torch.randn(clean.shape, generator=g)
    sigma = torch.randn(len(rows), generator=g).add(0.5).sigmoid()  # (B,)
    level = sigma[:, None, None, None, None]
    context = model.context(data.token_ids[rows], data.mask[rows])  # (B, S, D)
    context = context * (torch.rand(len(rows), 1, 1, generator=g) > CAPTION_DROP)
    velocity = model.dit(
        (1 - level) * clean + level * noise,
        sigma,
        model.dit.prepare_text(context),
        conditions=_conditions(data, rows, latent, g),
    )
    return (velocity - (noise - clean)).square().mean()


def _chance(g: torch.Generator) -> float:
    return float(torch.rand((), generator=g))


def _conditions(
    data: LatentSet, rows: Tensor, latent: LatentFormat, g: torch.Generator
) -> dict[str, Tensor]:
    """Frame rate with duration, and size, each left out at random as users may."""
    frames, height, width = data.latents.shape[2:]
    fps, full = data.fps[rows], torch.ones(len(rows))
    conditions = {}
    if _chance(g) > CONDITION_DROP:
        duration = ((frames - 1) * latent.time_factor + 1) / fps
        conditions |= {"fps": fps, "duration": duration}
    if _chance(g) > CONDITION_DROP:
        conditions |= {"height": full * height, "width": full * width}
    return conditions


@dataclass(frozen=True)
class Mixture:
    """A set of latents, how often it is drawn, and clips per step."""

    data: LatentSet
    weight: float
    batch: int


def train_denoiser(
    state: TrainState, mixtures: Sequence[Mixture], latent: LatentFormat
) -> Iterator[float]:
    """Yield the loss of every step until the planned number is reached."""
    model = state.module
    assert isinstance(model, PromptedDiT)
    weights = torch.tensor([mixture.weight for mixture in mixtures])
    while state.step < state.steps:
        g = state.generator()
        mixture = mixtures[int(torch.multinomial(weights, 1, generator=g))]
        rows = torch.randint(len(mixture.data.fps), (mixture.batch,), generator=g)
        loss = flow_loss(model, mixture.data, rows, latent, g)
        state.update(loss)
        yield float(loss.detach())
