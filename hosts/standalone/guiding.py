"""Predictions for several prompts in the standalone host, and the guided denoiser."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad

from ...graph.turns import ask
from ...models.attention import attend
from ...models.dit.trunk import PreparedContext
from ...models.hooks import BlockHooks
from ...models.network import VideoNetwork
from ...samplers.checks import check_image_context, check_packed, check_text_width
from ...samplers.clips import Clips
from ...samplers.control import HintState
from ...samplers.denoiser import Denoiser, to_denoised
from ...samplers.guidance.cfg import Predict
from ...samplers.guidance.conditions import Change, predictor
from ...samplers.guidance.nag import cross_attend_against
from ...samplers.guidance.plan import guided
from ...samplers.runs import Evaluation, RunDenoiser, SamplingRun, for_solver, wrapped
from ..control import Steering
from ..keys import CLIP_TEXTS_KEY, VISION_KEY, Conditioning
from ..prompt_spans import SpanChooser, spans_of
from .control import PreparedControl, branches, control_of, prepared_control, steerings
from .latents import start_channels
from .sampling import Guider, Model, Prompted
from .together import NetworkCall

NO_VISION = (
    "the standalone host cannot load CLIP Vision yet; use a text-to-video model, or run the graph "
    "in ComfyUI with CLIP Vision Encode and WanImageToVideo"
)


class Prepared(NamedTuple):
    """Prompts stacked along the batch, in the form that the network takes.

    ``contexts`` holds one for all clips or one per clip; ``channels`` the start image for a
    network with further input channels, (B, C, F, H, W) for the whole run; ``controls`` the
    branches that act on all of the prompts.
    """

    contexts: tuple[PreparedContext, ...]
    channels: Tensor | None
    controls: tuple[PreparedControl, ...] = ()


class Prompts:
    """Prompts prepared once per run, alone or stacked for a joint evaluation.

    Args:
        model: the model that they are for.
        batch: rows of the state.
        clips: of the run; None if unknown.
        spans: chooses among prompts over time; None to use only the first.
    """

    def __init__(
        self, model: Model, batch: int, clips: Clips | None, spans: SpanChooser | None = None
    ) -> None:
        self.model, self.batch, self.clips, self.spans = model, batch, clips, spans
        self._network: VideoNetwork = model.dit
        self._prepared: dict[tuple[int, ...], Prepared] = {}
        self._timed: dict[tuple[int, int], Conditioning] = {}
        self._hints: dict[int, HintState] = {}

    def at(self, conditioning: Conditioning, at: Evaluation) -> Conditioning:
        """Return the prompt for an evaluation, the same object every time for a span."""
        context, options = _only(conditioning)
        spans = None if self.spans is None else spans_of(context, options)
        if spans is None or self.spans is None:
            return conditioning
        number = self.spans.number(spans, at)
        key = (id(conditioning), number)
        if key not in self._timed:
            self._timed[key] = [list(spans.part(options, number))]
        return self._timed[key]

    def prepared(self, conditionings: Sequence[Conditioning]) -> Prepared:
        """Return several prompts, stacked along the batch."""
        key = tuple(id(conditioning) for conditioning in conditionings)
        if key not in self._prepared:
            sides = [_only(conditioning) for conditioning in conditionings]
            channels = _stacked([self._channels(options) for _, options in sides])
            image = _stacked([self._image(options) for _, options in sides])
            texts = list(self._side_by_side(sides))
            contexts = tuple(self._network.prepare(text, image) for text in texts)
            controls = tuple(self._controls(sides[0][1], texts))
            self._prepared[key] = Prepared(contexts, channels, controls)
        return self._prepared[key]

    def groups(self, conditionings: Sequence[Conditioning]) -> list[list[int]]:
        """Group the numbers of prompts that can be evaluated together, as their controls match."""
        alike: dict[int, list[int]] = {}
        for number, conditioning in enumerate(conditionings):
            _, options = _only(conditioning)
            alike.setdefault(id(control_of(options)), []).append(number)
        return list(alike.values())

    def _controls(
        self, options: Mapping[str, Any], texts: Sequence[Tensor]
    ) -> Iterator[PreparedControl]:
        for steering in steerings(control_of(options)):
            yield prepared_control(self.model, steering, texts, self._hint(steering))

    def _hint(self, steering: Steering) -> HintState:
        if self.clips is None:
            raise ValueError("a ControlNet needs a state with known frames: use a video latent")
        if id(steering) not in self._hints:
            config = self.model.dit.config
            steering.network.control.check_base(config)
            self._hints[id(steering)] = steering.state(self.clips, config.patch)
        return self._hints[id(steering)]

    def _side_by_side(self, sides: Sequence[tuple[Tensor, Mapping[str, Any]]]) -> Iterator[Tensor]:
        """Stack the texts (B, S, D) of all prompts, one for all clips or one per clip."""
        each = [self._texts(*side) for side in sides]
        clips = max(map(len, each))
        spread = [texts * clips if len(texts) == 1 else texts for texts in each]
        if any(len(texts) != clips for texts in spread):
            raise ValueError(
                f"prompts for {' and for '.join(str(len(texts)) for texts in each)} clips: "
                "give as many positive as negative prompts, or one for all clips"
            )
        for texts in zip(*spread, strict=True):
            yield torch.cat(_of_one_length(texts))

    def _texts(self, context: Tensor, options: Mapping[str, Any]) -> list[Tensor]:
        texts = options.get(CLIP_TEXTS_KEY) or [context]
        for each in texts:
            check_text_width(each, self.model.dit.config.text_dim)
        return [self._rows(each) for each in texts]

    def _image(self, options: Mapping[str, Any]) -> Tensor | None:
        vision = options.get(VISION_KEY)
        image = None if vision is None else vision.penultimate_hidden_states
        check_image_context(image, self.model.dit.config.image_dim, advice=NO_VISION)
        return None if image is None else self._rows(image)

    def _channels(self, options: Mapping[str, Any]) -> Tensor | None:
        count = self.model.dit.config.in_channels - self.model.latent.channels
        if self.clips is None:
            return None
        if self.clips.layout is not None:
            check_packed(count)
        made = start_channels(options, self.clips.each[0].size, count, self.model.latent)
        return None if made is None else self._rows(made)

    def _rows(self, values: Tensor) -> Tensor:
        placed = values.to(self.model.device, self.model.dit.dtype)
        return placed.expand(self.batch, *values.shape[1:])


def _only(conditioning: Conditioning) -> tuple[Tensor, Mapping[str, Any]]:
    if len(conditioning) != 1:
        raise ValueError(
            f"a conditioning of {len(conditioning)} parts: this host takes one positive and one "
            "negative prompt; run combined or regional prompts in ComfyUI"
        )
    ((context, options),) = conditioning
    return context, options


def _stacked(parts: Sequence[Tensor | None]) -> Tensor | None:
    """Stack the images of several prompts along the batch; None if there are none."""
    there = [part for part in parts if part is not None]
    shapes = sorted({tuple(part.shape[1:]) for part in there})
    if len(shapes) > 1:
        raise ValueError(
            f"the positive and the negative prompt carry images of different shapes {shapes}: "
            "give both the same images"
        )
    return torch.cat(there) if there else None


def _of_one_length(contexts: Sequence[Tensor]) -> list[Tensor]:
    """Pad texts (B, S, D) with zeros to the longest, as the network itself would pad them."""
    longest = max(each.shape[1] for each in contexts)
    return [pad(each, (0, 0, 0, longest - each.shape[1])) for each in contexts]


def velocity(
    model: Model, x: Tensor, at: Evaluation, prepared: Prepared, hooks: BlockHooks
) -> Tensor:
    """Evaluate the network on a latent (B, C, F, H, W) or on packed tokens (B, L, D)."""
    clips = at.clips
    if clips is None:
        raise ValueError("the run does not state which clips its state holds")
    channels = None if prepared.channels is None else at.part(prepared.channels)
    steered = (*hooks.branches, *branches(model, prepared.controls, at))
    call = NetworkCall(
        model.dit,
        x.to(model.dit.dtype),
        at.levels,
        clips.pick(prepared.contexts),
        layout=clips.layout,
        loop=clips.layout is None and clips.each[0].closed,
        conditions=clips.conditions(model.dit.config.conditions, at.sigma),
        channels=channels,
        hooks=replace(hooks, branches=steered),
    )
    return ask(call)


def guided_denoiser(
    guider: Guider, batch: int, run: SamplingRun, tell: Callable[[str], None]
) -> Denoiser:
    """Build the denoiser that a solver calls: the guider's wrappers around its guided network.

    Args:
        guider: model, prompts, plan and wrappers.
        batch: rows of the state.
        run: the run that the denoiser serves.
        tell: called once if a run in one piece skips prompts over time.
    """
    spans = SpanChooser(tell) if guider.timed else None
    predict = _predict(Prompts(guider.model, batch, run.clips, spans))

    def follow(prompted: Prompted) -> RunDenoiser:
        plan, positive, negative = prompted.plan, prompted.positive, prompted.negative
        inner = guided(plan, predict, positive, negative, run.process)
        return wrapped(inner, guider.closing, run)

    further = {name: follow(each) for name, each in guider.further.items()}
    run = replace(run, further=further)
    inner = follow(guider.prompted)
    return for_solver(wrapped(inner, guider.wrappers, run), run)


def _predict(prompts: Prompts) -> Predict:
    def together(x: Tensor, at: Evaluation, conditions: Sequence[Conditioning]) -> Sequence[Tensor]:
        chosen = [prompts.at(each, at) for each in conditions]
        made: dict[int, Tensor] = {}
        for group in prompts.groups(chosen):
            rows = at.repeated(len(group))
            prepared = prompts.prepared([chosen[number] for number in group])
            result = denoised(torch.cat([x] * len(group)), rows, prepared, rows.hooks)
            made.update(zip(group, result.chunk(len(group)), strict=True))
        return [made[number] for number in range(len(chosen))]

    def changed(x: Tensor, at: Evaluation, condition: Conditioning, change: Change) -> Tensor:
        hooks = replace(at.hooks, skipped=at.hooks.skipped | change.skipped)
        if change.attention is not None:
            negatives = prompts.prepared([prompts.at(change.attention.negative, at)]).contexts
            attention = cross_attend_against(
                at.clips.pick(negatives) if at.clips else negatives,
                change.attention.guidance,
                attend,
            )
            hooks = replace(hooks, cross_attend=attention)
        return denoised(x, at, prompts.prepared([prompts.at(condition, at)]), hooks)

    def denoised(x: Tensor, at: Evaluation, prepared: Prepared, hooks: BlockHooks) -> Tensor:
        return to_denoised(x, velocity(prompts.model, x, at, prepared, hooks), at.levels)

    return predictor(together, changed)
