"""Control over Frames, over Steps and per Layer: how strongly a ControlNet acts, and when."""

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
    """Follow pictures more closely in some frames than in others."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeControlOverFrames",
            display_name="Control over Frames",
            category=CATEGORY,
            description="Lets a ControlNet act more strongly in some frames of the video than in "
            "others, by factors at times. The curve is drawn on the node.",
            **search_words(
                "latent keyframes", "controlnet schedule", "keyframe", "batch value schedule",
                "controlnet strength", "fade",
            ),
            inputs=[
                control_input(),
                io.String.Input(
                    "keys", default="0: 1, 24: 0.3",
                    tooltip="Factors at times, with commas between them: 0: 1, 24: 0.3 acts fully "
                    "in the first frame and to 0.3 from frame 24 on.",
                ),
                io.Combo.Input(
                    "counted_in", options=list(get_args(TimeUnit)), default="frames",
                    tooltip="What the times are: frames of the finished video from 0, its seconds, "
                    "or its share from 0 for the first frame to 1 for the last.",
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
        """Refuse keys that cannot be read before the graph runs."""
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
        raise ValueError(f"keys counted in {counted_in!r}: choose one of {', '.join(UNITS)}")
    curve = read_curve(keys, interpolation)
    if curve.keys[0][0] < 0:
        raise ValueError(f"the keys {curve} begin before the video: its first frame is 0")
    if counted_in == "share" and curve.keys[-1][0] > 1:
        raise ValueError(
            f"the keys {curve} as shares of the video: 0 is its first frame and 1 its last"
        )
    return FrameCurve(curve, counted_in)


class SpacetimeControlOverSteps(io.ComfyNode):
    """Follow pictures more closely at some steps than at others."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeControlOverSteps",
            display_name="Control over Steps",
            category=CATEGORY,
            description="Lets a ControlNet act more strongly in some part of the sampling than in "
            "others. Layout and motion are decided in the first steps, detail in the last: a "
            "control that fades out leaves detail to the model.",
            **search_words(
                "timestep keyframes", "controlnet schedule", "controlnet strength", "start percent",
                "end percent", "fade out",
            ),
            inputs=[
                control_input(),
                io.Combo.Input(
                    "preset", options=[*PRESETS, CUSTOM], default=FADE_OUT,
                    tooltip="How the factor changes from the first step to the last; custom takes "
                    "the keys.",
                ),
                io.Float.Input(
                    "weakest", default=0.0, min=0.0, max=1.0, step=0.01,
                    tooltip="Factor of a preset where it is lowest. At 0 the ControlNet is not "
                    "even run, which saves its time.",
                ),
                io.String.Input(
                    "keys", default="0: 1, 0.5: 1, 0.8: 0",
                    tooltip="For custom: factors at shares of the sampling, 0 for its beginning "
                    "and 1 for its end, counted as start_percent is.",
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
        """Refuse keys that cannot be read before the graph runs."""
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
    """Let some layers of a ControlNet act more strongly than others."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeControlPerLayer",
            display_name="Control per Layer",
            category=CATEGORY,
            description="Gives every layer of a ControlNet a factor of its own. Factors that fall "
            "from layer to layer leave more to the prompt than a lower strength of all of them.",
            **search_words(
                "control weights", "soft weights", "custom controlnet weights", "layer weights",
                "block weights", "my prompt is more important",
            ),
            inputs=[
                control_input(),
                io.Combo.Input(
                    "shape", options=SHAPES, default=FALLING,
                    tooltip="falling: 1 for the first layer, multiplied by falloff from layer to "
                    "layer. rising: the same with 1 for the last layer. custom takes the factors.",
                ),
                io.Float.Input(
                    "falloff", default=0.825, min=0.0, max=1.0, step=0.005,
                    tooltip="For falling and rising: what one layer has of the next. 1 changes "
                    "nothing.",
                ),
                io.String.Input(
                    "factors", default="1, 0.8, 0.6, 0.4",
                    tooltip="For custom: one factor for each layer of the ControlNet, first to "
                    "last, with commas between them.",
                ),
            ],
            outputs=[control_output()],
            is_output_node=True,
        )  # fmt: skip

    @classmethod
    def validate_inputs(cls, shape: str | None, falloff: float | None, factors: str | None) -> Any:
        """Refuse factors that cannot be read before the graph runs."""
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
