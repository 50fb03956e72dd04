"""What the stages of the recipe share: seeds and the names of the final weights.

Everything is in one run folder: clips, latents, checkpoints, logs, images and weights.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from ..model_loaders.files import METADATA_KEY, write_file

SEED = 2
HELD_OUT_SEED = 3

VAE_FILE = "spacetime_tiny_vae.safetensors"
DIT_FILE = "spacetime_tiny_dit.safetensors"
TEXT_FILE = "spacetime_tiny_text.safetensors"
LORA_FILE = "spacetime_tiny_few_step_lora.safetensors"
"""File names of a run's final weights, the same as those of the shipped weights."""


def control_file(hint: str) -> str:
    """File name of the weights of a control branch for a hint."""
    return f"spacetime_tiny_control_{hint}.safetensors"


def write_weights(path: Path, state: Mapping[str, Tensor], info: dict[str, Any]) -> None:
    """Write half-precision weights with their config in the metadata."""
    half = {k: v.half() if v.is_floating_point() else v for k, v in state.items()}
    write_file(path, half, {METADATA_KEY: json.dumps(info)})
