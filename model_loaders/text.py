"""Prompts to conditioning: the tokenizer and the network together."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor
from torch.nn import functional

from ..models.text_encoder import T5Encoder
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
        self._warn_of_unknown_words(texts)
        token_ids, mask = self.tokenizer.batch(texts)  # (B, max_length) both
        longest = int(mask.sum(dim=1).max())  # padding is not attended to, so it need not be run
        device = self.encoder.shared.weight.device
        token_ids, mask = token_ids[:, :longest].to(device), mask[:, :longest].to(device)
        text = self.encoder(token_ids, mask)  # (B, S, D)
        text = text.masked_fill(rearrange(~mask, "b s -> b s 1"), 0)  # (B, S, D)
        return functional.pad(text, (0, 0, 0, self.tokenizer.max_length - longest))

    def _warn_of_unknown_words(self, texts: Sequence[str]) -> None:
        words = dict.fromkeys(word for text in texts for word in self.tokenizer.unknown_words(text))
        if words:
            logger.warning(
                "the text encoder does not know the words %s: they will not be followed",
                ", ".join(repr(word) for word in words),
            )
