"""The standalone host's predictions for several prompts, and the guided denoiser made of them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ...models.attention import attend
from ...models.dit import NO_HOOKS
from ...models.dit_blocks import BlockHooks
from ...samplers.denoiser import Denoiser, flow_denoiser
from ...samplers.guidance import Predict, SamplingRun
from ...samplers.nag import Against, cross_attend_against
from ...samplers.recipe import guided
from ...samplers.skip_layer import SkippedBlocks
from ..interface import Conditioning
from .sampling import Guider, Texts, Velocity

WHOLE_RUN = SamplingRun(torch.tensor([1.0, 0.0]))
"""A run whose schedule nobody has to know."""


def guided_denoiser(
    guider: Guider, velocity: Velocity, batch: int, run: SamplingRun = WHOLE_RUN
) -> Denoiser:
    """The guider's recipe over the network; the prompts are evaluated as one batch.

    Args:
        guider: model, prompts and recipe.
        velocity: the network on a latent or on tokens.
        batch: rows of the state.
        run: schedule and regions, which some recipes need.
    """
    predict = _predictor(Texts(guider.model, batch), velocity)
    return guided(guider.recipe, predict, guider.positive, guider.negative, run)


def _predictor(texts: Texts, velocity: Velocity) -> Predict:
    """Evaluate plain prompts together, and each one with changed blocks for itself."""

    def predict(x: Tensor, sigma: Tensor, conditions: Sequence[Any], /, **_: Any) -> list[Tensor]:
        plain = [each for each in conditions if isinstance(each, list)]
        made = dict(zip(map(id, plain), together(x, sigma, plain), strict=True)) if plain else {}
        for each in conditions:
            if not isinstance(each, list):
                made[id(each)] = changed(x, sigma, each)
        return [made[id(each)] for each in conditions]

    def together(x: Tensor, sigma: Tensor, conditions: Sequence[Conditioning]) -> Sequence[Tensor]:
        text, count = texts.prepared(conditions), len(conditions)
        denoise = flow_denoiser(lambda x, sigma: velocity(x, sigma, text))
        return denoise(torch.cat([x] * count), torch.cat([sigma] * count)).chunk(count)

    def changed(x: Tensor, sigma: Tensor, condition: SkippedBlocks | Against) -> Tensor:
        conditioning, hooks = _unwrapped(condition, texts)
        text = texts.prepared([conditioning])
        return flow_denoiser(lambda x, sigma: velocity(x, sigma, text, hooks=hooks))(x, sigma)

    return predict


def _unwrapped(condition: Any, texts: Texts) -> tuple[Conditioning, BlockHooks]:
    if isinstance(condition, SkippedBlocks):
        conditioning, hooks = _unwrapped(condition.condition, texts)
        return conditioning, replace(hooks, skipped=hooks.skipped | condition.blocks)
    if isinstance(condition, Against):
        conditioning, hooks = _unwrapped(condition.condition, texts)
        negative = texts.prepared([condition.negative])
        attention = cross_attend_against(negative, condition.guidance, attend)
        return conditioning, replace(hooks, cross_attend=attention)
    return condition, NO_HOOKS
