"""What may be changed inside a network from outside, without the network knowing by whom.

B batch, L video tokens, D width, N heads, K head dim.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from .attention import KeysValues

CrossAttend = Callable[[int, Tensor, Sequence[KeysValues], Sequence[slice]], Tensor]
"""(block, q (B,N,L,K), keys and values of each text, span of each clip) -> (B,N,L,K)."""

AroundBlock = Callable[[int, Tensor, Callable[[Tensor], Tensor]], Tensor]
"""(block, x (B,L,D), the block itself) -> (B,L,D)."""


@dataclass(frozen=True, eq=False)
class Embedded:
    """What a branch beside the blocks is given of one call of the network.

    Args:
        x: (B, L, D) float32, the embedded input of block 0.
        contexts: what ``prepare`` made, one for all clips or one per clip.
        shared: rotations, spans and modulation, in the form that the network's own blocks take.
    """

    x: Tensor
    contexts: Sequence[Any]
    shared: Any


Branch = Callable[[Embedded], Mapping[int, Tensor]]
"""A network beside the blocks: its residuals (B, L, D) by the block after which they are added."""


@dataclass(frozen=True)
class BlockHooks:
    """What may be changed at the blocks of a network from outside.

    Args:
        residuals: block number -> (B, L, D), added to the state after that block.
        branches: give further residuals, made inside the call from what the blocks are given
            (ControlNet, VACE).
        skipped: blocks that pass their input on (skip-layer guidance).
        around: stands in for a block and may call it (a host's replacement patches).
        cross_attend: stands in for the cross-attention to the text (normalised attention guidance).
    """

    residuals: Mapping[int, Tensor] = field(default_factory=dict)
    branches: tuple[Branch, ...] = ()
    skipped: frozenset[int] = frozenset()
    around: AroundBlock | None = None
    cross_attend: CrossAttend | None = None


NO_HOOKS = BlockHooks()


def summed(parts: Sequence[Mapping[int, Tensor]]) -> Mapping[int, Tensor]:
    """Residuals of several sources, added up block by block."""
    if len(parts) == 1:
        return parts[0]
    total: dict[int, Tensor] = {}
    for residuals in parts:
        for number, added in residuals.items():
            total[number] = total[number] + added if number in total else added
    return total
