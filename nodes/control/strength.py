"""Control over Frames, over Steps and per Layer: vary how strongly a ControlNet acts."""

from typing import Any, get_args

from ...hosts import host, io
from ...samplers.control import ControlStrength, FrameCurve, TimeUnit
from ...samplers.curves import Curve
from ..helpers.control_strength import (
    CATEGORY,
    MOST,
    check_factors,
    control_input,
    control_output,
    interpolation_input,
    plotted_curve,
    plotted_factors,
    read_curve,
    told,
)
from ..helpers.number_text import read_factors
from ..helpers.refusal import refusal
from ..helpers.search import search_words

UNITS: dict[TimeUnit, str] = {
    "frames": "frame",
    "seconds": "second",
    "share": "share of the video",
}
CUSTOM, CONSTANT, FADE_OUT, FADE_IN, MIDDLE = "custom", "constant", "fade out", "fade in", "middle"
PRESETS = {
    CONSTANT: ((0.0, 1.0),),
    FADE_OUT: ((0.0, 1.0), (1.0, 0.0)),
    FADE_IN: ((0.0, 0.0), (1.0, 1.0)),
    MIDDLE: ((0.0, 0.0), (0.5, 1.0), (1.0, 0.0)),
}
FALLING, RISING = "falling", "rising"
SHAPES = [FALLING, RISING, CUSTOM]


class SpacetimeControlOverFrames(io.ComfyNode):
    """Follow control images more closely in some frames than in others."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeControlOverFrames",
            display_name="Control over Frames",
            category=CATEGORY,
            description="Varies a ControlNet's strength over the frames of the video, by factors "
            "set at given times. The node shows the curve.",
            **search_words(
                "latent keyframes", "controlnet schedule", "keyframe", "batch value schedule",
                "controlnet strength", "fade",
            ),
            inputs=[
                control_input(),
                io.String.Input(
                    "keys", default="0: 1, 24: 0.3",
                    tooltip="Factors at times, separated by commas: 0: 1, 24: 0.3 starts at full "
                    "strength in the first frame, falls to 0.3 at frame 24 and stays there.",
                ),
                io.Combo.Input(
                    "counted_in", options=list(get_args(TimeUnit)), default="frames",
                    tooltip="Unit of the times: frames of the finished video counted from 0, "
                    "seconds, or share of the video, from 0 for the first frame to 1 for the "
                    "last.",
                ),
                interpolation_input(),
            ],
            outputs=[control_output()],
            is_output_node=True,
        )  # fmt: skip

    @classmethod
    def validate_inputs(
        cls, keys: str | None, counted_in: str | None, interpolation: str | None
    ) -> Any:
        """Reject unreadable keys before the graph runs."""
        return refusal(_frame_curve, keys, counted_in, interpolation)

    @classmethod
    def execute(
        cls, control_net: Any, keys: str, counted_in: TimeUnit, interpolation: str
    ) -> io.NodeOutput:
        """Multiply the strength by the curve."""
        over = _frame_curve(keys, counted_in, interpolation)
        last = over.curve.keys[-1][0]
        end = 1.0 if counted_in == "share" or last <= 0 else 1.25 * last
        plot = plotted_curve(over.curve, end, UNITS[counted_in])
        return told(cls, control_net, ControlStrength(frames=(over,)), plot)


def _frame_curve(keys: str, counted_in: TimeUnit, interpolation: str) -> FrameCurve:
    if counted_in not in UNITS:
        raise ValueError(
            f"unknown unit {counted_in!r} for counted_in: choose one of {', '.join(UNITS)}"
        )
    curve = read_curve(keys, interpolation)
    if curve.keys[0][0] < 0:
        raise ValueError(
            f"the keys {curve} begin before the video: use times of 0, its first frame, or more"
        )
    if counted_in == "share" and curve.keys[-1][0] > 1:
        raise ValueError(
            f"the keys {curve} go beyond the end of the video: as shares, use times from 0 for "
            "its first frame to 1 for its last"
        )
    return FrameCurve(curve, counted_in)


class SpacetimeControlOverSteps(io.ComfyNode):
    """Follow control images more closely at some steps than at others."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeControlOverSteps",
            display_name="Control over Steps",
            category=CATEGORY,
            description="Varies a ControlNet's strength over the sampling. The first steps "
            "decide layout and motion, the last steps detail: a control that fades out leaves "
            "the detail to the model.",
            **search_words(
                "timestep keyframes", "controlnet schedule", "controlnet strength", "start percent",
                "end percent", "fade out",
            ),
            inputs=[
                control_input(),
                io.Combo.Input(
                    "preset", options=[*PRESETS, CUSTOM], default=FADE_OUT,
                    tooltip="How the factor changes from the first step to the last; custom uses "
                    "keys.",
                ),
                io.Float.Input(
                    "weakest", default=0.0, min=0.0, max=1.0, step=0.01,
                    tooltip="Lowest factor of the preset. At 0 the ControlNet is not run, which "
                    "saves its time.",
                ),
                io.String.Input(
                    "keys", default="0: 1, 0.5: 1, 0.8: 0",
                    tooltip="For custom: factors at shares of the sampling, from 0 for its "
                    "beginning to 1 for its end, counted like start_percent.",
                ),
                interpolation_input(),
            ],
            outputs=[control_output()],
            is_output_node=True,
        )  # fmt: skip

    @classmethod
    def validate_inputs(
        cls, preset: str | None, weakest: float | None, keys: str | None, interpolation: str | None
    ) -> Any:
        """Reject unreadable keys before the graph runs."""
        return refusal(_step_strength, preset, weakest, keys, interpolation)

    @classmethod
    def execute(
        cls, control_net: Any, preset: str, weakest: float, keys: str, interpolation: str
    ) -> io.NodeOutput:
        """Multiply the strength by the curve."""
        strength = _step_strength(preset, weakest, keys, interpolation)
        plot = plotted_curve(strength.steps[0], 1.0, "share of the sampling")
        return told(cls, control_net, strength, plot)


