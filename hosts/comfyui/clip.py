"""CLIP: the host's CLIP object around the pack's text encoder and its tokenizer."""
# pyright: reportMissingImports=false

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import comfy.ops
import comfy.sd
import torch
from comfy import model_management
from comfy.cli_args import args
from comfy.model_patcher import ModelPatcher
from comfy.sd1_clip import ClipTokenWeightEncoder
from comfy.supported_models_base import ClipTarget
from torch import Tensor, nn

from ...model_loaders.load import TextWeights, load_stored, load_strictly
from ...model_loaders.prompts import read_prompt
from ...model_loaders.stored import is_stored
from ...model_loaders.text import encode_rows
from ...model_loaders.tokenizer import EOS, PAD, TOKENIZER_KEY, Tokenizer, tokenizer_to_tensor
from ...models.precision import DTYPES
from ...models.text.t5 import T5Encoder
from .layers import with_fast_products
from .notes import warn
from .precision import fastest
from .versions import rebuild_with, stored_ops

TOKENS_KEY = "spacetime"
"""Key under which the host carries our tokens from its tokenize call to its encode call."""

Pairs = list[tuple[Any, ...]]
"""(token id, weight) pairs, with the number of the word as a third item on request."""


class HostTokenizer:
    """The pack's tokenizer behind the host's interface, with weights as in ``(red:1.3)``."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer

    def tokenize_with_weights(
        self,
        text: str,
        return_word_ids: bool = False,
        *,
        disable_weights: bool = False,
        **_: Any,
    ) -> dict[str, list[Pairs]]:
        """Tokenize a prompt to ids with weights, with the end of text and padding last.

        Args:
            text: the prompt.
            return_word_ids: also number the pieces.
            disable_weights: take parentheses literally.
        """
        prompt = read_prompt(self.tokenizer, text, weights=not disable_weights)
        if prompt.problems:
            warn("; ".join(prompt.problems))
        pairs = list(prompt.tokens)
        end = [token for token, _ in pairs].index(EOS)
        words = [*range(1, end + 1), *[0] * (len(pairs) - end)]
        if return_word_ids:
            return {TOKENS_KEY: [[(*pair, w) for pair, w in zip(pairs, words, strict=True)]]}
        return {TOKENS_KEY: [pairs]}

    def untokenize(self, pairs: Pairs) -> list[tuple[Any, str]]:
        """Return each pair with its id as text."""
        return [(pair, str(pair[0])) for pair in pairs]

    def state_dict(self) -> dict[str, Tensor]:
        """Return what has to be saved along with the network's weights."""
        return {TOKENIZER_KEY: tokenizer_to_tensor(self.tokenizer.model_bytes)}


class HostTextModel(nn.Module, ClipTokenWeightEncoder):
    """The host's ``cond_stage_model``, which turns token ids and weights into conditioning."""

    special_tokens: Mapping[str, int] = {"end": EOS, "pad": PAD}

    def __init__(
        self, weights: TextWeights, *, dtype: torch.dtype, device: torch.device | str
    ) -> None:
        super().__init__()
        self.dtypes = {dtype}
        if is_stored(weights.state):
            make = partial(T5Encoder, weights.config, ops=stored_ops(dtype))
            network = load_stored(make, weights, dtype=dtype)
        else:
            make = partial(T5Encoder, weights.config, ops=with_fast_products(comfy.ops.manual_cast))
            network = load_strictly(make, weights.state, dtype=dtype)
        self.transformer = network.to(device)
        self._place: torch.device | None = None

    def set_clip_options(self, options: Mapping[str, Any]) -> None:
        """Set the device to compute on.

        Newer hosts state it, as the weights that they stream are on another device. Options for
        layers and projections belong to CLIP networks and have no effect here.
        """
        self._place = options.get("execution_device", self._place)

    def reset_clip_options(self) -> None:
        """Compute where the weights are."""
        self._place = None

    def encode_token_weights(self, tokens: dict[str, list[Pairs]]) -> tuple[Tensor, None]:
        """Encode to (1, max_length, D), without pooled output.

        Weights scale the distance of tokens from those of the empty prompt.
        """
        return super().encode_token_weights(tokens[TOKENS_KEY])

    def encode(self, rows: Sequence[Sequence[int]]) -> tuple[Tensor, None]:
        """Encode rows of ids of equal length; positions after the end of text are zeros."""
        place = self._place or self.transformer.shared.weight.device
        ids = torch.tensor(rows, device=place)  # (B, S)
        return encode_rows(self.transformer, ids).float(), None

    def load_sd(self, sd: Mapping[str, Tensor]) -> Any:
        """Load other weights of the same network."""
        return self.transformer.load_state_dict(sd, strict=False)


def make_clip(weights: TextWeights, *, dtype: str) -> comfy.sd.CLIP:
    """Build a CLIP from a text encoder's weights.

    Args:
        weights: of the encoder, with its tokenizer.
        dtype: auto (bf16 if the device computes in it, else fp32, as the published weights
            overflow in fp16), fp32, bf16 or fp16.
    """
    return _clip(weights, dtype)


def _clip(weights: TextWeights, dtype: str, **more: Any) -> comfy.sd.CLIP:
    target = ClipTarget(
        tokenizer=lambda **_: HostTokenizer(weights.tokenizer),
        clip=lambda *, dtype, device, **_: HostTextModel(weights, dtype=dtype, device=device),
    )
    clip = comfy.sd.CLIP(
        target,
        parameters=sum(weight.numel() for weight in weights.state.values()),
        model_options={"dtype": DTYPES.get(dtype) or _fast_dtype()},
        **more,
    )
    if weights.again is not None:
        rebuild_with(clip.patcher, _rebuilt, weights.again, dtype)
    return clip


def _fast_dtype() -> torch.dtype:
    device = model_management.text_encoder_device()
    if model_management.should_use_bf16(device):
        return torch.bfloat16
    return fastest(torch.float32, device, told=args.fp32_text_enc)


def _rebuilt(
    again: Callable[[], TextWeights], dtype: str, disable_dynamic: bool = False
) -> ModelPatcher:
    """Build the same patcher with its own weights; ``disable_dynamic`` is the host's name."""
    return _clip(again(), dtype, disable_dynamic=disable_dynamic).patcher
