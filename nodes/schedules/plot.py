"""Schedule Plot: plot noise levels against steps as an image."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from ...hosts import io, ui
from ...media.plot import PlotStyle, Series, line_plot
from ..helpers.advanced import advanced
from ..helpers.number_text import with_plain_signs
from ..helpers.refusal import refusal
from ..helpers.schedule_sockets import CATEGORY
from ..helpers.search import search_words

MOST_CURVES = 4
AUTO, LINEAR, LOGARITHMIC = "auto", "linear", "logarithmic"
SCALES = (AUTO, LINEAR, LOGARITHMIC)


def _further(number: int) -> Any:
    return io.Sigmas.Input(
        f"sigmas_{number}", optional=True, tooltip="Another schedule to compare."
    )


class SpacetimeSchedulePlot(io.ComfyNode):
    """Plot schedules as curves."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeSchedulePlot",
            display_name="Schedule Plot",
            category=CATEGORY,
            description="Plots up to four schedules as curves, noise level against step, with a "
            "dot for each level.",
            **search_words("sigmas graph", "plot sigmas", "curve", "preview sigmas", "compare"),
            inputs=[
                io.Sigmas.Input("sigmas", tooltip="The schedule to draw, from any schedule node."),
                io.String.Input(
                    "labels", default="",
                    tooltip="Names of the curves, separated by commas; if empty, sigmas, sigmas_2 "
                    "and so on.",
                ),
                io.Combo.Input(
                    "scale", options=list(SCALES), default=AUTO,
                    **advanced(),
                    tooltip="Scale of the noise levels. auto: linear for flow models, logarithmic "
                    "if a level is above 1. A logarithmic scale does not show the last level, 0.",
                ),
                *(_further(number) for number in range(2, MOST_CURVES + 1)),
            ],
            outputs=[io.Image.Output(display_name="IMAGE", tooltip="The plot.")],
            is_output_node=True,
        )  # fmt: skip

    @classmethod
    def validate_inputs(cls, labels: str | None, scale: str | None) -> Any:
        """Reject more names than curves and an unknown scale before the graph runs."""
        return refusal(_check, labels, scale)

    @classmethod
    def execute(
        cls, sigmas: Tensor, labels: str, scale: str,
        sigmas_2: Tensor | None = None, sigmas_3: Tensor | None = None,
        sigmas_4: Tensor | None = None,
    ) -> io.NodeOutput:  # fmt: skip
        """Draw the curves."""
        _check(labels, scale)
        given = (sigmas, sigmas_2, sigmas_3, sigmas_4)
        curves = _named(given, _read_labels(labels))
        image = plot_schedules(curves, logarithmic=_is_logarithmic(scale, curves))[None]
        return io.NodeOutput(image, ui=ui.PreviewImage(image, cls=cls))


def plot_schedules(curves: Mapping[str, Sequence[float]], *, logarithmic: bool) -> Tensor:
    """Draw levels against steps, large enough to read on a node: (H, W, 3) in [0, 1]."""
    style = PlotStyle(
        title="noise level", x_label="step", log_y=logarithmic, dots=True,
        width=300, height=230, zoom=3,
    )  # fmt: skip
    series = {name: Series(range(len(levels)), levels) for name, levels in curves.items()}
    return line_plot(series, style)


def _read_labels(text: str) -> list[str]:
    return [label.strip() for label in with_plain_signs(text).split(",")]


def _check(labels: str, scale: str) -> None:
    count = len(_read_labels(labels))
    if count > MOST_CURVES:
        raise ValueError(f"{count} labels for up to {MOST_CURVES} schedules: {labels!r}")
    if scale not in SCALES:
        raise ValueError(f"unknown scale {scale!r}: choose one of {', '.join(SCALES)}")


def _named(given: Sequence[Tensor | None], labels: Sequence[str]) -> dict[str, list[float]]:
    """Connected schedules by name; each label belongs to the input at its position."""
    curves: dict[str, list[float]] = {}
    for number, sigmas in enumerate(given, start=1):
        socket = "sigmas" if number == 1 else f"sigmas_{number}"
        label = (labels[number - 1] if number <= len(labels) else "") or socket
        if sigmas is not None:
            curves[f"{label} ({number})" if label in curves else label] = sigmas.tolist()
    return curves


def _is_logarithmic(scale: str, curves: Mapping[str, Sequence[float]]) -> bool:
    highest = max((level for levels in curves.values() for level in levels), default=0.0)
    return scale == LOGARITHMIC or (scale == AUTO and highest > 1)


NODES: list[type[Any]] = [SpacetimeSchedulePlot]
