"""MODEL, GUIDER and SAMPLER of the standalone host, and the sampling run itself.

B batch, C channels, F frames, H rows, W columns, L tokens.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from ...models.dit.network import PreparedText, VideoDiT
from ...models.hooks import BlockHooks
from ...models.latent_format import LatentFormat
from ...samplers.checks import check_text_width
from ...samplers.denoiser import Denoiser
from ...samplers.guidance.plan import GuidancePlan
from ...samplers.runs import Evaluation, Wrapper
from ...samplers.schedules.model_levels import check_flow_sigmas
from ..interface import CLIP_TEXTS_KEY, Conditioning

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
        self._prepared: dict[tuple[int, ...], tuple[PreparedText, ...]] = {}

    def prepared(self, conditionings: Sequence[Conditioning]) -> tuple[PreparedText, ...]:
        """Keys and values of several prompts, stacked along the batch.

        Returns:
            One for all clips, or one per clip where a conditioning has a text per clip.
        """
        key = tuple(id(conditioning) for conditioning in conditionings)
        if key not in self._prepared:
            self._prepared[key] = tuple(self._prepare(conditionings))
        return self._prepared[key]

    def _prepare(self, conditionings: Sequence[Conditioning]) -> Iterator[PreparedText]:
        each = [self._contexts(conditioning) for conditioning in conditionings]
        clips = max(map(len, each))
        spread = [contexts * clips if len(contexts) == 1 else contexts for contexts in each]
        if any(len(contexts) != clips for contexts in spread):
            raise ValueError(
                f"prompts for {' and for '.join(str(len(contexts)) for contexts in each)} clips: "
                "give as many positive as negative prompts, or one for all clips"
            )
        for contexts in zip(*spread, strict=True):
            yield self.model.dit.prepare_text(torch.cat(_of_one_length(contexts)))

    def _contexts(self, conditioning: Conditioning) -> list[Tensor]:
        if len(conditioning) != 1:
            raise ValueError(
                f"a conditioning of {len(conditioning)} parts: this host takes one prompt per "
                "side; run combined or regional prompts in ComfyUI"
            )
        ((context, options),) = conditioning
        contexts = options.get(CLIP_TEXTS_KEY) or [context]
        for each in contexts:
            check_text_width(each, self.model.dit.config.text_dim)
        dit = self.model.dit
        return [
            each.to(self.model.device, dit.dtype).expand(self.batch, -1, -1) for each in contexts
        ]


def _of_one_length(contexts: Sequence[Tensor]) -> list[Tensor]:
    """Texts (B, S, D) with zeros up to the longest, as a network itself fills them up."""
    longest = max(each.shape[1] for each in contexts)
    return [pad(each, (0, 0, 0, longest - each.shape[1])) for each in contexts]


def velocity(
    model: Model, x: Tensor, at: Evaluation, texts: Sequence[PreparedText], hooks: BlockHooks
) -> Tensor:
    """The network on a latent (B, C, F, H, W) or on packed tokens (B, L, D)."""
    clips = at.clips
    if clips is None:
        raise ValueError("the run does not say which clips its state holds")
    return model.dit(
        x.to(model.dit.dtype),
        at.levels,
        clips.pick(texts),
        layout=clips.layout,
        loop=clips.layout is None and clips.each[0].closed,
        conditions=clips.conditions(model.dit.config.conditions, at.sigma),
        hooks=hooks,
    )


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
