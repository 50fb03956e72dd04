"""What a control branch begins with, and the head of the file that it ends in."""

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
    """A branch with drawn weights, and residuals of zero."""
    branch = build_control(config, ops=Layers, attention=plain_attention)
    initialise(branch, generator)
    return branch


def begun_control(
    base: DiTWeights, config: ControlConfig, generator: torch.Generator
) -> ResidualBranch | DilatedBranch:
    """A branch in float32 that changes nothing yet.

    The blocks of a residual one are copies of those of the base after which they stand; the rest is
    drawn.

    Args:
        base: that it will steer.
        config: of the branch.
        generator: source of every random number.

    Raises:
        ValueError: the branch does not fit the base.
    """
    config.check_base(base.config)
    branch = fresh_branch(config, generator)
    if isinstance(branch, ResidualBranch):
        branch.load_state_dict({**branch.state_dict(), **_copied(base.state, config)})
    return branch


def _copied(state: Mapping[str, Tensor], config: ControlConfig) -> dict[str, Tensor]:
    """Weights of the base's blocks under the names of the branch's; those for images are left."""
    copied = {}
    for number, place in enumerate(config.after):
        before = f"blocks.{place}."
        for name, weight in state.items():
            part = name.removeprefix(before)
            if part != name and "_img" not in part:
                copied[f"vace_blocks.{number}.{part}"] = weight.float()
    return copied


def control_info(config: ControlConfig, latent: LatentFormat) -> dict[str, Any]:
    """What a file of a branch says of it.

    Args:
        config: sizes.
        latent: what the latents of its hints mean, those of the base.
    """
    return {"kind": "controlnet", "config": config.to_dict(), "latent": asdict(latent)}
