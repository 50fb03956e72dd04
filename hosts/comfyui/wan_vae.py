"""ComfyUI's own Wan VAEs run as streams: the state of their causal layers is kept between calls.

Each call gets the same frames as in the networks' own whole passes, so the results are the same.
"""
# pyright: reportMissingImports=false

from collections.abc import Iterable, Iterator
from inspect import signature
from typing import Any

import torch
from comfy.ldm.wan import vae as wan21
from comfy.ldm.wan import vae2_2 as wan22
from torch import Tensor, nn

TIME = 4
"""Frames of video per latent frame, after the first."""


def is_wan(network: nn.Module) -> bool:
    """Whether this is a Wan VAE network of the host's that can run as a stream."""
    if not isinstance(network, wan21.WanVAE | wan22.WanVAE):
        return False
    parts: tuple[Any, ...] = (network.encoder, network.decoder)
    return all("feat_cache" in signature(part.forward).parameters for part in parts)


def decode_wan(network: Any, latents: Iterable[Tensor]) -> Iterator[Tensor]:
    """Decode latent frames as they arrive.

    Args:
        network: of Wan 2.1 or 2.2, see ``is_wan``.
        latents: (1, C, f, h, w) each, on the network's device: first one frame, then
            ``latent_frames_at_once`` at a time; the last piece may be shorter.

    Returns:
        Videos (1, 3, F, H, W), approximately in [-1, 1].
    """
    later = isinstance(network, wan22.WanVAE)
    memory = [None] * _layers(network.decoder)
    for number, latent in enumerate(latents):
        first = {"first_chunk": True} if later and number == 0 else {}
        video = network.decoder(network.conv2(latent), feat_cache=memory, feat_idx=[0], **first)
        video = torch.cat(video, dim=2) if isinstance(video, list) else video
        yield wan22.unpatchify(video, patch_size=2) if later else video
        del video  # free it before the next one is computed


def encode_wan(network: Any, videos: Iterable[Tensor]) -> Iterator[Tensor]:
    """Encode frames as they arrive.

    Args:
        network: of Wan 2.1 or 2.2, see ``is_wan``.
        videos: (1, 3, F, H, W) in [-1, 1] each, on the network's device: first one frame, then
            ``frames_at_once`` at a time; 1 + a multiple of 4 in total.

    Returns:
        Latents (1, C, f, h, w).
    """
    later = isinstance(network, wan22.WanVAE)
    memory = [None] * _layers(network.encoder)
    for video, last in _and_last(iter(videos)):
        pixels = wan22.patchify(video, patch_size=2) if later else video
        end = {"final": last} if _takes_halves(network) else {}
        made = network.encoder(pixels, feat_cache=memory, feat_idx=[0], **end)
        if made is not None:  # None until a network that takes halves has enough frames
            yield network.conv1(made).chunk(2, dim=1)[0]


def latent_frames_at_once(network: Any) -> int:
    """Latent frames that the network's own whole pass decodes at a time, after the first."""
    return 2 if _takes_halves(network) else 1


def frames_at_once(network: Any) -> int:
    """Frames that the network's own whole pass encodes at a time, after the first."""
    return TIME // 2 if _takes_halves(network) else TIME


def _takes_halves(network: Any) -> bool:
    """Whether this is the later Wan 2.1 VAE, whose encoder takes half a latent frame at a time."""
    return "final" in signature(network.encoder.forward).parameters


def _layers(part: nn.Module) -> int:
    """Number of layers of an encoder or decoder that keep state."""
    own = wan21 if isinstance(part, wan21.Encoder3d | wan21.Decoder3d) else wan22
    counting = getattr(own, "count_cache_layers", None) or own.count_conv3d
    return counting(part)


def _and_last(parts: Iterator[Tensor]) -> Iterator[tuple[Tensor, bool]]:
    """Yield each part with whether it is the last one."""
    waiting = next(parts)
    for part in parts:
        yield waiting, False
        waiting = part
    yield waiting, True
