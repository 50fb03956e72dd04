"""Normalised attention guidance: a negative prompt inside the cross-attention.

B batch, N heads, L video tokens, K head width.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ...models.attention import Attention, KeysValues, attend_across
from ...models.dit.trunk import PreparedContext
from ...models.hooks import CrossAttend


@dataclass(frozen=True, kw_only=True)
class AttentionGuidance:
    """Strength of the negative prompt inside the cross-attention.

    Args:
        scale: guidance scale away from the negative prompt's attention; 1 does nothing.
        limit: maximum growth factor of a token's L1 norm.
        blend: share of the guided result.
    """

    scale: float = 5.0
    limit: float = 2.5
    blend: float = 0.25

    @property
    def acts(self) -> bool:
        """Whether the guidance has any effect."""
        return self.scale > 1 and self.blend > 0

    def __post_init__(self) -> None:
        if not (self.scale >= 1 and self.limit > 0 and 0 <= self.blend <= 1):
            raise ValueError(
                f"attention guidance {self}: use a scale of at least 1, a limit above 0 and a "
                "blend in [0, 1]"
            )


@dataclass(frozen=True, eq=False)
class NegativeAttention:
    """A condition to evaluate with another condition's attention as the negative."""

    condition: Any
    negative: Any
    guidance: AttentionGuidance


def guide_attention(positive: Tensor, negative: Tensor, guidance: AttentionGuidance) -> Tensor:
    """Combine the outputs of two cross-attentions, (B, N, L, K) each.

    g = s Z+ - (s - 1) Z-, scaled so that its L1 norm over all heads of a token is at most
    ``limit`` times that of Z+, then blended with Z+. At scale 1, or with equal inputs, it is Z+.
    Source: Chen et al., "Normalized Attention Guidance", 2025.
    """
    guided = guidance.scale * positive - (guidance.scale - 1) * negative
    size = positive.abs().sum((1, 3), keepdim=True)
    growth = guided.abs().sum((1, 3), keepdim=True) / size.clamp(min=1e-12)
    limited = guided * (growth.clamp(max=guidance.limit) / growth.clamp(min=1e-12))
    return guidance.blend * limited + (1 - guidance.blend) * positive


def cross_attend_against(
    negatives: Sequence[PreparedContext], guidance: AttentionGuidance, attention: Attention
) -> CrossAttend:
    """Make the hook that replaces the cross-attention of every block.

    Args:
        negatives: prepared negative prompts, one for all packed clips or one per clip; an image
            context in them is ignored.
        guidance: strength of the guidance.
        attention: attention implementation of the network.
    """

    def cross_attend(
        block: int, q: Tensor, texts: Sequence[KeysValues], spans: Sequence[slice]
    ) -> Tensor:
        with_positive = attend_across(attention, q, texts, spans)
        away = [negative[block].text for negative in negatives]
        with_negative = attend_across(attention, q, away, spans)
        return guide_attention(with_positive, with_negative, guidance).to(with_positive.dtype)

    return cross_attend
