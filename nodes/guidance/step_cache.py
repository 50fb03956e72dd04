"""Step Cache: skip model evaluations whose result can be predicted."""

from typing import Any

from ...hosts import io
from ...samplers.guidance.step_cache import StepCache
from ..helpers.advanced import advanced
from ..helpers.guiders import guider_input, guider_output, with_changes
from ..helpers.refusal import refusal
from ..helpers.search import search_words


class SpacetimeStepCache(io.ComfyNode):
    """Skip evaluations that would change little."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeStepCache",
            display_name="Step Cache",
            category="Spacetime/Guidance",
            description="Skips model evaluations whose result can be predicted from the previous "
            "ones (EasyCache): faster, with a slightly different result. For models that take "
            "many steps; few-step models leave nothing to skip.",
            **search_words("easycache", "teacache", "magcache", "speed up", "faster sampling"),
            inputs=[
                guider_input(),
                io.Float.Input(
                    "threshold",
                    default=0.05,
                    min=0.0,
                    max=1.0,
                    step=0.005,
                    tooltip="Error budget: how much the model's output may change, relative to "
                    "its size, before the model is evaluated again. 0 skips nothing and gives a "
                    "bit-identical result, 0.05 is careful, 0.1 faster, 0.2 visible.",
                ),
                io.Float.Input(
                    "start",
                    default=0.1,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    **advanced(),
                    tooltip="Share of the steps, from 0 to 1, before which nothing is skipped: "
                    "the first steps decide layout and motion.",
                ),
                io.Float.Input(
                    "end",
                    default=0.95,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    **advanced(),
                    tooltip="Share of the steps, from 0 to 1, after which nothing is skipped: "
                    "the last steps finish the detail.",
                ),
            ],
            outputs=[guider_output()],
        )

    @classmethod
    def validate_inputs(
        cls, threshold: float | None, start: float | None, end: float | None
    ) -> Any:
        """Reject invalid or reversed shares before the graph runs."""
        return refusal(_cache, threshold, start, end)

    @classmethod
    def execute(cls, guider: Any, threshold: float, start: float, end: float) -> io.NodeOutput:
        """Set the error budget."""
        return io.NodeOutput(with_changes(guider, cache=_cache(threshold, start, end)))


def _cache(threshold: float, start: float, end: float) -> StepCache:
    return StepCache(threshold=threshold, start=start, end=end)


NODES: list[type[Any]] = [SpacetimeStepCache]
