"""Train the causal video VAE: all of it, or only the decoder for fixed latents.

It starts as the best linear code of its clips and learns the remainder. Once a denoiser is trained
on the latents, the encoder must not change, and further training can only improve the decoder.

B batch, F frames, H rows, W columns.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..models.vae.network import VideoVAE
from .checkpoint import TrainState
from .clips import ClipShard
from .decoder import Redrawing, redrawn_crops
from .textures import wandering_clips

GRADIENT_WEIGHT = 0.5
LATENT_NOISE = 0.05
"""Deviation of the noise on latents, which makes the decoder robust to a denoiser's errors."""

REDRAWN_SHARE = 0.5
"""Share of decoder training steps that decode a denoiser's latents."""

LATENT_PULL = 1e-5
"""Weight of the latents' mean square, which keeps their scale from growing."""

WINDOWS = 3
"""Positions tried per crop; the busiest is used, except that every fourth crop is random."""

Size = tuple[int, int, int]
"""Frames, rows, columns."""


@dataclass(frozen=True, eq=False)
class Pixels:
    """Training data of a VAE: shards of rendered clips and a pool of still images."""

    shards: Sequence[ClipShard]
    pool: Tensor  # (N, 3, S, S)
    batch: int


def reconstruction_loss(video: Tensor, target: Tensor) -> Tensor:
    """Squared error of pixels and of pixel differences along rows and columns."""
    error = video - target
    edges = error.diff(dim=-1).square().mean() + error.diff(dim=-2).square().mean()
    return error.square().mean() + GRADIENT_WEIGHT * edges


def autoencoder_loss(vae: VideoVAE, video: Tensor, g: torch.Generator) -> Tensor:
    """Loss of clips (B, 3, F, H, W) decoded from their slightly noisy latents."""
    mean, _ = vae.encode_moments(video)  # (B, C, f, h, w)
    noise = torch.randn(mean.shape, generator=g).to(mean.device)
    decoded = vae.decode(mean + LATENT_NOISE * noise)
    return reconstruction_loss(decoded, video) + LATENT_PULL * mean.square().mean()


def redrawn_loss(vae: VideoVAE, redrawing: Redrawing, data: Pixels, g: torch.Generator) -> Tensor:
    """Loss of crops decoded from a denoiser's latents, so that its errors do not become visible."""
    shard = data.shards[int(torch.randint(len(data.shards), (), generator=g))]
    latents, video = redrawn_crops(redrawing, vae, shard, data.batch, g)
    return reconstruction_loss(vae.decode(latents), video)


def training_batch(data: Pixels, g: torch.Generator) -> Tensor:
    """Draw a batch (B, 3, F, H, W): short or long clip crops, wandering textures, or images."""
    kind, batch = float(torch.rand((), generator=g)), data.batch
    if kind < 0.6:
        return busy_crops(data.shards, batch, (9, 32, 32), g)
    if kind < 0.7:
        return wandering_clips(data.pool, batch, (9, 32, 32), g)
    if kind < 0.9:
        pictures = wandering_clips(data.pool, batch, (1, 64, 64), g)
        return torch.cat([pictures, busy_crops(data.shards, batch // 2, (1, 64, 64), g)])
    return busy_crops(data.shards, 1 + batch // 6, (17, 48, 48), g)


def busy_crops(shards: Sequence[ClipShard], count: int, size: Size, g: torch.Generator) -> Tensor:
    """Draw crops (count, 3, *size) from clips of one large enough shard, randomly mirrored."""
    fitting = [
        shard
        for shard in shards
        if all(has >= part for has, part in zip(shard.video.shape[1:4], size, strict=True))
    ]
    shard = fitting[int(torch.randint(len(fitting), (), generator=g))]
    rows = torch.randint(len(shard.captions), (count,), generator=g).tolist()
    crops = [
        _busiest(shard.video[row], size, 1 if n % 4 == 0 else WINDOWS, g)
        for n, row in enumerate(rows)
    ]
    video = torch.stack(crops).movedim(-1, 1).float() / 127.5 - 1
    return video.flip(-1) if torch.rand((), generator=g) < 0.5 else video


def _busiest(clip: Tensor, size: Size, tries: int, g: torch.Generator) -> Tensor:
    """Of several random windows of a clip (F, H, W, 3), return the one with the most activity."""
    windows = [_window(clip, size, g) for _ in range(tries)]
    return max(windows, key=_activity) if tries > 1 else windows[0]


def _window(clip: Tensor, size: Size, g: torch.Generator) -> Tensor:
    for axis, part in enumerate(size):
        start = int(torch.randint(clip.shape[axis] - part + 1, (), generator=g))
        clip = clip.narrow(axis, start, part)
    return clip


def _activity(window: Tensor) -> float:
    first, last = window[0].float(), window[-1].float()
    return float((last - first).abs().mean() + 0.3 * first.diff(dim=0).abs().mean())


def train_vae(state: TrainState, data: Pixels) -> Iterator[float]:
    """Train encoder and decoder together, yielding the loss of every step."""
    vae = _network(state)
    while not state.done:
        g = state.generator()
        yield _step(state, autoencoder_loss(vae, _crops(vae, data, g), g))


def train_decoder(state: TrainState, data: Pixels, redrawing: Redrawing) -> Iterator[float]:
    """Train only the decoder, partly on a denoiser's latents, yielding the loss of every step."""
    vae = _network(state)
    for part in (vae.encoder, vae.conv1, vae.linear_encoder):
        part.requires_grad_(False)
    while not state.done:
        g = state.generator()
        if float(torch.rand((), generator=g)) < REDRAWN_SHARE:
            yield _step(state, redrawn_loss(vae, redrawing, data, g))
        else:
            yield _step(state, autoencoder_loss(vae, _crops(vae, data, g), g))


def _network(state: TrainState) -> VideoVAE:
    assert isinstance(state.module, VideoVAE)
    return state.module


def _crops(vae: VideoVAE, data: Pixels, g: torch.Generator) -> Tensor:
    return training_batch(data, g).to(vae.linear_encoder.weight.device)


def _step(state: TrainState, loss: Tensor) -> float:
    state.update(loss)
    return float(loss.detach())


@torch.inference_mode()
def roundtrip_psnr(vae: VideoVAE, video: Tensor) -> float:
    """Peak signal-to-noise ratio in dB of (B, 3, F, H, W) after encoding and decoding."""
    error = (vae.decode(vae.encode(video)).clamp(-1, 1) - video).square().mean() / 4
    return float(-10 * error.log10())
