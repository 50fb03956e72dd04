"""Network calls that several runs make together: evaluations, and prompts to encode.

A run's result does not depend on the other runs: clips are rows of one batch, and only values that
a call has once per batch, such as noise levels, have to be equal.

B batch, C channels, F frames, H rows, W columns, L tokens, D features, S text tokens.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import torch
from torch import Tensor

from ...model_loaders.prompts import Prompt
from ...model_loaders.text import TextEncoder
from ...model_loaders.tokenizer import EOS
from ...models.attention import KeysValues
from ...models.dit.blocks import Context
from ...models.dit.network import VideoDiT
from ...models.dit.trunk import PreparedContext
from ...models.hooks import NO_HOOKS, BlockHooks
from ...models.patchify import TokenLayout

TEXT, EVALUATION = range(2)
"""Stages: a run whose prompt is cached waits for the runs that still encode theirs."""

MOST_STACKED = 4
"""Stacked sets of prompts to keep, one for each group of runs at a common noise level."""


@dataclass(frozen=True, eq=False)
class NetworkCall:
    """One evaluation of a transformer, see ``VideoNetwork``.

    Calls with the same network, shape, layout, level and conditions run together as one batch,
    unless their hooks do more than skip blocks.
    """

    network: VideoDiT
    x: Tensor
    levels: Tensor
    contexts: Sequence[PreparedContext]
    layout: TokenLayout | None = None
    loop: bool = False
    conditions: Mapping[str, Tensor] = field(default_factory=dict[str, Tensor])
    channels: Tensor | None = None
    hooks: BlockHooks = NO_HOOKS
    stage: int = EVALUATION

    @property
    def kind(self) -> Hashable | None:
        """Key that calls must share to run together; None for a call that runs alone."""
        hooks = self.hooks
        if hooks.residuals or hooks.branches or hooks.around or hooks.cross_attend:
            return None
        return (
            *(id(self.network), self.x.shape, self.x.dtype, self.loop, hooks.skipped),
            *(_values(self.levels), None if self.layout is None else _places(self.layout)),
            *((name, _values(value)) for name, value in self.conditions.items()),
            *(None if self.channels is None else self.channels.shape,),
            *(_shapes(context[0]) for context in self.contexts),
        )

    @property
    def size(self) -> int:
        """Number of tokens in all rows."""
        if self.layout is not None:
            return self.x.shape[0] * self.x.shape[1]
        return self.x.shape[0] * prod(self.x.shape[2:]) // prod(self.network.config.patch)

    def alone(self) -> Tensor:
        """Return the velocity, in the shape of the state."""
        return self._velocity(self.x, self.contexts, self.channels)

    def together(
        self, questions: Sequence["NetworkCall"], kept: dict[Hashable, Any]
    ) -> Sequence[Tensor]:
        """Return the velocities of all calls, from one batch."""
        channels = [each.channels for each in questions if each.channels is not None]
        made = self._velocity(
            torch.cat([each.x for each in questions]),
            _side_by_side([each.contexts for each in questions], kept),
            torch.cat(channels) if channels else None,
        )
        return made.split(len(self.x))

    def _velocity(
        self, x: Tensor, contexts: Sequence[PreparedContext], channels: Tensor | None
    ) -> Tensor:
        return self.network(
            x,
            self.levels,
            contexts,
            layout=self.layout,
            loop=self.loop,
            conditions=self.conditions,
            channels=channels,
            hooks=self.hooks,
        )


def _values(tensor: Tensor) -> Hashable:
    return tensor.shape, tensor.detach().float().cpu().numpy().tobytes()


def _places(layout: TokenLayout) -> Hashable:
    return layout.lengths, layout.loop_frames, _values(layout.coordinates)


def _shapes(context: Context) -> Hashable:
    image = None if context.image is None else context.image[0].shape
    return context.text[0].shape, context.text[0].dtype, image


def _side_by_side(
    contexts: Sequence[Sequence[PreparedContext]], kept: dict[Hashable, Any]
) -> Sequence[PreparedContext]:
    """Stack the prepared prompts of several calls along the batch, per clip and per block."""
    key = tuple(id(each) for those in contexts for each in those)
    if key not in kept:
        while len(kept) >= MOST_STACKED:
            del kept[next(iter(kept))]
        made = [
            tuple(map(_stacked, zip(*each, strict=True))) for each in zip(*contexts, strict=True)
        ]
        kept[key] = contexts, made  # holding the contexts keeps their ids valid
    return kept[key][1]


def _stacked(contexts: Sequence[Context]) -> Context:
    images = [each.image for each in contexts if each.image is not None]
    return Context(_joined([each.text for each in contexts]), _joined(images) if images else None)


def _joined(pairs: Sequence[KeysValues]) -> KeysValues:
    keys, values = zip(*pairs, strict=True)
    return torch.cat(keys), torch.cat(values)


@dataclass(frozen=True, eq=False)
class EncodedPrompt:
    """A prompt for a text encoder; prompts of equal length without weights are encoded together."""

    encoder: TextEncoder
    prompt: Prompt
    stage: int = TEXT

    @property
    def kind(self) -> Hashable | None:
        """Key that prompts must share to be encoded together; None for one encoded alone.

        Prompts of one or two tokens are encoded alone: products of so few rows differ in rounding.
        """
        tokens = [token for token, _ in self.prompt.tokens]
        is_plain = all(weight == 1 for _, weight in self.prompt.tokens)
        return (id(self.encoder), len(tokens), self.size) if is_plain and self.size > 2 else None

    @property
    def size(self) -> int:
        """Number of tokens up to the end of the text."""
        return 1 + [token for token, _ in self.prompt.tokens].index(EOS)

    def alone(self) -> Tensor:
        """Encode this prompt to (1, S, D) in float32."""
        return self.encoder.encode_prompt(self.prompt)

    def together(
        self, questions: Sequence["EncodedPrompt"], kept: dict[Hashable, Any]
    ) -> Sequence[Tensor]:
        """Encode several prompts, to (1, S, D) each."""
        made = self.encoder.encode_plain([each.prompt for each in questions])
        return made.split(1)
