"""Control branches: the pack's own, and VACE's, whose files also hold their base."""

from collections.abc import Collection, Mapping

import torch
from torch import Tensor

from ...models.control.config import ControlConfig
from ...models.control.network import build_control
from ...models.latent_format import WAN21_LATENT, LatentFormat
from ..dequantise import dequantise
from ..family import Family
from ..keys import UnsupportedCheckpointError, count_blocks, strip_prefixes
from .wan_dit import PREFIXES, VACE_PREFIX

VACE = "vace_patch_embedding.weight"
DILATED = "controlnet_blocks.0.weight"
ENCODER = "control_encoder."
"""Mark in the keys of light branches that encode images themselves, such as TheDenk's for Wan."""

_BASE_LAYERS = {15: 30, 8: 40}
"""Blocks of the base, by blocks of the branch, for VACE's published branches, 1.3B and 14B."""


def detect(keys: Collection[str]) -> bool:
    """Whether the keys are those of a control branch, alone or with its base."""
    return any(key.endswith((VACE, DILATED)) for key in keys)


def _converted(state: Mapping[str, Tensor], header: Mapping[str, str]) -> dict[str, Tensor]:
    if any(ENCODER in key for key in state):
        raise UnsupportedCheckpointError(
            "this ControlNet encodes its images by itself, like TheDenk's for Wan, "
            "which is not supported: use VACE, or a ControlNet trained with Spacetime"
        )
    state = strip_prefixes(state, PREFIXES)
    if VACE in state:
        state = {key: weight for key, weight in state.items() if key.startswith(VACE_PREFIX)}
    return dequantise(state, dtype=torch.bfloat16, metadata=header)


def derive_vace(state: Mapping[str, Tensor]) -> ControlConfig:
    """Derive the sizes of a VACE branch; heads are 128 wide as in every published Wan file.

    Raises:
        UnsupportedCheckpointError: it is not one of the published branches.
    """
    layers = count_blocks(state, r"vace_blocks\.(\d+)\..*")
    if VACE not in state or layers not in _BASE_LAYERS:
        known = " or ".join(map(str, _BASE_LAYERS))
        raise UnsupportedCheckpointError(
            f"a control branch of {layers} blocks that does not say where they belong: use one of "
            f"VACE's, which have {known} blocks"
        )
    embedding = state[VACE]
    base = _BASE_LAYERS[layers]
    dim = embedding.shape[0]
    return ControlConfig(
        design="residual",
        after=tuple(range(0, base, base // layers)),
        base_dim=dim,
        dim=dim,
        heads=max(1, dim // 128),
        ffn_dim=state["vace_blocks.0.ffn.0.weight"].shape[0],
        hint_channels=embedding.shape[1],
        patch=(embedding.shape[2], embedding.shape[3], embedding.shape[4]),
    )


def _latent(config: ControlConfig) -> LatentFormat:
    return WAN21_LATENT


CONTROL = Family(
    name="ControlNet (VACE, Spacetime)",
    kind="controlnet",
    detect=detect,
    convert=_converted,
    derive=derive_vace,
    config=ControlConfig,
    build=build_control,
    latent=_latent,
)
