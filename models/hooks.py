"""Hooks that change a network from outside.

B batch, L video tokens, D width, N heads, K head dim, U distinct conditionings.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from .attention import KeysValues
from .dit.conditioning import DistinctConditions
from .patchify import TokenLayout

CrossAttend = Callable[[int, Tensor, Sequence[KeysValues], Sequence[slice]], Tensor]
"""(block, q (B,N,L,K), keys and values of each text, span of each clip) -> (B,N,L,K)."""

AroundBlock = Callable[[int, Tensor, Callable[[Tensor], Tensor]], Tensor]
"""(block, x (B,L,D), the block itself) -> (B,L,D)."""


@dataclass(frozen=True, eq=False)
class Embedded:
    """The inputs that a branch beside the blocks gets from one call of the network.

    Args:
        tokens: (B, L, C * patch volume), the state with its extra channels, in the compute dtype.
        x: (B, L, D) float32, the embedded input of block 0.
        time: (U, D) float32, the embedded levels, each with its optional inputs.
        layout: coordinates and clip of each token.
        levels: distinct noise levels and optional inputs, and the index of each token's.
        shared: rotations, spans and modulation, in the form that the network's own blocks take.
    """

    tokens: Tensor
    x: Tensor
    time: Tensor
    layout: TokenLayout
    levels: DistinctConditions
    shared: Any


Branch = Callable[[Embedded], Iterable[tuple[int, Tensor]]]
"""A network beside the blocks: yields (block, residual (B, L, D) to add after it), in block order.

Residuals are requested one by one while the blocks run, so that they are never all held at once.
"""


@dataclass(frozen=True)
class BlockHooks:
    """Changes to make at the blocks of a network.

    Args:
        residuals: block number -> (B, L, D), added to the state after that block.
        branches: yield further residuals, computed during the call from the blocks' inputs
            (ControlNet, VACE).
        skipped: blocks that pass their input through (skip-layer guidance).
        around: replaces a block and may call it (a host's replacement patches).
        cross_attend: replaces the cross-attention to the text (normalised attention guidance).
    """

    residuals: Mapping[int, Tensor] = field(default_factory=dict)
    branches: tuple[Branch, ...] = ()
    skipped: frozenset[int] = frozenset()
    around: AroundBlock | None = None
    cross_attend: CrossAttend | None = None


NO_HOOKS = BlockHooks()


class Beside:
    """Collects the residuals of one call, block by block.

    Args:
        fixed: precomputed residuals (B, L, D), by block.
        branches: the residuals of each branch, in block order.
    """

    def __init__(
        self, fixed: Mapping[int, Tensor], branches: Iterable[Iterable[tuple[int, Tensor]]]
    ) -> None:
        given = [(number, fixed[number]) for number in sorted(fixed)]
        self._sources = [iter(given), *map(iter, branches)]
        self._next = [next(source, None) for source in self._sources]

    def after(self, number: int) -> Tensor | None:
        """Sum of the residuals to add after a block, or None. Call it in block order."""
        total: Tensor | None = None
        for index, source in enumerate(self._sources):
            while (due := self._next[index]) is not None and due[0] == number:
                total = due[1] if total is None else total + due[1]
                self._next[index] = next(source, None)
        return total
