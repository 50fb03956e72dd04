"""Train the decoder of the causal video VAE on the best linear code of its clips.

The encoder stays the linear code it starts as, so latents are known before this training; the
decoder's network learns what the linear decoding leaves out.

B batch, F frames, H rows, W columns.
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from ..models.vae import VideoVAE
from .checkpoint import TrainState
from .clips import ClipShard

GRADIENT_WEIGHT = 0.5
LATENT_NOISE = 0.05
"""Deviation of the noise on latents, which makes the decoder forgiving of a denoiser's errors."""


def reconstruction_loss(video: Tensor, target: Tensor) -> Tensor:
    """Squared error of pixels and of their differences along rows and columns."""
    error = video - target
    edges = error.diff(dim=-1).square().mean() + error.diff(dim=-2).square().mean()
    return error.square().mean() + GRADIENT_WEIGHT * edges


def decoder_loss(vae: VideoVAE, video: Tensor, g: torch.Generator) -> Tensor:
    """Loss of clips (B, 3, F, H, W) decoded from slightly noisy latents."""
    with torch.no_grad():
        latent = vae.encode(video)  # (B, C, f, h, w)
    noise = torch.randn(latent.shape, generator=g)
    return reconstruction_loss(vae.decode(latent + LATENT_NOISE * noise), video)


def random_crop(video: Tensor, frames: int, height: int, width: int, g: torch.Generator) -> Tensor:
    """A window of (B, 3, F, H, W), the same for all clips of the batch."""
    starts = [
        int(torch.randint(whole - part + 1, (), generator=g))
        for whole, part in zip(video.shape[2:], (frames, height, width), strict=True)
    ]
    f, y, x = starts
    return video[:, :, f : f + frames, y : y + height, x : x + width]


def train_decoder(
    state: TrainState, shards: Sequence[ClipShard], *, batch: int, crop: tuple[int, int, int]
) -> Iterator[float]:
    """Yield the loss of every step until the planned number is reached."""
    vae = state.module
    assert isinstance(vae, VideoVAE)
    for part in (vae.encoder, vae.conv1, vae.linear_encoder):
        part.requires_grad_(False)
    while state.step < state.steps:
        g = state.generator()
        shard = shards[int(torch.randint(len(shards), (), generator=g))]
        rows = torch.randint(len(shard.captions), (batch,), generator=g)
        video = random_crop(shard.pixels(rows), *crop, g)
        if torch.rand((), generator=g) < 0.5:
            video = video.flip(-1)
        loss = decoder_loss(vae, video, g)
        state.update(loss)
        yield float(loss.detach())


@torch.inference_mode()
def psnr(vae: VideoVAE, video: Tensor) -> float:
    """Peak signal to noise ratio in dB of (B, 3, F, H, W) through the VAE and back."""
    error = (vae.decode(vae.encode(video)).clamp(-1, 1) - video).square().mean() / 4
    return float(-10 * error.log10())
