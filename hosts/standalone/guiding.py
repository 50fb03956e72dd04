"""The standalone host's predictions for several prompts, and the guided denoiser made of them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ...models.attention import attend
from ...models.dit.blocks import BlockHooks
from ...samplers.denoiser import Denoiser, to_denoised
from ...samplers.guidance.cfg import Predict
from ...samplers.guidance.nag import NegativeAttention, cross_attend_against
from ...samplers.guidance.plan import guided
from ...samplers.guidance.skip_layer import SkippedBlocks
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
    predict = _predictor(Texts(guider.model, batch))
    inner = guided(guider.plan, predict, guider.positive, guider.negative, run.process)
    return for_solver(wrapped(inner, guider.wrappers, run), run)


def _predictor(texts: Texts) -> Predict:
    """Evaluate plain prompts together, and each one with changed blocks for itself."""

    def predict(x: Tensor, at: Evaluation, conditions: Sequence[Any], /) -> list[Tensor]:
        plain = [each for each in conditions if isinstance(each, list)]
        made = dict(zip(map(id, plain), together(x, at, plain), strict=True)) if plain else {}
        for each in conditions:
            if not isinstance(each, list):
                made[id(each)] = changed(x, at, each)
        return [made[id(each)] for each in conditions]

    def together(x: Tensor, at: Evaluation, conditions: Sequence[Conditioning]) -> Sequence[Tensor]:
        text, count = texts.prepared(conditions), len(conditions)
        rows = at.repeated(count)
        return denoised(torch.cat([x] * count), rows, text, rows.hooks).chunk(count)

    def changed(x: Tensor, at: Evaluation, condition: SkippedBlocks | NegativeAttention) -> Tensor:
        conditioning, hooks = _unwrapped(condition, texts, at.hooks)
        return denoised(x, at, texts.prepared([conditioning]), hooks)

    def denoised(x: Tensor, at: Evaluation, text: Any, hooks: BlockHooks) -> Tensor:
        return to_denoised(x, velocity(texts.model, x, at, text, hooks), at.levels)

    return predict


def _unwrapped(condition: Any, texts: Texts, hooks: BlockHooks) -> tuple[Conditioning, BlockHooks]:
    if isinstance(condition, SkippedBlocks):
        conditioning, hooks = _unwrapped(condition.condition, texts, hooks)
        return conditioning, replace(hooks, skipped=hooks.skipped | condition.blocks)
    if isinstance(condition, NegativeAttention):
        conditioning, hooks = _unwrapped(condition.condition, texts, hooks)
        negative = texts.prepared([condition.negative])
        attention = cross_attend_against(negative, condition.guidance, attend)
        return conditioning, replace(hooks, cross_attend=attention)
    return condition, hooks
