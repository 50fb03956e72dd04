"""Cutting the host's conditionings, which cover a whole clip, to a part of it.

B batch, C channels, F frames, H rows, W columns.
"""

import copy
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from ...samplers.checks import has_streams
from ...samplers.clips import COVERAGE_KEY, Coverage
from ..keys import Latent
from .after import on_both
from .model import HostModel

CONTROL_FRAMES = {"vace_frames": "WanVaceToVideo"}
"""Control videos that the host's models take, and the nodes that create them."""

_AXIS, _DIMS = 2, 5
"""The axis of frames, and the number of axes, of latents and masks (B, C, F, H, W)."""


@on_both
def with_part_of_conditions(guider: Any, latent: Latent, samples: Tensor) -> Any:
    """Return a guider whose conditions are cut to the latent frames that a LATENT shows.

    This cuts control videos, start images and all else with a value per latent frame of the whole.

    Args:
        guider: of any network; the pack's own have no such conditions.
        latent: a chunk of a long video, or a whole clip.
        samples: its samples (B, C, F, H, W).

    Raises:
        ValueError: a control video is not as long as the whole clip.
    """
    if isinstance(guider.model_patcher.model, HostModel) or has_streams(samples):
        return guider
    covers: Coverage | None = latent.get(COVERAGE_KEY)
    frames = samples.shape[_AXIS] if covers is None else covers.latent_frames
    conditions = [each for conds in guider.original_conds.values() for each in conds]
    for condition in conditions:
        _check(condition, frames)
    if covers is None or covers.whole:
        return guider
    bound = copy.copy(guider)
    bound.original_conds = {
        name: [_cut(each, covers) for each in conds]
        for name, conds in guider.original_conds.items()
    }
    return bound


def _check(condition: Mapping[str, Any], frames: int) -> None:
    for key, node in CONTROL_FRAMES.items():
        counts = {each.shape[_AXIS] for each in condition.get(key) or ()} - {frames}
        if counts:
            raise ValueError(
                f"a control video of {min(counts)} latent frames for a clip of {frames}: set the "
                f"length of {node} to the clip's, or sample the latent from that node"
            )


def _cut(condition: Mapping[str, Any], covers: Coverage) -> dict[str, Any]:
    return {key: _shown(value, covers) for key, value in condition.items()}


def _shown(value: Any, covers: Coverage) -> Any:
    if isinstance(value, list):
        return [_shown(each, covers) for each in value]
    if not isinstance(value, Tensor) or value.ndim != _DIMS:
        return value
    if value.shape[_AXIS] != covers.latent_frames:
        return value
    return value[:, :, list(covers.shown)]
