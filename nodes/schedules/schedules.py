"""Schedule, Spaced and Custom Schedule: noise levels by a rule, or as written."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from torch import Tensor

from ...hosts import io
from ...samplers.schedules.flow import flow_sigmas
from ...samplers.schedules.spacings import (
    beta_sigmas,
    exponential_sigmas,
    karras_sigmas,
    linear_quadratic_sigmas,
    listed_sigmas,
)
from ..helpers.advanced import advanced
from ..helpers.number_text import with_plain_signs
from ..helpers.refusal import refusal
from ..helpers.schedule_sockets import CATEGORY, shift_input, sigmas_output, steps_input
from ..helpers.search import search_words


class Shape(NamedTuple):
    """Parameters of the spacings; each uses those that it needs."""

    shift: float
    alpha: float
    beta: float
    threshold: float
    sigma_min: float
    sigma_max: float
    rho: float


SPACINGS: Mapping[str, Callable[[int, Shape], Tensor]] = {
    "beta": lambda steps, shape: beta_sigmas(steps, shift=shape.shift, a=shape.alpha, b=shape.beta),
    "linear-quadratic": lambda steps, shape: linear_quadratic_sigmas(
        steps, threshold=shape.threshold
    ),
    "exponential": lambda steps, shape: exponential_sigmas(
        steps, sigma_min=shape.sigma_min, sigma_max=shape.sigma_max
    ),
    "karras": lambda steps, shape: karras_sigmas(
        steps, sigma_min=shape.sigma_min, sigma_max=shape.sigma_max, rho=shape.rho
    ),
}


def _number(id: str, default: float, least: float, most: float, step: float, tooltip: str) -> Any:
    return io.Float.Input(
        id, default=default, min=least, max=most, step=step, round=False, tooltip=tooltip,
        **advanced(),
    )  # fmt: skip


class SpacetimeSchedule(io.ComfyNode):
    """Noise levels from pure noise to the finished video."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeSchedule",
            display_name="Schedule",
            category=CATEGORY,
            description="The noise levels that the sampler visits, from pure noise (1) to the "
            "finished video (0).",
            **search_words("sigmas", "scheduler", "basic scheduler", "steps", "shift"),
            inputs=[
                steps_input(
                    30, "Steps from noise to video: usually 20 to 50; more is finer and slower."
                ),
                shift_input(
                    "Above 1, more of the steps go to the noisy end, where the layout and the "
                    "motion are decided. Wan: 3 to 5 at 480p, 5 to 12 above."
                ),
            ],
            outputs=[sigmas_output("steps + 1 levels, ending in 0.")],
        )

    @classmethod
    def execute(cls, steps: int, shift: float) -> io.NodeOutput:
        """Compute the levels."""
        return io.NodeOutput(flow_sigmas(steps, shift=shift))


