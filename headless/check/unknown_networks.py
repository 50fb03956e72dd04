"""Networks that return only shapes: they refuse what real ones do, and values are unknown.

B batch, C channels, F frames, H rows, W columns, L tokens, S text tokens.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ...model_loaders.prompts import Prompt
from ...models.patchify import TokenLayout
from ...models.vae.network import VideoVAE
from .meter import Work
from .networks import RehearsedDiT, RehearsedText, ShapedVAE
from .unknown import Unknowns


class UnknownDiT(RehearsedDiT):
    """Stands in for a transformer in a sampling run.

    Args:
        network: the network, without values.
        work: not used.
        unknowns: receives the velocities.
    """

    def __init__(self, network: Any, work: Work, unknowns: Unknowns) -> None:
        super().__init__(network, work)
        self._unknowns = unknowns

    def prepare(self, text: Tensor, image: Tensor | None = None) -> tuple[()]:
        """Return nothing, after checking that the network accepts the image."""
        self.network.check_image(image)
        return ()

    def embed_text(self, text: Tensor) -> tuple[()]:
        """Return nothing."""
        return ()

    def __call__(
        self,
        x: Tensor,
        levels: Tensor,
        contexts: Sequence[Any],
        *,
        layout: TokenLayout | None = None,
        **options: Any,
    ) -> Tensor:
        """Return a velocity in the shape of the state (B, C, F, H, W) or (B, L, D)."""
        self.network.check_prompts(len(contexts), layout)
        return self._unknowns.add(torch.zeros_like(x, dtype=torch.float32))


@dataclass
class UnknownText(RehearsedText):
    """Stands in for a text encoder with its tokenizer.

    Args:
        tokenizer: tokenizer of the encoder.
        length, width: shape of an encoded prompt.
        unknowns: receives the encoded prompts.
    """

    unknowns: Unknowns

    def encode_prompt(self, prompt: Prompt) -> Tensor:
        """Return a context (1, length, width)."""
        return self.unknowns.add(super().encode_prompt(prompt))


class UnknownVAE(ShapedVAE):
    """Stands in for a video VAE.

    Args:
        network: the network, without values.
        unknowns: receives latents and videos.
    """

    def __init__(self, network: VideoVAE, unknowns: Unknowns) -> None:
        super().__init__(network)
        self._unknowns = unknowns

    def _made(self, given: Tensor, shape: Sequence[int]) -> Tensor:
        return self._unknowns.add(super()._made(given, shape))
