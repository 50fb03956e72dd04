"""Shift for Size and Stretch to Terminal: fit flow schedules to the clip and the model."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from torch import Tensor

from ...hosts import io
from ...models.shapes import LatentShape
from ...samplers.schedules.shifts import (
    FLUX_ANCHORS,
    LTX_ANCHORS,
    LTX_TERMINAL,
    area_shift,
    exponential_shift,
    length_shift,
    stretch_to_terminal,
)
from ..helpers.advanced import advanced
from ..helpers.refusal import refusal
from ..helpers.schedule_sockets import CATEGORY, sigmas_output
from ..helpers.search import search_words

WAN_TOKENS = 32760
"""Tokens of 81 frames of 832 x 480 pixels in Wan 2.1, whose shift is 3."""


class Reference(NamedTuple):
    """A size in tokens whose shift is known."""

    tokens: int
    shift: float


class Rule(NamedTuple):
    """A published rule: latent positions per token along each side, and the shift."""

    patch: int
    shift: Callable[[LatentShape, Reference], float]


RULES: Mapping[str, Rule] = {
    "area": Rule(
        2,
        lambda tokens, known: area_shift(
            _count(tokens), reference_tokens=known.tokens, reference_shift=known.shift
        ),
    ),
    "flux": Rule(2, lambda tokens, _: exponential_shift(_count(tokens), FLUX_ANCHORS)),
    "ltx": Rule(1, lambda tokens, _: exponential_shift(_count(tokens), LTX_ANCHORS)),
    "open-sora": Rule(
        2, lambda tokens, _: length_shift(tokens.height * tokens.width, tokens.frames)
    ),
}


class SpacetimeShiftForSize(io.ComfyNode):
    """Compute the shift that suits a clip's size and length."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeShiftForSize",
            display_name="Shift for Size",
            category=CATEGORY,
            description="Computes the shift that suits the size and length of a clip: larger and "
            "longer clips need more of their steps at the noisy end.",
            **search_words(
                "resolution shift", "dynamic shift", "model sampling flux", "ltxv scheduler", "mu"
            ),
            inputs=[
                io.Latent.Input("latent", tooltip="The clip to generate, from Empty Video."),
                io.Combo.Input(
                    "rule", options=list(RULES), default="area",
                    tooltip="area: scales a shift known for one size to this one, for Wan and "
                    "others. flux: by the tokens of an image. ltx: LTX-Video. open-sora: by the "
                    "area and the root of the length.",
                ),
                io.Int.Input(
                    "reference_tokens", default=WAN_TOKENS, min=1, max=10_000_000,
                    **advanced(),
                    tooltip="For area: tokens of a clip whose shift is known; this node counts "
                    "them for any latent. 32760 is 81 frames of 832 x 480 with Wan.",
                ),
                io.Float.Input(
                    "reference_shift", default=3.0, min=0.01, max=100.0, step=0.1,
                    **advanced(),
                    tooltip="For area: the shift known for that clip.",
                ),
            ],
            outputs=[
                io.Float.Output(
                    display_name="shift",
                    tooltip="For the shift input of Schedule and other schedules.",
                ),
                io.Int.Output(
                    display_name="tokens", tooltip="Tokens of the clip, as the rule counts them."
                ),
            ],
        )  # fmt: skip

    @classmethod
    def validate_inputs(cls, rule: str | None) -> Any:
        """Reject an unknown rule before the graph runs."""
        return refusal(_rule, rule)

    @classmethod
    def execute(
        cls, latent: Mapping[str, Any], rule: str, reference_tokens: int, reference_shift: float
    ) -> io.NodeOutput:
        """Count the tokens and compute their shift."""
        chosen = _rule(rule)
        tokens = _tokens(latent["samples"], chosen.patch)
        known = Reference(reference_tokens, reference_shift)
        return io.NodeOutput(chosen.shift(tokens, known), _count(tokens))


def _rule(name: str) -> Rule:
    if name not in RULES:
        raise ValueError(f"unknown rule {name!r}: choose one of {', '.join(RULES)}")
    return RULES[name]


def _tokens(samples: Tensor, patch: int) -> LatentShape:
    """Tokens of a clip along its axes; incomplete patches count as one."""
    if samples.ndim != 5:
        raise ValueError(
            f"a latent of shape {tuple(samples.shape)} is not a video latent (batch, channels, "
            "frames, rows, columns): use Empty Video or Encode Video"
        )
    frames, height, width = samples.shape[2:]
    return LatentShape(frames, -(-height // patch), -(-width // patch))


def _count(tokens: LatentShape) -> int:
    return tokens.frames * tokens.height * tokens.width


class SpacetimeStretchSchedule(io.ComfyNode):
    """Stretch a flow schedule so that its levels end higher above 0."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeStretchSchedule",
            display_name="Stretch to Terminal",
            category=CATEGORY,
            description="Stretches a flow schedule so that its last level above 0 has a given "
            "value, as LTX-Video 0.9.0 and 0.9.1 need.",
            **search_words("ltxv scheduler", "terminal", "stretch", "shift terminal"),
            inputs=[
                io.Sigmas.Input("sigmas", tooltip="A complete schedule of a flow model."),
                io.Float.Input(
                    "terminal", default=LTX_TERMINAL, min=0.001, max=0.99, step=0.01,
                    tooltip="The last level above 0; 0.1 for LTX-Video.",
                ),
            ],
            outputs=[sigmas_output("The same number of levels, stretched; a single step stays "
            "unchanged.")],
        )  # fmt: skip

    @classmethod
    def execute(cls, sigmas: Tensor, terminal: float) -> io.NodeOutput:
        """Stretch the levels."""
        return io.NodeOutput(stretch_to_terminal(sigmas, terminal))


NODES: list[type[Any]] = [SpacetimeShiftForSize, SpacetimeStretchSchedule]
