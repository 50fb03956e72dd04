"""What nodes ask of a GUIDER, and of a CONTROL_NET."""

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
    """What can be told of a GUIDER.

    Args:
        plan: what it does with the model's predictions; None where it has rules of its own.
        blocks: of its network that can be skipped; 0 for another kind.
        distilled: whether its model was distilled for few steps; None where nobody knows.
        weights: what its model's file says; None where it is not one of the pack's.
        process: how states of its model mix signal and noise.
        further: names of the prompts that it has beside its own.
        showing: how its model is shown what is given.
        known: what tells its prompts and plan from others', and those of one that takes over.
        time_factor: frames of the video behind each latent frame of its model after the first.
        controls: what the files of its prompts' control branches say.
        references: pictures of what the video shows that its controls have, the most of any; each
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
    """What can be told of a CONTROL_NET, or of one that a prompt carries.

    Args:
        file: that its weights come from.
        latent: what its hints' latents mean; None for a ControlNet of the host's own.
        after: blocks of the model after which it steers; none for one of the host's own.
        strength: of its residuals.
        pictures: that a prompt's control follows, of its first clip; 0 where nobody knows.
    """

    file: str
    latent: LatentFormat | None
    after: Sequence[int]
    strength: ControlStrength
    pictures: int = 0
