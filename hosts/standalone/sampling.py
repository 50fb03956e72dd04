"""MODEL, GUIDER and SAMPLER of the standalone host, and the sampling run itself.

B batch, C channels, F frames, H rows, W columns, L tokens.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ...models.dit.network import VideoDiT
from ...models.latent_format import LatentFormat
from ...samplers.denoiser import Denoiser
from ...samplers.guidance.plan import GuidancePlan
from ...samplers.noise.steps import StepNoise
from ...samplers.runs import Wrapper
from ...samplers.schedules.model_levels import check_flow_sigmas
from ..keys import Conditioning
from ..prompt_spans import told_by

Callback = Callable[[Mapping[str, Any]], None]

ChangePart = Callable[[Tensor, Mapping[str, Any]], tuple[Tensor, dict[str, Any]]]
"""Maps the context and options of a conditioning to changed ones."""


@dataclass(frozen=True, eq=False)
class Model:
    """MODEL: a network, the format of its latents, and the shift of its schedules.

    ``distilled`` states whether it was distilled for few steps, None if unknown; ``file`` is the
    source of its weights.
    """

    dit: VideoDiT
    latent: LatentFormat
    device: torch.device
    shift: float
    info: Mapping[str, Any] = field(default_factory=dict)
    distilled: bool | None = None
    file: str = ""


@dataclass(frozen=True, eq=False)
class Sampler:
    """SAMPLER: a solver with its options."""

    solver: Callable[..., Tensor]
    options: Mapping[str, Any]


class Prompted(NamedTuple):
    """Two prompts, and the plan for using the predictions for them."""

    positive: Conditioning
    negative: Conditioning
    plan: GuidancePlan

    def with_parts(self, change: ChangePart) -> "Prompted":
        """Return a copy with changed prompts."""
        return self._replace(
            positive=_changed(self.positive, change), negative=_changed(self.negative, change)
        )


def _changed(conditioning: Conditioning, change: ChangePart) -> Conditioning:
    return [[*change(context, options)] for context, options in conditioning]


@dataclass(frozen=True, eq=False)
class Guider:
    """GUIDER: a model bound to its prompts, and the plan for using its predictions.

    ``wrappers`` go around the guided denoiser, the last one outermost. Their run offers them
    ``further`` prompts and ``draws``, the noise after the initial one. ``closing`` goes around the
    denoisers of all its prompts, inside the wrappers. ``after`` takes over from it. Only a
    ``timed`` guider follows prompts over time; any other uses the first one, as stock nodes do.
    """

    model: Model
    positive: Conditioning
    negative: Conditioning
    plan: GuidancePlan
    wrappers: tuple[Wrapper, ...] = ()
    further: Mapping[str, Prompted] = field(default_factory=dict)
    draws: StepNoise | None = None
    closing: tuple[Wrapper, ...] = ()
    after: "After | None" = None
    timed: bool = False

    def with_both(self, change: "Callable[[Guider], Guider]") -> "Guider":
        """Apply a change to this guider and to the one that takes over from it."""
        made = change(self)
        if self.after is None:
            return made
        return replace(made, after=self.after._replace(guider=change(self.after.guider)))

    @property
    def prompted(self) -> Prompted:
        """Its own prompts."""
        return Prompted(self.positive, self.negative, self.plan)

    @property
    def conditionings(self) -> tuple[Conditioning, ...]:
        """All its conditionings, and those of a guider that takes over."""
        sets = (self.prompted, *self.further.values())
        own = tuple(side for each in sets for side in (each.positive, each.negative))
        return own if self.after is None else (*own, *self.after.guider.conditionings)

    @property
    def known(self) -> tuple[object, ...]:
        """Values that identify its prompts and plans, and those of a guider that takes over."""
        sets = (self.prompted, *self.further.values())
        sides = (part for each in sets for part in (*each.positive, *each.negative))
        parts = ((context, options) for context, options in sides)
        own = (*told_by(parts), *(each.plan for each in sets))
        return own if self.after is None else (*own, self.after.level, *self.after.guider.known)

    def with_parts(self, change: ChangePart) -> "Guider":
        """Return a copy with all prompts changed."""
        own = self.prompted.with_parts(change)
        further = {name: each.with_parts(change) for name, each in self.further.items()}
        return replace(self, positive=own.positive, negative=own.negative, further=further)


class After(NamedTuple):
    """A guider that takes over from another at a noise level."""

    guider: Guider
    level: float


def solve(
    denoiser: Denoiser,
    sampler: Sampler,
    sigmas: Tensor,
    noise: Tensor,
    given: Tensor,
    callback: Callback,
    seed: int = 0,
) -> Tensor:
    """Noise the given latent to the first level and run the solver, all in float32.

    Above level 0 the result is x / (1 - sigma), as in ComfyUI, so that a next run that continues
    without noise begins at x.

    Args:
        denoiser: in the network's own (normalised) space.
        sampler: solver and options.
        sigmas: decreasing noise levels.
        noise: standard normal.
        given: normalised start; zeros mean that nothing is given.
        callback: called after every step.
        seed: for solvers that draw noise and have no source for it.

    Raises:
        ValueError: the levels are not a flow model's.
    """
    check_flow_sigmas(sigmas)
    if len(sigmas) < 2:
        return given
    start = sigmas[0] * noise + (1 - sigmas[0]) * given
    made = sampler.solver(
        denoiser,
        start,
        sigmas,
        extra_args={"seed": seed},
        callback=callback,
        disable=True,
        **sampler.options,
    )
    return made if sigmas[-1] == 0 else made / (1 - sigmas[-1])
