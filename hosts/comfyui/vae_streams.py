"""Decoding and encoding piece by piece with any of the host's VAEs.

Our VAEs and the host's own Wan VAEs carry state from piece to piece. The frames of image VAEs are
independent. Other video VAEs run as a whole.
"""
# pyright: reportMissingImports=false

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain
from typing import Any

import torch
from comfy import model_management
from einops import rearrange
from torch import Tensor

from ...media import FrameStream, regrouped
from ...media.stream import without_first
from ...models.shapes import Compression, LatentShape
from ...models.vae import circle
from ...models.vae.config import COLOURS
from ...models.vae.tiles import Place, TileGrid
from .loops import causal_config
from .notes import ticker
from .vae import DECODE_CHUNK, StreamedVAE
from .versions import device_context
from .wan_vae import decode_wan, encode_wan, frames_at_once, is_wan, latent_frames_at_once

PICTURES = 16
"""Images that an image VAE processes at a time."""

SMALLER_TILES = "Use tiles, or smaller ones, in Decode to Video File."
SMALLER_PICTURES = "Use a smaller width and height in Encode Video File."
"""Remedies for running out of memory."""


def decode_stream(vae: Any, latent: Tensor, *, loop: bool, tile: int) -> FrameStream:
    """Decode a clip (1, C, f, h, w), or images (F, C, h, w), while the frames are read.

    Args:
        vae: any of the host's.
        latent: raw.
        loop: whether the clip is a loop.
        tile: side of the tiles in pixels, 0 for whole images.
    """
    space = vae.spacial_compression_encode()
    if vae.latent_dim == 2:
        pictures = latent.transpose(1, 2).flatten(0, 1) if latent.ndim == 5 else latent
        sides = (side * space for side in latent.shape[-2:])
        shape = (len(pictures), *sides, COLOURS)
        return FrameStream(shape, partial(_pictures, vae, pictures, tile))
    form = Compression(vae.temporal_compression_decode() or 1, space)
    frames, *sides = form.video_shape(LatentShape(*latent.shape[2:]), loop=loop)
    if loop:
        latent = circle.led_in(latent, circle.decoder_lead(causal_config(vae)))
    if not _remembers(vae):
        whole = _whole(vae, latent, tile)[-frames if loop else None :]
        return FrameStream(whole.shape, lambda: iter([whole]))
    grid = TileGrid.over(latent, tile, space) if tile else None
    before = form.video_shape(LatentShape(*latent.shape[2:])).frames - frames
    return FrameStream(
        (frames, *sides, COLOURS), lambda: without_first(_decoded(vae, latent, grid), before)
    )


def encode_stream(vae: Any, frames: Iterable[Tensor], total: int) -> Tensor:
    """Encode frames (F, H, W, 3) as they arrive.

    Args:
        vae: any of the host's.
        frames: chunks; the VAE must support their total length.
        total: number of frames.

    Returns:
        The raw latent, as from the VAE's own ``encode``.
    """
    if vae.latent_dim == 2:
        return torch.cat(
            [vae.encode(part) for part in _ticking(regrouped(frames, PICTURES), total)]
        )
    if not _remembers(vae):
        return vae.encode(torch.cat(list(frames)))
    latents = _encoded(vae, frames, total)
    return torch.cat([latent.to(vae.output_device, torch.float32) for latent in latents], dim=2)


def _remembers(vae: Any) -> bool:
    network = vae.first_stage_model
    return isinstance(network, StreamedVAE) or is_wan(network)


def _pictures(vae: Any, pictures: Tensor, tile: int) -> Iterator[Tensor]:
    made = (_whole(vae, part, tile) for part in pictures.split(PICTURES))
    return _ticking(made, len(pictures))


