"""Plot of how well hints are followed at each strength."""

from torch import Tensor

from ...media.plot import PlotStyle, Series, line_plot
from .tasks import Adherence


def strength_plot(swept: Adherence) -> Tensor:
    """Plot a line for every kind of hint: an image (H, W, 3).

    Raises:
        ValueError: no strength was swept.
    """
    if not swept.lines:
        raise ValueError("nothing to plot: measure strength as well")
    style = PlotStyle(
        title="how well hints are followed, %", x_label="strength of control", dots=True,
        low_legend=True,
    )  # fmt: skip
    series = {title: Series(list(line), list(line.values())) for title, line in swept.lines.items()}
    return line_plot(series, style)
