"""The causal video VAE of Wan 2.1 and 2.2: one network for images, clips and streams."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from einops import rearrange
from torch import Tensor, nn

from ..attention import Attention, attend
from ..layers import LayerMaker
from .blocks import POINT
from .config import COLOURS, TINY_VAE, WAN21_VAE, WAN22_VAE, VAEConfig
from .convolutions import conv3d, is_inference
from .linear_code import LinearCode, fold_blocks, unfold_blocks
from .resample import fold_pixels, unfold_pixels
from .stack import Decoder, Encoder
from .stream import Cache, Tape, is_first, over_frames
from .tiles import TileGrid

__all__ = ["TINY_VAE", "WAN21_VAE", "WAN22_VAE", "Cache", "VAEConfig", "VideoVAE"]


class VideoVAE(nn.Module):
    """Encodes video (B, 3, F, H, W) in [-1, 1] to latents (B, z, f, h, w), and decodes them.

    F is 1 + a multiple of the time factor; the first frame is coded alone, so a single frame is an
    image. A latent frame sees no later pixels, and a decoded frame no later latents. Latents are
    raw: normalising them is up to the caller. Decoded values may lie slightly outside [-1, 1].

    Parameters are named as in the published Wan 2.2 file.

    Args:
        ops: namespace of the layer classes (Conv2d, Conv3d, Linear).
        attention: function of (query, key, value), each (B, N, L, K).
    """

    def __init__(
        self,
        config: VAEConfig,
        *,
        ops: Any = nn,
        attention: Attention = attend,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        make = LayerMaker(ops, attention, device, dtype)
        z = config.z_channels
        self.config = config
        self.encoder = Encoder(config, make)
        self.conv1 = conv3d(make, 2 * z, 2 * z, POINT)
        self.conv2 = conv3d(make, z, z, POINT)
        self.decoder = Decoder(config, make)
        if config.linear_code:
            numbers = COLOURS * config.compression.time * config.compression.space**2
            self.linear_encoder = make.linear(numbers, z)
            self.linear_decoder = make.linear(z, numbers)

    @property
    def time_factor(self) -> int:
        """Video frames per latent frame, after the first."""
        return self.config.compression.time

    @property
    def space_factor(self) -> int:
        """Pixels per latent position on each side."""
        return self.config.compression.space

    def encode(self, video: Tensor) -> Tensor:
        """Return the posterior mean (B, z, f, h, w) of a whole video (B, 3, F, H, W)."""
        return self.encode_moments(video)[0]

    def encode_moments(self, video: Tensor) -> tuple[Tensor, Tensor]:
        """Return posterior mean and log variance of a whole video, each (B, z, f, h, w).

        Raises:
            ValueError: the frame count or the size does not fit the factors.
        """
        self.check_video(video, first=True)
        return self._encode(video, Tape(None, in_place=True) if is_inference(video) else None)

    def decode(self, latent: Tensor) -> Tensor:
        """Decode a whole latent to a video (B, 3, 1 + time_factor (f - 1), H, W).

        Raises:
            ValueError: the latent does not fit this VAE.
        """
        self.check_latent(latent)
        return self._decode(latent, Tape(None, in_place=True) if is_inference(latent) else None)

    def encode_chunk(self, video: Tensor, cache: Cache | None) -> tuple[Tensor, Cache]:
        """Encode the next frames of a stream; all chunks together equal `encode` of the whole.

        Args:
            video: 1 + a multiple of the time factor in the first chunk, then multiples of it.
            cache: the cache returned by the previous call, which this call uses up; None begins a
                clip.

        Raises:
            ValueError: the frame count or the size does not fit the factors, or the cache is used
                up.
        """
        self.check_video(video, first=cache is None)
        tape = Tape(cache, in_place=is_inference(video))
        return self._encode(video, tape)[0], tape.cache()

    def decode_chunk(
        self, latent: Tensor, cache: Cache | None, grid: TileGrid | None = None
    ) -> tuple[Tensor, Cache]:
        """Decode the next latent frames (at least one); all chunks together equal `decode`.

        Args:
            cache: the cache returned by the previous call, which this call uses up; None begins a
                clip.
            grid: tiles for the upsampling, the same for all chunks of a clip. Layers that see the
                whole frame come before it; a tile misses only what is more than a few latent
                positions away.

        Raises:
            ValueError: the latent does not fit this VAE, or the cache is used up.
        """
        self.check_latent(latent)
        tape = Tape(cache, in_place=is_inference(latent))
        return self._decode(latent, tape, grid), tape.cache()

    def encode_stream(self, chunks: Iterable[Tensor]) -> Iterator[Tensor]:
        """Encode the chunks of one clip (sizes as in `encode_chunk`) in constant memory."""
        cache = None
        for chunk in chunks:
            latent, cache = self.encode_chunk(chunk, cache)
            yield latent

    def decode_stream(self, latent: Tensor, *, chunk: int = 4) -> Iterator[Tensor]:
        """Decode a latent in chunks of `chunk` latent frames, in constant memory."""
        cache = None
        for part in latent.split(chunk, dim=2):
            video, cache = self.decode_chunk(part, cache)
            yield video
            del video  # or it would stay in memory while the next one is computed

    def check_latent(self, latent: Tensor) -> None:
        """Check that a latent has this VAE's shape (B, z, f, h, w).

        Raises:
            ValueError: it does not; the message says what would fit.
        """
        if latent.ndim != 5 or latent.shape[1] != self.config.z_channels or latent.shape[2] < 1:
            raise ValueError(
                f"a latent of shape {tuple(latent.shape)} does not fit this VAE: "
                f"use (B, {self.config.z_channels}, f, h, w) with f of 1 or more"
            )

    def check_video(self, video: Tensor, *, first: bool) -> None:
        """Check that a chunk can be encoded; the first chunk's first frame is coded alone.

        Args:
            video: (B, 3, F, H, W), a chunk.
            first: whether it begins a clip.

        Raises:
            ValueError: it cannot; the message says what would fit.
        """
        time, space = self.time_factor, self.space_factor
        if video.ndim != 5 or video.shape[1] != COLOURS:
            raise ValueError(
                f"a video of shape {tuple(video.shape)} does not fit: use (B, {COLOURS}, F, H, W)"
            )
        frames, height, width = video.shape[2:]
        alone = 1 if first else 0
        if frames < 1 or (frames - alone) % time:
            below = alone + max(frames - alone, 0) // time * time
            nearest = [str(n) for n in (below, below + time) if n > 0]
            rule = f"1 + a multiple of {time}" if first else f"a multiple of {time} after the first"
            raise ValueError(
                f"{frames} frames do not fit this VAE: use {rule} (nearest: {' or '.join(nearest)})"
            )
        if height % space or width % space:
            fit = [max(round(side / space), 1) * space for side in (width, height)]
            raise ValueError(
                f"{width}x{height} pixels do not fit this VAE: "
                f"both sides must be multiples of {space} (nearest: {fit[0]}x{fit[1]})"
            )

    @torch.no_grad()
    def init_linear_code(self, code: LinearCode, *, logvar: float = -6.0) -> None:
        """Initialise this VAE as the given linear code; its network adds nothing at first.

        Args:
            logvar: initial log variance of the posterior.

        Raises:
            ValueError: the config has no linear code.
        """
        if not self.config.linear_code:
            raise ValueError("this VAE has no linear code: build it with linear_code=True")
        z = self.config.z_channels
        for last in (self.conv1, self.decoder.head["2"]):
            for parameter in last.parameters():
                parameter.zero_()
        values = {
            "conv1.bias": torch.cat([torch.zeros(z), torch.full((z,), logvar)]),
            "linear_encoder.weight": code.encode,
            "linear_encoder.bias": -code.encode @ code.mean,
            "linear_decoder.weight": code.decode,
            "linear_decoder.bias": code.mean,
        }
        for name, value in values.items():
            self.get_parameter(name).copy_(value)

    def _encode(self, video: Tensor, tape: Tape | None) -> tuple[Tensor, Tensor]:
        x = fold_pixels(video, self.config.pixel_patch)  # (B, 3 p^2, F, H/p, W/p)
        moments = over_frames(self.conv1, self.encoder(x, tape))  # (B, 2 z, f, h, w)
        mean, logvar = moments.chunk(2, dim=1)  # (B, z, f, h, w) each
        if self.config.linear_code:
            mean = mean + self._linear_encode(video, is_first(tape))  # (B, z, f, h, w)
        return mean, logvar.clamp(-30.0, 20.0)

    def _decode(self, latent: Tensor, tape: Tape | None, grid: TileGrid | None = None) -> Tensor:
        x = self.decoder.before_upsampling(over_frames(self.conv2, latent), tape)  # (B, D, f, h, w)
        if grid is None:
            video = self._upsampled(x, tape)  # (B, 3, F, H, W)
        else:
            tapes = (tape and tape.section(number) for number in range(len(grid.places)))
            tiles = zip(grid.places, tapes, strict=True)
            video = grid.blend(self._upsampled(place.of(x), part) for place, part in tiles)
        if self.config.linear_code:
            video = video + self._linear_decode(latent, is_first(tape))  # (B, 3, F, H, W)
        return video

    def _upsampled(self, x: Tensor, tape: Tape | None) -> Tensor:
        x = self.decoder.upsample(x, tape)  # (B, 3 p^2, F, H/p, W/p)
        return unfold_pixels(x, self.config.pixel_patch)  # (B, 3, F, H, W)

    def _linear_encode(self, video: Tensor, first: bool) -> Tensor:
        blocks = fold_blocks(video, time=self.time_factor, space=self.space_factor, first=first)
        columns = rearrange(blocks, "B F H W P -> B P F H W")
        return over_frames(lambda x: channel_linear(self.linear_encoder, x), columns)

    def _linear_decode(self, latent: Tensor, first: bool) -> Tensor:
        columns = over_frames(lambda x: channel_linear(self.linear_decoder, x), latent)
        blocks = rearrange(columns, "B P F H W -> B F H W P")
        return unfold_blocks(blocks, time=self.time_factor, space=self.space_factor, first=first)


def channel_linear(linear: nn.Module, x: Tensor) -> Tensor:
    """Apply a linear layer to the channels of x (B, C, F, H, W)."""
    return rearrange(linear(rearrange(x, "B C F H W -> B F H W C")), "B F H W C -> B C F H W")
