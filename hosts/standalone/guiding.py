"""The standalone host's predictions for several prompts, and the guided denoiser made of them."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from ...models.attention import attend
from ...models.dit.network import PreparedText
from ...models.hooks import BlockHooks
from ...samplers.denoiser import Denoiser, to_denoised
from ...samplers.guidance.cfg import Predict
from ...samplers.guidance.conditions import Change, predictor
from ...samplers.guidance.nag import cross_attend_against
from ...samplers.guidance.plan import guided
from ...samplers.runs import Evaluation, SamplingRun, for_solver, wrapped
from ..interface import Conditioning
from .sampling import Guider, Texts, velocity


def guided_denoiser(guider: Guider, batch: int, run: SamplingRun) -> Denoiser:
    """What a solver calls: the guider's wrappers around its plan over the network.

    Args:
        guider: model, prompts, plan and wrappers.
        batch: rows of the state.
        run: that the denoiser serves.
    """
    predict = _predict(Texts(guider.model, batch))
    inner = guided(guider.plan, predict, guider.positive, guider.negative, run.process)
    return for_solver(wrapped(inner, guider.wrappers, run), run)


def _predict(texts: Texts) -> Predict:
    def together(x: Tensor, at: Evaluation, conditions: Sequence[Conditioning]) -> Sequence[Tensor]:
        count = len(conditions)
        rows, prepared = at.repeated(count), texts.prepared(conditions)
        return denoised(torch.cat([x] * count), rows, prepared, rows.hooks).chunk(count)

    def changed(x: Tensor, at: Evaluation, condition: Conditioning, change: Change) -> Tensor:
        hooks = replace(at.hooks, skipped=at.hooks.skipped | change.skipped)
        if change.attention is not None:
            negatives = texts.prepared([change.attention.negative])
            attention = cross_attend_against(
                at.clips.pick(negatives) if at.clips else negatives,
                change.attention.guidance,
                attend,
            )
            hooks = replace(hooks, cross_attend=attention)
        return denoised(x, at, texts.prepared([condition]), hooks)

    def denoised(
        x: Tensor, at: Evaluation, prepared: Sequence[PreparedText], hooks: BlockHooks
    ) -> Tensor:
        return to_denoised(x, velocity(texts.model, x, at, prepared, hooks), at.levels)

    return predictor(together, changed)