class SpacetimeSpacedSchedule(io.ComfyNode):
    """Noise levels spaced by a rule."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeSpacedSchedule",
            display_name="Spaced Schedule",
            category=CATEGORY,
            description="Noise levels spaced by a published rule: beta, linear-quadratic (Mochi, "
            "LTX-Video), exponential or Karras.",
            **search_words(
                "beta scheduler", "linear quadratic", "karras scheduler",
                "exponential scheduler", "sigmas",
            ),
            inputs=[
                io.Combo.Input(
                    "spacing", options=list(SPACINGS), default="beta",
                    tooltip="beta concentrates the steps at both ends, for layout and for detail; "
                    "linear-quadratic begins with many small steps; exponential and karras are for "
                    "models that are not flow models. Model Schedule knows their levels.",
                ),
                steps_input(30, "Steps from noise to video: more is finer and slower."),
                shift_input("For beta: above 1, more of the steps go to the noisy end."),
                _number(
                    "alpha", 0.6, 0.01, 50.0, 0.01,
                    "For beta: below 1 the steps concentrate at the clean end, above 1 they avoid "
                    "it.",
                ),
                _number(
                    "beta", 0.6, 0.01, 50.0, 0.01,
                    "For beta: below 1 the steps concentrate at the noisy end, above 1 they avoid "
                    "it.",
                ),
                _number(
                    "threshold", 0.025, 0.001, 0.999, 0.001,
                    "For linear-quadratic: the share of the noise that the first half of the "
                    "steps removes.",
                ),
                _number(
                    "sigma_min", 0.03, 0.0001, 5000.0, 0.01,
                    "For exponential and karras: the last level above 0. 0.03 suits flow models "
                    "and Stable Diffusion 1.5, 0.002 suits SVD.",
                ),
                _number(
                    "sigma_max", 1.0, 0.0001, 5000.0, 0.01,
                    "For exponential and karras: the first level. 1 for flow models, 14.6146 for "
                    "Stable Diffusion 1.5, 700 for SVD.",
                ),
                _number(
                    "rho", 7.0, 0.01, 100.0, 0.1,
                    "For karras: larger values put more steps at the clean end.",
                ),
            ],
            outputs=[sigmas_output()],
        )  # fmt: skip

    @classmethod
    def validate_inputs(
        cls, spacing: str | None, sigma_min: float | None, sigma_max: float | None
    ) -> Any:
        """Reject an unknown spacing and a reversed range before the graph runs."""
        return refusal(_check_spacing, spacing, sigma_min, sigma_max)

    @classmethod
    def execute(
        cls, spacing: str, steps: int, shift: float, alpha: float, beta: float,
        threshold: float, sigma_min: float, sigma_max: float, rho: float,
    ) -> io.NodeOutput:  # fmt: skip
        """Space the levels."""
        _check_spacing(spacing, sigma_min, sigma_max)
        shape = Shape(shift, alpha, beta, threshold, sigma_min, sigma_max, rho)
        return io.NodeOutput(SPACINGS[spacing](steps, shape))


def _check_spacing(spacing: str, sigma_min: float, sigma_max: float) -> None:
    if spacing not in SPACINGS:
        raise ValueError(f"unknown spacing {spacing!r}: choose one of {', '.join(SPACINGS)}")
    if spacing in ("exponential", "karras") and not 0 < sigma_min <= sigma_max:
        raise ValueError(
            f"got levels from sigma_max {sigma_max:g} down to sigma_min {sigma_min:g}: sigma_min "
            "must be above 0 and not above sigma_max"
        )


class SpacetimeCustomSchedule(io.ComfyNode):
    """Noise levels as written."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeCustomSchedule",
            display_name="Custom Schedule",
            category=CATEGORY,
            description="Noise levels that you write yourself, for a model with its own levels or "
            "for an experiment.",
            **search_words("manual sigmas", "sigmas from text", "list of sigmas", "own levels"),
            inputs=[
                io.String.Input(
                    "levels", default="1, 0.9375, 0.8333, 0.625, 0",
                    tooltip="Decreasing numbers separated by commas. Flow models go from 1 to 0; "
                    "the last 0 may be omitted.",
                )
            ],
            outputs=[sigmas_output()],
        )  # fmt: skip

    @classmethod
    def validate_inputs(cls, levels: str | None) -> Any:
        """Reject anything but a list of decreasing levels before the graph runs."""
        return refusal(_read_levels, levels)

    @classmethod
    def execute(cls, levels: str) -> io.NodeOutput:
        """Read the levels."""
        return io.NodeOutput(_read_levels(levels))


def _read_levels(text: str) -> Tensor:
    return listed_sigmas(
        [_level(part) for part in with_plain_signs(text).replace(",", " ").split()]
    )


def _level(part: str) -> float:
    try:
        return float(part)
    except ValueError as problem:
        raise ValueError(
            f"{part!r} is not a noise level: write decreasing numbers separated by commas, such as "
            "1, 0.8, 0.4, 0"
        ) from problem


NODES: list[type[Any]] = [SpacetimeSchedule, SpacetimeSpacedSchedule, SpacetimeCustomSchedule]
