"""UMT5 and T5 v1.1 encoder files: Hugging Face's, ComfyUI's and the original Wan layout."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from ...models.text.config import T5Config
from ...models.text.t5 import T5Encoder
from ..dequantise import dequantise
from ..family import Family
from ..keys import KeyTable, UnsupportedCheckpointError, count_blocks, rename, strip_prefixes
from ..tokenizer import TOKENIZER_KEY

_PREFIXES = ("text_encoders.umt5xxl.transformer.", "text_encoders.t5xxl.transformer.")
_HUGGING_FACE_MARK = "encoder.block.0.layer.1.DenseReluDense.wi_0.weight"
_WAN_MARK = "blocks.0.ffn.gate.0.weight"

FROM_HUGGING_FACE: KeyTable = [
    (r"shared\.weight", "shared.weight"),
    (r"encoder\.(block\.\d+\.layer\.\d\..*)", r"encoder.\1"),
    (r"encoder\.final_layer_norm\.weight", "encoder.final_layer_norm.weight"),
    (r"encoder\.position_embedding\.weight", "encoder.position_embedding.weight"),
    (r"decoder\..*|lm_head\..*", None),
]

_FROM = r"blocks\.(\d+)\."
_TO = r"encoder.block.\1.layer."
FROM_WAN: KeyTable = [
    (r"token_embedding\.weight", "shared.weight"),
    (_FROM + r"norm1\.weight", _TO + "0.layer_norm.weight"),
    (_FROM + r"attn\.([qkvo])\.weight", _TO + r"0.SelfAttention.\2.weight"),
    (
        _FROM + r"pos_embedding\.embedding\.weight",
        _TO + "0.SelfAttention.relative_attention_bias.weight",
    ),
    (_FROM + r"norm2\.weight", _TO + "1.layer_norm.weight"),
    (_FROM + r"ffn\.gate\.0\.weight", _TO + "1.DenseReluDense.wi_0.weight"),
    (_FROM + r"ffn\.fc1\.weight", _TO + "1.DenseReluDense.wi_1.weight"),
    (_FROM + r"ffn\.fc2\.weight", _TO + "1.DenseReluDense.wo.weight"),
    (r"norm\.weight", "encoder.final_layer_norm.weight"),
]


def detect(keys: Iterable[str]) -> bool:
    """Whether the keys are those of a gated T5 encoder in a known layout."""
    return any(key.endswith((_HUGGING_FACE_MARK, _WAN_MARK)) for key in keys)


def to_pack_keys(
    state_dict: Mapping[str, Tensor],
    *,
    dtype: torch.dtype = torch.bfloat16,
    metadata: Mapping[str, str] | None = None,
) -> dict[str, Tensor]:
    """Convert a file of this family to the network's own names, and restore quantised weights.

    The result omits the tokenizer that the file may hold: `tokenizer_tensor` returns it.

    Args:
        state_dict: tensors by the file's names.
        dtype: dtype for weights that were stored in float8; others keep theirs.
        metadata: the file's header.

    Raises:
        UnsupportedCheckpointError: the file has tensors that no layout has, or a quantisation
            that is not supported.
    """
    weights = strip_prefixes(state_dict, _PREFIXES)
    weights.pop(TOKENIZER_KEY, None)
    weights = dequantise(weights, dtype=dtype, metadata=metadata)
    if _WAN_MARK in weights:
        return rename(weights, FROM_WAN)
    embedding = weights.pop("encoder.embed_tokens.weight", None)
    if embedding is not None:
        weights.setdefault("shared.weight", embedding)
    return rename(weights, FROM_HUGGING_FACE)


def tokenizer_tensor(state_dict: Mapping[str, Tensor]) -> Tensor | None:
    """Return the uint8 tensor with the sentencepiece model, or None if the file has none."""
    return strip_prefixes(state_dict, _PREFIXES).get(TOKENIZER_KEY)


def derive_config(state_dict: Mapping[str, Tensor]) -> T5Config:
    """Read the sizes off the shapes of a state dict in the network's own names.

    Raises:
        UnsupportedCheckpointError: a tensor that every encoder of this family has is missing.
    """
    attention = "encoder.block.{}.layer.0.SelfAttention."
    first = attention.format(0)
    needed = ("shared.weight", _HUGGING_FACE_MARK, f"{first}q.weight")
    needed += (f"{first}relative_attention_bias.weight",)
    missing = [key for key in needed if key not in state_dict]
    if missing:
        raise UnsupportedCheckpointError(
            f"the text encoder's file lacks {', '.join(missing)}: it is incomplete; "
            "download it again, or merge its parts into one file"
        )
    vocab_size, d_model = state_dict["shared.weight"].shape
    buckets, heads = state_dict[needed[3]].shape
    layers = count_blocks(state_dict, r"encoder\.block\.(\d+)\.")
    second_bias = f"{attention.format(1)}relative_attention_bias.weight"
    places = state_dict.get("encoder.position_embedding.weight")
    return T5Config(
        vocab_size=vocab_size,
        d_model=d_model,
        d_kv=state_dict[needed[2]].shape[0] // heads,
        d_ff=state_dict[_HUGGING_FACE_MARK].shape[0],
        layers=layers,
        heads=heads,
        relative_buckets=buckets,
        bias_per_layer=layers == 1 or second_bias in state_dict,
        qk_norm=f"{first}q_norm.weight" in state_dict,
        positions=0 if places is None else len(places),
    )


def _converted(state: Mapping[str, Tensor], header: Mapping[str, str]) -> dict[str, Tensor]:
    return to_pack_keys(state, metadata=header)


UMT5 = Family(
    name="text encoder (UMT5)",
    kind="text_encoder",
    detect=detect,
    convert=_converted,
    derive=derive_config,
    config=T5Config,
    build=T5Encoder,
    tokenizer=tokenizer_tensor,
)
