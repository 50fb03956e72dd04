"""MODEL, GUIDER and SAMPLER of the standalone host, and the sampling run itself.

B batch, C channels, F frames, H rows, W columns, L tokens.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ...models.dit.blocks import BlockHooks
from ...models.dit.network import PreparedText, VideoDiT
from ...models.latent_format import LatentFormat
from ...samplers.denoiser import Denoiser
from ...samplers.guidance.plan import GuidancePlan
from ...samplers.runs import Evaluation, Wrapper
from ...samplers.schedules.model_levels import check_flow_sigmas
from ..interface import Conditioning

Callback = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True, eq=False)
class Model:
    """MODEL: a built network with what its latents mean and the shift of its schedules.

    ``distilled`` says whether it was distilled for few steps, None where nobody knows; ``file``
    names where its weights come from.
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


@dataclass(frozen=True, eq=False)
class Guider:
    """GUIDER: a model bound to its prompts, and what is done with its predictions.

    ``wrappers`` go around the guided denoiser, the last one outermost.
    """

    model: Model
    positive: Conditioning
    negative: Conditioning
    plan: GuidancePlan
    wrappers: tuple[Wrapper, ...] = ()


class Texts:
    """Prompts prepared once per run, alone or side by side for a joint evaluation."""

    def __init__(self, model: Model, batch: int) -> None:
        self.model, self.batch = model, batch
        self._prepared: dict[tuple[int, ...], PreparedText] = {}

    def prepared(self, conditionings: Sequence[Conditioning]) -> PreparedText:
        """Keys and values of several prompts, stacked along the batch."""
        key = tuple(id(conditioning) for conditioning in conditionings)
        if key not in self._prepared:
            contexts = torch.cat([self._context(each) for each in conditionings])
            self._prepared[key] = self.model.dit.prepare_text(contexts)
        return self._prepared[key]

    def _context(self, conditioning: Conditioning) -> Tensor:
        if len(conditioning) != 1:
            raise ValueError(
                f"a conditioning of {len(conditioning)} parts: this host takes one prompt per "
                "side; run combined or regional prompts in ComfyUI"
            )
        context = conditioning[0][0].to(self.model.device, self.model.dit.dtype)
        width = self.model.dit.config.text_dim
        if context.shape[-1] != width:
            raise ValueError(
                f"the prompt is {context.shape[-1]} wide, the model needs {width}: load the text "
                "encoder that belongs to the model"
            )
        return context.expand(self.batch, -1, -1)


def velocity(
    model: Model, x: Tensor, at: Evaluation, text: PreparedText, hooks: BlockHooks
) -> Tensor:
    """The network on a latent (B, C, F, H, W) or on packed tokens (B, L, D)."""
    clips, noisy = at.clips, x.to(model.dit.dtype)
    if clips is None:
        raise ValueError("the run does not say which clips its state holds")
    conditions = clips.conditions(model.dit.config.conditions, at.sigma)
    if clips.layout is not None:
        return model.dit.forward_tokens(
            noisy, clips.layout, at.levels, [text], conditions=conditions, hooks=hooks
        )
    loop = clips.each[0].closed
    return model.dit(noisy, at.levels, text, conditions=conditions, loop=loop, hooks=hooks)


def solve(
    denoiser: Denoiser,
    sampler: Sampler,
    sigmas: Tensor,
    noise: Tensor,
    given: Tensor,
    callback: Callback,
    seed: int = 0,
) -> Tensor:
    """Noise what is given to the first level and run the solver, all in float32.

    Args:
        denoiser: of the network's own (normalised) space.
        sampler: solver and options.
        sigmas: falling noise levels.
        noise: standard normal.
        given: normalised start, zeros for nothing.
        callback: called after every step.
        seed: for solvers that draw noise of their own and were not given a source.

    Raises:
        ValueError: the levels are not a flow model's.
    """
    check_flow_sigmas(sigmas)
    if len(sigmas) < 2:
        return given
    start = sigmas[0] * noise + (1 - sigmas[0]) * given
    return sampler.solver(
        denoiser,
        start,
        sigmas,
        extra_args={"seed": seed},
        callback=callback,
        disable=True,
        **sampler.options,
    )
