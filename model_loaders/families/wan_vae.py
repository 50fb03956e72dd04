"""Wan video VAEs: convert original 2.1 and 2.2, ComfyUI and diffusers files to the pack's names."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from math import isqrt
from typing import Any

from torch import Tensor

from ...models.layers import to_channels_last
from ...models.vae.config import VAEConfig
from ...models.vae.network import VideoVAE
from ..dequantise import refuse_unknown_types
from ..family import Family
from ..keys import KeyTable, UnsupportedCheckpointError, count_blocks, rename, strip_prefixes

PREFIXES = ("first_stage_model.", "vae.", "model.")

NESTED_MARK = "decoder.upsamples.0.upsamples.0.residual.2.weight"
"""Key in Wan 2.2 files and the pack's own, where each level is a list of blocks."""

FLAT_MARK = "decoder.upsamples.0.residual.2.weight"
"""Key in Wan 2.1 files, where one list of blocks runs through all levels."""

DIFFUSERS_MARK = "decoder.up_blocks.0.resnets.0.conv1.weight"

DIFFUSERS_BLOCKS: KeyTable = [
    (r"(.*block.*)\.norm1\.(.*)", r"\1.residual.0.\2"),
    (r"(.*block.*)\.conv1\.(.*)", r"\1.residual.2.\2"),
    (r"(.*block.*)\.norm2\.(.*)", r"\1.residual.3.\2"),
    (r"(.*block.*)\.conv2\.(.*)", r"\1.residual.6.\2"),
    (r"(.*block.*)\.conv_shortcut\.(.*)", r"\1.shortcut.\2"),
    (r"(.*)", r"\1"),
]
"""Rules for names inside a block; the positions of blocks stay as they are."""


def diffusers_places(res_blocks: int) -> KeyTable:
    """Rules for the positions of blocks in diffusers files of Wan 2.1 and 2.2.

    The encoder of a 2.1 file ends up in the flat layout.
    """
    step_down, step_up = res_blocks, res_blocks + 1
    return [
        (r"quant_conv\.(.*)", r"conv1.\1"),
        (r"post_quant_conv\.(.*)", r"conv2.\1"),
        (r"(encoder|decoder)\.conv_in\.(.*)", r"\1.conv1.\2"),
        (r"(encoder|decoder)\.norm_out\.(.*)", r"\1.head.0.\2"),
        (r"(encoder|decoder)\.conv_out\.(.*)", r"\1.head.2.\2"),
        (r"(encoder|decoder)\.mid_block\.resnets\.0\.(.*)", r"\1.middle.0.\2"),
        (r"(encoder|decoder)\.mid_block\.attentions\.0\.(.*)", r"\1.middle.1.\2"),
        (r"(encoder|decoder)\.mid_block\.resnets\.1\.(.*)", r"\1.middle.2.\2"),
        (
            r"encoder\.down_blocks\.(\d+)\.resnets\.(\d+)\.(.*)",
            r"encoder.downsamples.\1.downsamples.\2.\3",
        ),
        (
            r"encoder\.down_blocks\.(\d+)\.downsampler\.(.*)",
            rf"encoder.downsamples.\1.downsamples.{step_down}.\2",
        ),
        (r"encoder\.down_blocks\.(\d+)\.(.*)", r"encoder.downsamples.\1.\2"),
        (
            r"decoder\.up_blocks\.(\d+)\.resnets\.(\d+)\.(.*)",
            r"decoder.upsamples.\1.upsamples.\2.\3",
        ),
        (
            r"decoder\.up_blocks\.(\d+)\.(?:upsampler|upsamplers\.0)\.(.*)",
            rf"decoder.upsamples.\1.upsamples.{step_up}.\2",
        ),
    ]


def flat_places(res_blocks: int, levels: int) -> KeyTable:
    """Rules that sort one list of blocks into levels; other keys stay as they are."""
    table: list[tuple[str, str | None]] = []
    for side, name, length in (
        ("encoder", "downsamples", res_blocks + 1),
        ("decoder", "upsamples", res_blocks + 2),
    ):
        for index in range(levels * length - 1):
            level, block = divmod(index, length)
            table.append(
                (
                    rf"{side}\.{name}\.{index}\.((?:residual|shortcut|resample|time_conv)\..*)",
                    rf"{side}.{name}.{level}.{name}.{block}.\1",
                )
            )
    nested = r"(encoder|decoder)\.(down|up)samples\.\d+\.(down|up)samples\..*"
    fixed = rf"conv[12]\..*|(encoder|decoder)\.(conv1|middle|head)\..*|{nested}"
    return [*table, (rf"({fixed})", r"\1")]