def _whole(vae: Any, latent: Tensor, tile: int) -> Tensor:
    """Decode to frames (F, H, W, 3) with the host's own methods and tiles."""
    if tile:
        side = tile // vae.spacial_compression_decode()
        frames = vae.decode_tiled(latent, tile_x=side, tile_y=side, overlap=side // 4)
    else:
        frames = vae.decode(latent)
    return (frames.flatten(0, 1) if frames.ndim == 5 else frames)[..., :COLOURS]


def _decoded(vae: Any, latent: Tensor, grid: TileGrid | None) -> Iterator[Tensor]:
    sides = latent.shape[3:] if grid is None else [min(grid.side, s) for s in latent.shape[3:]]
    _load(vae, vae.memory_used_decode((*latent.shape[:3], *sides), vae.vae_dtype))
    videos = _careful(vae, _videos(vae, latent, grid), SMALLER_TILES)
    return _ticking(map(partial(_as_frames, vae), videos), _frames_of(vae, latent))


def _frames_of(vae: Any, latent: Tensor) -> int:
    return 1 + (latent.shape[2] - 1) * vae.temporal_compression_decode()


def _as_frames(vae: Any, video: Tensor) -> Tensor:
    shown = vae.process_output(video.to("cpu", torch.float32, copy=True))
    return rearrange(shown[:, :COLOURS], "1 C F H W -> F H W C")


def _videos(vae: Any, latent: Tensor, grid: TileGrid | None) -> Iterator[Tensor]:
    network = vae.first_stage_model
    if isinstance(network, StreamedVAE):
        return _of_ours(vae, latent, grid)
    first, rest = latent[:, :, :1], latent[:, :, 1:]
    pieces = rest.split(latent_frames_at_once(network), dim=2) if rest.shape[2] else ()

    def stream(place: Place | None = None) -> Iterator[Tensor]:
        parts = chain([first], pieces)
        chosen = parts if place is None else map(place.of, parts)
        return decode_wan(network, (part.to(vae.device, vae.vae_dtype) for part in chosen))

    return stream() if grid is None else _blended([stream(each) for each in grid.places], grid)


def _of_ours(vae: Any, latent: Tensor, grid: TileGrid | None) -> Iterator[Tensor]:
    cache = None
    for part in latent.split(DECODE_CHUNK, dim=2):
        moved = part.to(vae.device, vae.vae_dtype)
        video, cache = vae.first_stage_model.decode_chunk(moved, cache, grid)
        yield video
        del video  # free it before the next one is computed


def _blended(tiles: list[Iterator[Tensor]], grid: TileGrid) -> Iterator[Tensor]:
    """Blend the tiles of a network that can only run as a whole; each tile has its own state."""
    for first in tiles[0]:
        yield grid.blend(chain([first], (next(tile) for tile in tiles[1:])))
        del first


def _encoded(vae: Any, frames: Iterable[Tensor], total: int) -> Iterator[Tensor]:
    network, time = vae.first_stage_model, vae.temporal_compression_decode()
    ours = isinstance(network, StreamedVAE)
    size = DECODE_CHUNK * time if ours else frames_at_once(network)
    parts = regrouped(frames, size, first=1)
    beginning = next(parts)
    _load(vae, vae.memory_used_encode((1, COLOURS, total, *beginning.shape[1:3]), vae.vae_dtype))
    videos = map(partial(_as_video, vae), _ticking(chain([beginning], parts), total))
    made = network.encode_stream(videos) if ours else encode_wan(network, videos)
    return _careful(vae, made, SMALLER_PICTURES)


def _as_video(vae: Any, frames: Tensor) -> Tensor:
    video = rearrange(frames[..., :COLOURS], "F H W C -> 1 C F H W")
    return vae.process_input(video).to(vae.device, vae.vae_dtype)


def _load(vae: Any, memory: float) -> None:
    vae.throw_exception_if_invalid()
    model_management.load_models_gpu(
        [vae.patcher], memory_required=memory, force_full_load=vae.disable_offload
    )


def _ticking(parts: Iterable[Tensor], total: int) -> Iterator[Tensor]:
    """Yield frames, with progress and interruption before each part."""
    tick, done = ticker(total), 0
    for part in parts:
        done += len(part)
        tick(done)
        yield part
        del part  # free it before the next one is computed


def _careful(vae: Any, parts: Iterator[Tensor], remedy: str) -> Iterator[Tensor]:
    """Compute the parts on the VAE's device, and add a remedy to its out-of-memory errors."""
    while True:
        try:
            with device_context(vae.device):
                part = next(parts, None)
        except torch.OutOfMemoryError as error:
            raise torch.OutOfMemoryError(f"{error} {remedy}") from error
        if part is None:
            return
        yield part
        del part
