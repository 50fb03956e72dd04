"""Initial weights of a control branch, and the metadata of its weights file."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from ..model_loaders.load import DiTWeights
from ..models.control.config import ControlConfig
from ..models.control.network import DilatedBranch, ResidualBranch, build_control, initialise
from ..models.latent_format import LatentFormat
from .layers import Layers, plain_attention


def fresh_branch(
    config: ControlConfig, generator: torch.Generator
) -> ResidualBranch | DilatedBranch:
    """Build a branch with random weights and zero residuals."""
    branch = build_control(config, ops=Layers, attention=plain_attention)
    initialise(branch, generator)
    return branch


def begun_control(
    base: DiTWeights, config: ControlConfig, generator: torch.Generator
) -> ResidualBranch | DilatedBranch:
    """Build a float32 branch that does not change the output yet.

    The blocks of a residual branch are copies of the base's blocks that they follow; other weights
    are random.

    Args:
        base: denoiser that the branch will steer.
        config: config of the branch.
        generator: source of all random numbers.

    Raises:
        ValueError: the branch does not fit the base.
    """
    config.check_base(base.config)
    branch = fresh_branch(config, generator)
    if isinstance(branch, ResidualBranch):
        branch.load_state_dict({**branch.state_dict(), **_copied(base.state, config)})
    return branch


def _copied(state: Mapping[str, Tensor], config: ControlConfig) -> dict[str, Tensor]:
    """Weights of the base's blocks under the branch's names, without those for images."""
    copied = {}
    for number, place in enumerate(config.after):
        before = f"blocks.{place}."
        for name, weight in state.items():
            part = name.removeprefix(before)
            if part != name and "_img" not in part:
                copied[f"vace_blocks.{number}.{part}"] = weight.float()
    return copied


def control_info(config: ControlConfig, latent: LatentFormat) -> dict[str, Any]:
    """Return the metadata of a branch's weights file.

    Args:
        config: config of the branch.
        latent: latent format of its hints, which is the base's.
    """
    return {"kind": "controlnet", "config": config.to_dict(), "latent": asdict(latent)}