def detect(keys: Collection[str]) -> bool:
    """Whether the keys are those of a Wan VAE in any layout."""
    return any(key.endswith((NESTED_MARK, FLAT_MARK, DIFFUSERS_MARK)) for key in keys)


def to_pack_keys(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Strip prefixes and convert the keys to the nested layout of the Wan 2.2 original.

    Raises:
        UnsupportedCheckpointError: the file has tensors that no layout has.
    """
    weights = dict(state)
    if not any(mark in weights for mark in (NESTED_MARK, FLAT_MARK, DIFFUSERS_MARK)):
        weights = strip_prefixes(weights, PREFIXES)
    if DIFFUSERS_MARK in weights:
        res_blocks = count_blocks(weights, r"decoder\.up_blocks\.0\.resnets\.(\d+)\.") - 1
        weights = rename(rename(weights, DIFFUSERS_BLOCKS), diffusers_places(res_blocks))
    if "encoder.downsamples.0.residual.2.weight" in weights:
        resamples = _indices(weights, r"encoder\.downsamples\.(\d+)\.resample\.")
        if not resamples:
            raise UnsupportedCheckpointError(
                "the VAE's encoder has no step between levels: the file is incomplete"
            )
        if resamples[-1] > len(weights):
            raise UnsupportedCheckpointError(
                f"the VAE's encoder has a block {resamples[-1]}, but the file has only "
                f"{len(weights)} tensors: it is damaged; download it again"
            )
        weights = rename(weights, flat_places(resamples[0], levels=1 + len(resamples)))
    return weights


def derive_config(state: Mapping[str, Tensor]) -> VAEConfig:
    """Read the sizes off the names and shapes of a state dict in the pack's names.

    Raises:
        UnsupportedCheckpointError: a tensor that every such VAE has is missing.
    """
    res_blocks = len(_indices(state, r"encoder\.downsamples\.0\.downsamples\.(\d+)\.residual\."))
    levels = count_blocks(state, r"encoder\.downsamples\.(\d+)\.downsamples\.")
    up = f"decoder.upsamples.0.upsamples.{res_blocks + 1}.resample.1.weight"
    inputs = [f"encoder.downsamples.{i}.downsamples.0.residual.2.weight" for i in range(levels)]
    needed = ["encoder.conv1.weight", "conv2.weight", "decoder.head.0.gamma", up, *inputs]
    missing = [key for key in needed if key not in state]
    if missing:
        raise UnsupportedCheckpointError(
            f"the VAE's file lacks {', '.join(missing)}: it is incomplete; download it again"
        )
    base_dim, folded_colours = state["encoder.conv1.weight"].shape[:2]
    dim_mult = tuple(state[key].shape[0] // base_dim for key in inputs)
    after_up, before_up = state[up].shape[:2]
    return VAEConfig(
        z_channels=state["conv2.weight"].shape[0],
        base_dim=base_dim,
        decoder_base_dim=state["decoder.head.0.gamma"].shape[0] // dim_mult[0],
        dim_mult=dim_mult,
        res_blocks=res_blocks,
        temporal_down=tuple(
            f"encoder.downsamples.{i}.downsamples.{res_blocks}.time_conv.weight" in state
            for i in range(levels - 1)
        ),
        residual_shortcuts=after_up == before_up,
        pixel_patch=isqrt(folded_colours // 3),
        linear_code="linear_encoder.weight" in state,
    )


def _indices(keys: Collection[str], pattern: str) -> list[int]:
    """Find the distinct numbers that the pattern's only group matches at the start of keys."""
    matches = (re.match(pattern, key) for key in keys)
    return sorted({int(match[1]) for match in matches if match})


def _converted(state: Mapping[str, Tensor], header: Mapping[str, str]) -> dict[str, Tensor]:
    refuse_unknown_types(state)
    return to_pack_keys(state)


def _config(**fields: Any) -> VAEConfig:
    return VAEConfig.from_dict(fields)


WAN_VAE = Family(
    name="video VAE (Wan 2.1, Wan 2.2)",
    kind="vae",
    detect=detect,
    convert=_converted,
    derive=derive_config,
    config=_config,
    build=VideoVAE,
    settle=to_channels_last,
)
