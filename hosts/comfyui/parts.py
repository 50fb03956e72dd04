"""A part of a longer clip, and what a conditioning of the host's carries for all of its frames.

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
"""Control videos that the host's models take, and the nodes that make them."""

_AXIS, _DIMS = 2, 5
"""Of frames, and how many there are of them: latents and masks are (B, C, F, H, W)."""


@on_both
def with_part_of_conditions(guider: Any, latent: Latent, samples: Tensor) -> Any:
    """A guider whose conditions hold the latent frames that a LATENT shows.

    Control videos, start images and whatever else has a value for every latent frame of the whole.

    Args:
        guider: of any network; those of the pack have no such conditions.
        latent: of a chunk of a long video, or of a whole clip.
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
                f"a control video of {min(counts)} latent frames for a clip of {frames}: give "
                f"{node} the length of the clip, or the sampler the latent that it makes"
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
