"""Plots of luma steps over the frames, for generated clips, true clips and controls."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from ...media.plot import PlotStyle, Series, line_plot


class _Panel(NamedTuple):
    columns: Mapping[str, Sequence[float]]
    joins: tuple[int, ...]


@dataclass
class Steps:
    """Mean steps of luma into each frame, in 1/255, by table and column."""

    panels: dict[str, _Panel] = field(default_factory=dict)

    def add(
        self, title: str, columns: Mapping[str, Sequence[float]], joins: tuple[int, ...]
    ) -> None:
        """Keep the columns (F,) of a table, with the first frames after its joins."""
        self.panels[title] = _Panel(columns, joins)


def steps_plot(steps: Steps) -> Tensor:
    """Plot one panel per table, stacked: an image (H, W, 3).

    Raises:
        ValueError: no measured part has steps.
    """
    if not steps.panels:
        raise ValueError("nothing to plot: measure animate, forward, backward or connect as well")
    return torch.cat([_drawn(title, panel) for title, panel in steps.panels.items()])


def _drawn(title: str, panel: _Panel) -> Tensor:
    series = {name: Series(range(len(values)), values) for name, values in panel.columns.items()}
    style = PlotStyle(
        title=f"{title}: mean step of luma, 1/255",
        x_label="frame",
        log_y=True,
        rules=panel.joins,
        zoom=2,
    )
    return line_plot(series, style)
