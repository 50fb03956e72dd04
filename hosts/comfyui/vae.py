"""VAE: the host's VAE class around the pack's causal video VAE, run as a stream."""
# pyright: reportMissingImports=false

import logging
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import comfy.ops
import comfy.sd
import torch
from comfy import model_management
from comfy.cli_args import args
from comfy.model_patcher import ModelPatcher
from comfy.utils import ProgressBar
from torch import Tensor

from ...model_loaders.load import VAEWeights, load_strictly
from ...models.precision import DTYPES
from ...models.shapes import LatentShape, VideoShape
from ...models.vae.config import COLOURS
from ...models.vae.network import VideoVAE
from ...models.vae.pieces import LARGEST
from ...models.vae.place import LIBRARY
from .notes import warn
from .precision import fastest
from .versions import make_patcher, rebuild_with

DECODE_CHUNK = 4
"""Latent frames decoded at a time."""

LIVE_ACTIVATIONS = 18
"""Values held at once per pixel and channel of the network's finest level."""

REMEMBERED, LIVE_IN_PIECES = {"decode": 32.0, "encode": 17.0}, {"decode": 4.7, "encode": 6.4}
"""Values held on a CPU: regardless of the number of frames, and per frame of a piece; measured."""


class StreamedVAE(VideoVAE):
    """``VideoVAE`` whose whole passes run in chunks, with progress and interruption at each.

    Newer hosts pass the buffer for the results, and leave each chunk in place until it is needed.
    """

    comfy_has_chunked_io = True

    def encode(self, video: Tensor, device: torch.device | None = None) -> Tensor:
        """Encode (B, 3, F, H, W) in [-1, 1] to (B, z, f, h, w).

        Args:
            video: on any device.
            device: to compute on, by default the video's.
        """
        place = video.device if device is None else device
        bounds = [0, *range(1, video.shape[2] + 1, DECODE_CHUNK * self.time_factor)]
        if bounds[-1] != video.shape[2]:
            bounds.append(video.shape[2])
        bar = ProgressBar(len(bounds) - 1)
        chunks = (video[:, :, start:end].to(place) for start, end in pairwise(bounds))
        made = _ticking(self.encode_stream(chunks), bar)
        return torch.cat([chunk.to(_results()) for chunk in made], dim=2)

    def decode(self, latent: Tensor, output_buffer: Tensor | None = None) -> Tensor:
        """Decode (B, z, f, h, w) to (B, 3, F, H, W), approximately in [-1, 1].

        Args:
            latent: raw.
            output_buffer: tensor to write the video to, by default a new one.
        """
        video = output_buffer
        if video is None:
            shape = self.decode_output_shape(latent.shape)
            video = torch.empty(shape, dtype=latent.dtype, device=_results())
        bar = ProgressBar(-(-latent.shape[2] // DECODE_CHUNK))
        start = 0
        for chunk in _ticking(self.decode_stream(latent, chunk=DECODE_CHUNK), bar):
            end = start + chunk.shape[2]
            video[:, :, start:end].copy_(chunk)
            start = end
            del chunk  # free it before the next one is computed
        return video

    def decode_output_shape(self, latent: Sequence[int]) -> tuple[int, ...]:
        """Return the video shape (B, 3, F, H, W) for a latent (B, z, f, h, w)."""
        video = self.config.compression.video_shape(LatentShape(*latent[2:]))
        return (latent[0], COLOURS, *video)


def _ticking(chunks: Iterator[Tensor], bar: ProgressBar) -> Iterator[Tensor]:
    for chunk in chunks:
        model_management.throw_exception_if_processing_interrupted()
        yield chunk
        del chunk
        bar.update(1)


def _results() -> torch.device:
    return model_management.intermediate_device()


class HostVAE(comfy.sd.VAE):
    """The host's VAE with the pack's network: decoding, encoding, tiles, memory and offload.

    Args:
        weights: of a video VAE.
        dtype: auto (as for the transformer), fp32, bf16 or fp16.
        streams: whether the host may stream weights layer by layer, if it supports that.
    """

    def __init__(self, weights: VAEWeights, *, dtype: str, streams: bool = True) -> None:
        _with_defaults_only(super().__init__)
        self._compression = compression = weights.config.compression
        time, space = compression.time, compression.space
        self.latent_dim = 3
        self.latent_channels = weights.config.z_channels
        self.upscale_ratio = (
            lambda frames: compression.video_shape(LatentShape(frames, 1, 1)).frames,
            space,
            space,
        )
        self.upscale_index_formula = (time, space, space)
        self.downscale_ratio = (
            lambda frames: compression.latent_shape(VideoShape(frames, 0, 0)).frames,
            space,
            space,
        )
        self.downscale_index_formula = (time, space, space)
        self.working_dtypes = [torch.bfloat16, torch.float32]
        self._set_memory_estimates(weights)
        self._place(weights, dtype, streams)

    def decode_tiled_3d(self, samples: Tensor, tile_t: int = 0, **sides: Any) -> Tensor:
        """Decode in spatial tiles; time is never cut, as it runs as a stream anyway."""
        return super().decode_tiled_3d(samples, tile_t=samples.shape[2], **sides)

    def encode_tiled_3d(self, pixel_samples: Tensor, tile_t: int = 0, **sides: Any) -> Tensor:
        """Encode in spatial tiles, see ``decode_tiled_3d``."""
        return super().encode_tiled_3d(pixel_samples, tile_t=pixel_samples.shape[2], **sides)

    def vae_encode_crop_pixels(self, pixels: Tensor) -> Tensor:
        """Crop as the host does, but warn of frames that its own video VAEs drop silently."""
        axis = pixels.ndim - 4  # (F, H, W, C), or (B, F, H, W, C)
        frames = self._compression.fitting_frames(pixels.shape[axis])
        if frames < pixels.shape[axis]:
            warn(self._compression.left_out(pixels.shape[axis]))
        return super().vae_encode_crop_pixels(pixels.narrow(axis, 0, frames))

    def _set_memory_estimates(self, weights: VAEWeights) -> None:
        config = weights.config
        shrink, area = config.pixel_patch**2, config.compression.space**2
        frames = DECODE_CHUNK * config.compression.time
        size = model_management.dtype_size

        def used(work: str, channels: int, pixels: int, dtype: torch.dtype) -> float:
            frame = channels * pixels / shrink
            if self.device.type != "cpu":
                return LIVE_ACTIVATIONS * frames * frame * size(dtype)
            piece = min(frames, max(1, LARGEST // frame))
            live = REMEMBERED[work] + LIVE_IN_PIECES[work] * piece
            return live * frame * size(dtype) + LIBRARY

        self.memory_used_encode = lambda shape, dtype: used(
            "encode", config.base_dim, shape[-2] * shape[-1], dtype
        )
        self.memory_used_decode = lambda shape, dtype: used(
            "decode", config.decoder_base_dim, shape[-2] * shape[-1] * area, dtype
        )

    def _place(self, weights: VAEWeights, dtype: str, streams: bool) -> None:
        self.device = model_management.vae_device()
        self.output_device = model_management.intermediate_device()
        self.vae_dtype = DTYPES.get(dtype) or fastest(
            model_management.vae_dtype(self.device, self.working_dtypes),
            self.device,
            told=args.fp32_vae,
        )
        self.first_stage_model = load_strictly(
            lambda: StreamedVAE(weights.config, ops=comfy.ops.disable_weight_init),
            weights.state,
            dtype=self.vae_dtype,
        )
        self.patcher = make_patcher(
            self.first_stage_model,
            load_device=self.device,
            offload_device=model_management.vae_offload_device(),
            streams=streams,
        )
        if weights.again is not None:
            rebuild_with(self.patcher, _rebuilt, weights.again, dtype)


def _rebuilt(
    again: Callable[[], VAEWeights], dtype: str, disable_dynamic: bool = False
) -> ModelPatcher:
    """Build the same patcher with its own weights; ``disable_dynamic`` is the host's name."""
    return HostVAE(again(), dtype=dtype, streams=not disable_dynamic).patcher


def _with_defaults_only(initialise: Callable[..., None]) -> None:
    """Let the host set its attributes, without its log messages about missing weights."""
    before = logging.root.manager.disable
    logging.disable(max(before, logging.WARNING))
    try:
        initialise(sd={})
    finally:
        logging.disable(before)
