"""Prompts to conditioning: the tokenizer and the network together."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor
from torch.nn import functional

from ..models.text.t5 import T5Encoder
from .tokenizer import Tokenizer

logger = logging.getLogger(__name__)


@dataclass
class TextEncoder:
    """A text encoder with the tokenizer that belongs to it."""

    encoder: T5Encoder
    tokenizer: Tokenizer

    def __post_init__(self) -> None:
        rows, pieces = self.encoder.config.vocab_size, self.tokenizer.vocab_size
        if pieces > rows:
            raise ValueError(
                f"the tokenizer has {pieces} pieces but the text encoder knows {rows} tokens: "
                "use the tokenizer that was published with these weights"
            )

    @torch.no_grad()
    def encode(self, texts: Sequence[str]) -> Tensor:
        """Encode prompts; words outside the vocabulary are named in one logged warning.

        Returns:
            (B, max_length, D) in the encoder's dtype and on its device, with zeros after the end
            of each text.
        """
        if not texts:
            raise ValueError("no texts to encode: give at least one, which may be empty")
        warn_of_unknown_words(self.tokenizer, texts)
        token_ids, mask = self.tokenizer.batch(texts)  # (B, max_length) both
        device = self.encoder.shared.weight.device
        return encode_ids(self.encoder, token_ids.to(device), mask.to(device))


def encode_ids(encoder: T5Encoder, token_ids: Tensor, mask: Tensor) -> Tensor:
    """Encode padded token ids (B, S), of which those in the mask are valid.

    Returns:
        (B, S, D) with zeros after the end of each text.
    """
    longest = int(mask.sum(dim=1).max())  # padding is not attended to, so it need not be run
    text = encoder(token_ids[:, :longest], mask[:, :longest])  # (B, longest, D)
    text = text.masked_fill(rearrange(~mask[:, :longest], "B S -> B S 1"), 0)
    return functional.pad(text, (0, 0, 0, mask.shape[1] - longest))  # (B, S, D)


def warn_of_unknown_words(tokenizer: Tokenizer, texts: Sequence[str]) -> None:
    """Log one warning that names the words outside the vocabulary."""
    words = dict.fromkeys(word for text in texts for word in tokenizer.unknown_words(text))
    if words:
        logger.warning(
            "the text encoder does not know the words %s: they will not be followed",
            ", ".join(repr(word) for word in words),
        )
