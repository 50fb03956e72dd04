"""Networks that compute nothing: they return zeros of the right shape and count their calls.

B batch, C channels, F frames, H rows, W columns, L tokens, S text tokens.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import prod
from typing import Any

import torch
from torch import Tensor

from ...model_loaders.prompts import Prompt
from ...model_loaders.tokenizer import Tokenizer
from ...models.control.network import DilatedBranch, ResidualBranch
from ...models.dit.network import VideoDiT
from ...models.hooks import NO_HOOKS, BlockHooks
from ...models.patchify import TokenLayout
from ...models.shapes import LatentShape
from ...models.vae.config import COLOURS
from ...models.vae.network import VideoVAE
from ...models.vae.place import LIBRARY, as_if_on
from ...models.vae.tiles import TileGrid
from .meter import META, Cost, Work, cost_of, on_meta

HEAP = 1.1
"""Measured memory of a VAE on a CPU per byte of its tensors: the heap is fragmented."""


class RehearsedDiT:
    """Stands in for a transformer in a sampling run, see ``VideoNetwork``.

    Args:
        network: the network, without values.
        work: counts its calls.
    """

    def __init__(self, network: VideoDiT, work: Work) -> None:
        self.network, self.work = network, work
        self.config, self.dtype = network.config, network.dtype

    def prepare(self, text: Tensor, image: Tensor | None = None) -> Any:
        """Return the projected prompt, without values."""
        return self.network.prepare(on_meta(text), on_meta(image))

    def embed_text(self, text: Tensor) -> Any:
        """Return the embedded prompt, without values."""
        return self.network.embed_text(on_meta(text))

    def __call__(
        self,
        x: Tensor,
        levels: Tensor,
        contexts: Sequence[Any],
        *,
        layout: TokenLayout | None = None,
        loop: bool = False,
        conditions: Mapping[str, Tensor] | None = None,
        channels: Tensor | None = None,
        hooks: BlockHooks = NO_HOOKS,
    ) -> Tensor:
        """Return zeros in the shape of the state (B, C, F, H, W) or (B, L, D)."""
        plain = replace(hooks, branches=())
        key = (x.shape, tuple(sorted(hooks.skipped)), plain.cross_attend is not None, loop)

        def measure() -> Cost:
            level = x.new_ones(len(x), dtype=torch.float32, device=META)  # one for all positions
            return cost_of(
                lambda: self.network(
                    on_meta(x),
                    level,
                    contexts,
                    layout=layout,
                    loop=loop,
                    conditions=dict.fromkeys(conditions or (), level),
                    channels=on_meta(channels),
                    hooks=plain,
                ),
                self.network.parameters(),
            )[0]

        self.work.add(key, measure)
        for branch in hooks.branches:
            beside = getattr(branch, "network", None)
            if isinstance(beside, RehearsedControl):
                beside.count(x, self.config.patch, layout)
        return torch.zeros_like(x, dtype=torch.float32)


class RehearsedControl:
    """Stands in for a branch beside a transformer; its cost is its weights times the tokens.

    Args:
        network: the network, without values.
        work: counts its calls.
    """

    def __init__(self, network: ResidualBranch | DilatedBranch, work: Work) -> None:
        self.network, self.work = network, work
        self.control, self.dtype = network.control, network.dtype

    def prepare(self, text: Tensor, words: Any) -> tuple[()]:
        """Return nothing: the branch is not called."""
        return ()

    def count(self, x: Tensor, patch: tuple[int, int, int], layout: TokenLayout | None) -> None:
        """Count an evaluation of the branch beside a state."""
        tokens = x.shape[1] if layout is not None else prod(x.shape[2:]) // prod(patch)
        weights = sum(weight.numel() for weight in self.network.parameters())
        self.work.add(x.shape, lambda: Cost(2 * weights * tokens * len(x), 0))


@dataclass
class RehearsedText:
    """Stands in for a text encoder with its tokenizer.

    Args:
        tokenizer: tokenizer of the encoder.
        length, width: shape of an encoded prompt.
    """

    tokenizer: Tokenizer
    length: int
    width: int

    def encode_prompt(self, prompt: Prompt) -> Tensor:
        """Return zeros (1, length, width)."""
        return torch.zeros(1, self.length, self.width)


class ShapedVAE:
    """Stands in for a video VAE; nothing is counted.

    Args:
        network: the network, without values.
    """

    def __init__(self, network: VideoVAE) -> None:
        self.network, self.config = network, network.config
        self.time_factor, self.space_factor = network.time_factor, network.space_factor
        self.check_latent = network.check_latent

    def encode_chunk(self, video: Tensor, cache: Any) -> tuple[Tensor, Any]:
        """Return zeros in the shape of the latent (B, C, F, H, W), and True as the next cache."""
        self.network.check_video(video, first=cache is None)
        frames, *sides = video.shape[2:]
        places = (frames + self.time_factor - 1) // self.time_factor
        shape = (len(video), self.config.z_channels, places)
        return self._made(video, (*shape, *(side // self.space_factor for side in sides))), True

    def decode_chunk(
        self, latent: Tensor, cache: Any, grid: TileGrid | None = None
    ) -> tuple[Tensor, Any]:
        """Return zeros in the shape of the video (B, 3, F, H, W), and True as the next cache."""
        self.check_latent(latent)
        places = LatentShape(*latent.shape[2:])
        size = self.config.compression.video_shape(places, loop=cache is not None)
        return self._made(latent, (len(latent), COLOURS, *size)), True

    def _made(self, given: Tensor, shape: Sequence[int]) -> Tensor:
        return given.new_zeros(shape)


class RehearsedVAE(ShapedVAE):
    """Stands in for a video VAE.

    Args:
        network: the network, without values.
        decoding, encoding: count its calls.
        device: the device that would compute.
    """

    def __init__(
        self, network: VideoVAE, decoding: Work, encoding: Work, device: torch.device
    ) -> None:
        super().__init__(network)
        self.decoding, self.encoding, self.device = decoding, encoding, device
        self._known: dict[Any, tuple[torch.Size, Any]] = {}

    def encode_chunk(self, video: Tensor, cache: Any) -> tuple[Tensor, Any]:
        """Return zeros in the shape of the latent (1, C, F, H, W), and a key to the cache."""
        key = ("encode", video.shape, cache is None)
        return self._counted(self.encoding, key, video, cache, self.network.encode_chunk)

    def decode_chunk(
        self, latent: Tensor, cache: Any, grid: TileGrid | None = None
    ) -> tuple[Tensor, Any]:
        """Return zeros in the shape of the video (B, 3, F, H, W), and a key to the cache."""
        key = ("decode", latent.shape, cache is None, grid)
        call = partial(self.network.decode_chunk, grid=grid)
        return self._counted(self.decoding, key, latent, cache, call)

    def _counted(
        self, work: Work, key: Any, given: Tensor, cache: Any, call: Callable[..., Any]
    ) -> tuple[Tensor, Any]:
        before = None if cache is None else self._known[cache][1]

        def measure() -> Cost:
            with as_if_on(self.device):
                cost, (made, memory) = cost_of(
                    lambda: call(on_meta(given), before), self.network.parameters()
                )
            if self.device.type == "cpu":
                cost = replace(cost, bytes=round(cost.bytes * HEAP) + LIBRARY)
            self._known[key] = (made.shape, memory)
            return cost

        work.add(key, measure)
        return given.new_zeros(self._known[key][0]), key
