"""The standalone host's predictions for several prompts, and the guided denoiser made of them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn.functional import pad

from ...models.attention import attend
from ...models.dit.network import PreparedText
from ...models.hooks import BlockHooks
from ...samplers.checks import check_text_width
from ...samplers.denoiser import Denoiser, to_denoised
from ...samplers.guidance.cfg import Predict
from ...samplers.guidance.conditions import Change, predictor
from ...samplers.guidance.nag import cross_attend_against
from ...samplers.guidance.plan import guided
from ...samplers.runs import Evaluation, SamplingRun, for_solver, wrapped
from ..interface import CLIP_TEXTS_KEY, Conditioning
from .sampling import Guider, Model


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
