"""Questions to networks that several runs ask together: evaluations, and prompts to encode.

Nothing of an answer depends on who else has asked: clips are rows of one batch, and only what a
call has once per batch, such as noise levels, has to be equal.

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
"""Stages: a run whose prompt was kept waits for those that have theirs encoded."""

MOST_STACKED = 4
"""Sets of prompts that are kept side by side: of as many runs as wait for each other's levels."""


@dataclass(frozen=True, eq=False)
class NetworkCall:
    """One evaluation of a transformer, see ``VideoNetwork``.

    Those of one network, shape, layout, level and set of conditions are made together, as one
    batch, unless hooks change something else than which blocks are skipped.
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
        """What has to be equal."""
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
        """Tokens of all rows."""
        if self.layout is not None:
            return self.x.shape[0] * self.x.shape[1]
        return self.x.shape[0] * prod(self.x.shape[2:]) // prod(self.network.config.patch)

    def alone(self) -> Tensor:
        """The velocity, in the shape of the state."""
        return self._velocity(self.x, self.contexts, self.channels)

    def together(
        self, questions: Sequence["NetworkCall"], kept: dict[Hashable, Any]
    ) -> Sequence[Tensor]:
        """The velocities of all, from one batch."""
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
    """The prepared prompts of several calls along one batch, clip by clip and block by block."""
    key = tuple(id(each) for those in contexts for each in those)
    if key not in kept:
        while len(kept) >= MOST_STACKED:
            del kept[next(iter(kept))]
        made = [
            tuple(map(_stacked, zip(*each, strict=True))) for each in zip(*contexts, strict=True)
        ]
        kept[key] = contexts, made  # those that are held keep their ids
    return kept[key][1]


def _stacked(contexts: Sequence[Context]) -> Context:
    images = [each.image for each in contexts if each.image is not None]
    return Context(_joined([each.text for each in contexts]), _joined(images) if images else None)


def _joined(pairs: Sequence[KeysValues]) -> KeysValues:
    keys, values = zip(*pairs, strict=True)
    return torch.cat(keys), torch.cat(values)


@dataclass(frozen=True, eq=False)
class EncodedPrompt:
    """A prompt for a text encoder; plain ones of one length are encoded together."""

    encoder: TextEncoder
    prompt: Prompt
    stage: int = TEXT

    @property
    def kind(self) -> Hashable | None:
        """What has to be equal. Few tokens are alone: a product of one or two rows is another."""
        tokens = [token for token, _ in self.prompt.tokens]
        is_plain = all(weight == 1 for _, weight in self.prompt.tokens)
        return (id(self.encoder), len(tokens), self.size) if is_plain and self.size > 2 else None

    @property
    def size(self) -> int:
        """Tokens up to the end of the text."""
        return 1 + [token for token, _ in self.prompt.tokens].index(EOS)

    def alone(self) -> Tensor:
        """(1, S, D) in float32."""
        return self.encoder.encode_prompt(self.prompt)

    def together(
        self, questions: Sequence["EncodedPrompt"], kept: dict[Hashable, Any]
    ) -> Sequence[Tensor]:
        """(1, S, D) each."""
        made = self.encoder.encode_plain([each.prompt for each in questions])
        return made.split(1)
