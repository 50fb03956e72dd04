"""Encode prompts: the tokenizer and the network together."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor
from torch.nn import functional

from ..models.text.t5 import T5Encoder
from .prompts import Prompt, unknown_words
from .tokenizer import EOS, PAD, Tokenizer

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
        """Encode prompts; one logged warning names the words outside the vocabulary.

        Returns:
            (B, max_length, D) in the encoder's dtype and on its device, with zeros after the end
            of each text.
        """
        if not texts:
            raise ValueError("no texts to encode: give at least one (it may be empty)")
        unknown = unknown_words(texts, self.tokenizer)
        if unknown:
            logger.warning(unknown)
        token_ids, mask = self.tokenizer.batch(texts)  # (B, max_length) both
        device = self.encoder.shared.weight.device
        return encode_ids(self.encoder, token_ids.to(device), mask.to(device))

    @torch.no_grad()
    def encode_prompt(self, prompt: Prompt) -> Tensor:
        """Encode a prompt; weights scale each token's distance from the empty prompt.

        Returns:
            (1, max_length, D) in float32 on the encoder's device.
        """
        ids, weights = (torch.tensor(each) for each in zip(*prompt.tokens, strict=True))  # (S,)
        if (weights == 1).all():
            return self.encode_plain([prompt])
        device = self.encoder.shared.weight.device
        empty = torch.full_like(ids, PAD)
        empty[0] = EOS
        rows = torch.stack([ids, empty]).to(device)  # (2, S)
        made, nothing = encode_rows(self.encoder, rows).float()  # (S, D) both
        weights = rearrange(weights.to(made), "S -> S 1")
        return torch.where(weights == 1, made, (made - nothing) * weights + nothing)[None]

    @torch.no_grad()
    def encode_plain(self, prompts: Sequence[Prompt]) -> Tensor:
        """Encode prompts whose weights are all 1.

        Returns:
            (B, max_length, D) in float32 on the encoder's device.
        """
        ids = [[token for token, _ in prompt.tokens] for prompt in prompts]
        device = self.encoder.shared.weight.device
        return encode_rows(self.encoder, torch.tensor(ids, device=device)).float()


def encode_rows(encoder: T5Encoder, token_ids: Tensor) -> Tensor:
    """Encode padded token ids (B, S), valid up to each row's end of text; see ``encode_ids``."""
    ends = token_ids == EOS
    return encode_ids(encoder, token_ids, ends.cumsum(dim=1) - ends.long() == 0)


def encode_ids(encoder: T5Encoder, token_ids: Tensor, mask: Tensor) -> Tensor:
    """Encode padded token ids (B, S); the mask is True for valid tokens.

    Returns:
        (B, S, D) with zeros after the end of each text.
    """
    longest = int(mask.sum(dim=1).max())  # padding is not attended to, so it can be skipped
    text = encoder(token_ids[:, :longest], mask[:, :longest])  # (B, longest, D)
    text = text.masked_fill(rearrange(~mask[:, :longest], "B S -> B S 1"), 0)
    return functional.pad(text, (0, 0, 0, mask.shape[1] - longest))  # (B, S, D)
