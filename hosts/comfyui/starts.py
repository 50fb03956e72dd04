"""How the host's models are shown the given parts, and start clips in a guider's conditions."""
# pyright: reportMissingImports=false

import copy
from typing import Any

from comfy import model_base
from torch import Tensor

from ...samplers.showing import Showing
from ..keys import Latent
from ..start_clips import start_change
from .after import on_both
from .model import MASK_CHANNELS, HostModel
from .notes import warn
from .versions import time_factor

ANIMATING = tuple(
    each for name in ("WAN21", "WAN22") if isinstance(each := getattr(model_base, name, None), type)
)
"""The host's model classes that may take a start image as ours do, without their variants."""


def showing_of(model: Any) -> Showing:
    """Return how a model is shown the given parts."""
    if _animates(model):
        return Showing.CHANNELS
    if isinstance(model, HostModel):
        return Showing.LEVELS if model.takes_levels else Showing.STATE
    shown = type(model).scale_latent_inpaint
    plain = shown is model_base.BaseModel.scale_latent_inpaint
    return Showing.STATE if plain else Showing.LEVELS


def _animates(model: Any) -> bool:
    if isinstance(model, HostModel):
        return model.image_to_video
    if type(model) not in ANIMATING:
        return False
    channels = model.latent_format.latent_channels
    taken = model.diffusion_model.patch_embedding.weight.shape[1]
    return taken == 2 * channels + MASK_CHANNELS


@on_both
def with_start_clip(guider: Any, latent: Latent, samples: Tensor) -> Any:
    """Return a guider whose conditions show a LATENT's given parts.

    It is the guider itself if its model has no input channels for them.
    """
    model = guider.model_patcher.model
    if not _animates(model):
        return guider
    restored, time = model.latent_format.process_out, time_factor(model.latent_format)
    change = start_change(latent, samples, time, restored, warn)
    bound = copy.copy(guider)
    bound.original_conds = {
        name: [change(each) for each in conds] for name, conds in guider.original_conds.items()
    }
    return bound
