"""Properties of a GUIDER and of a CONTROL_NET that nodes can query."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ..models.latent_format import LatentFormat
from ..samplers.control import ControlStrength
from ..samplers.guidance.plan import GuidancePlan
from ..samplers.process import NoiseProcess
from ..samplers.showing import Showing
from .solver_options import KnownWeights


@dataclass(frozen=True, eq=False)
class AboutGuider:
    """Properties of a GUIDER.

    Args:
        plan: what it does with the model's predictions; None if it has its own rules.
        blocks: number of blocks of its network that can be skipped; 0 for another kind.
        distilled: whether its model was distilled for few steps; None if unknown.
        weights: what its model's file states; None if the model is not one of the pack's.
        process: how its model's states mix signal and noise.
        further: names of its further prompts.
        showing: how its model is shown the given parts.
        known: values that identify its prompts and plan, and those of a guider that takes over.
        time_factor: video frames in each latent frame of its model after the first.
        controls: what the files of its prompts' control branches state.
        references: the largest number of reference images that any of its controls has; each
            needs a latent frame before the clip.
        frames_at_once: latent frames of a longer clip that its network sees at once, in context
            windows; None for all.
    """

    plan: GuidancePlan | None
    blocks: int
    distilled: bool | None
    weights: KnownWeights | None
    process: NoiseProcess
    further: Collection[str]
    showing: Showing
    known: Sequence[object]
    time_factor: int
    controls: Sequence[KnownWeights] = ()
    references: int = 0
    frames_at_once: int | None = None


@dataclass(frozen=True, eq=False)
class AboutControl:
    """Properties of a CONTROL_NET, or of a control that a prompt carries.

    Args:
        file: source of its weights.
        latent: format of its hints' latents; None for a ControlNet of the host's own.
        after: model blocks after which it acts; empty for one of the host's own.
        strength: of its residuals.
        pictures: number of images that a prompt's control follows in its first clip; 0 if unknown.
    """

    file: str
    latent: LatentFormat | None
    after: Sequence[int]
    strength: ControlStrength
    pictures: int = 0