def _step_strength(preset: str, weakest: float, keys: str, interpolation: Any) -> ControlStrength:
    if preset == CUSTOM:
        return ControlStrength(steps=(read_curve(keys, interpolation),))
    if preset not in PRESETS:
        raise ValueError(
            f"unknown preset {preset!r}: choose one of {', '.join((*PRESETS, CUSTOM))}"
        )
    check_factors([weakest])
    levels = tuple((at, weakest + (1 - weakest) * level) for at, level in PRESETS[preset])
    return ControlStrength(steps=(Curve(levels, interpolation),))


class SpacetimeControlPerLayer(io.ComfyNode):
    """Weight the layers of a ControlNet separately."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeControlPerLayer",
            display_name="Control per Layer",
            category=CATEGORY,
            description="Gives each layer of a ControlNet its own factor. Factors that fall from "
            "layer to layer leave more to the prompt than a lower strength for all layers.",
            **search_words(
                "control weights", "soft weights", "custom controlnet weights", "layer weights",
                "block weights", "my prompt is more important",
            ),
            inputs=[
                control_input(),
                io.Combo.Input(
                    "shape", options=SHAPES, default=FALLING,
                    tooltip="falling: 1 for the first layer, multiplied by falloff from layer to "
                    "layer. rising: the reverse, with 1 for the last layer. custom uses factors.",
                ),
                io.Float.Input(
                    "falloff", default=0.825, min=0.0, max=1.0, step=0.005,
                    tooltip="For falling and rising: the ratio between neighbouring layers. 1 "
                    "changes nothing.",
                ),
                io.String.Input(
                    "factors", default="1, 0.8, 0.6, 0.4",
                    tooltip="For custom: one factor for each layer of the ControlNet, first to "
                    "last, separated by commas.",
                ),
            ],
            outputs=[control_output()],
            is_output_node=True,
        )  # fmt: skip

    @classmethod
    def validate_inputs(cls, shape: str | None, falloff: float | None, factors: str | None) -> Any:
        """Reject unreadable factors before the graph runs."""
        return refusal(_check_shape, shape, falloff, factors)

    @classmethod
    def execute(cls, control_net: Any, shape: str, falloff: float, factors: str) -> io.NodeOutput:
        """Multiply the layers' strengths by the factors."""
        _check_shape(shape, falloff, factors)
        after = host().models.about_control(control_net).after
        chosen = _layers(shape, falloff, factors, len(after))
        strength = ControlStrength(blocks=chosen)
        strength.of_blocks(len(after))
        return told(
            cls, control_net, strength, plotted_factors(after, chosen, "block of the model")
        )


def _layers(shape: str, falloff: float, factors: str, count: int) -> tuple[float, ...]:
    if shape == CUSTOM:
        return read_factors(factors)
    powers = tuple(falloff**number for number in range(count))
    return powers if shape == FALLING else powers[::-1]


def _check_shape(shape: str, falloff: float, factors: str) -> None:
    if shape not in SHAPES:
        raise ValueError(f"unknown shape {shape!r}: choose one of {', '.join(SHAPES)}")
    check_factors(read_factors(factors) if shape == CUSTOM else [falloff])
    if shape == CUSTOM and not read_factors(factors):
        raise ValueError(
            f"no factors: write one for each layer, from 0 to {MOST:g}, such as 1, 0.8, 0.5"
        )


NODES: list[type[Any]] = [
    SpacetimeControlOverFrames,
    SpacetimeControlOverSteps,
    SpacetimeControlPerLayer,
]
