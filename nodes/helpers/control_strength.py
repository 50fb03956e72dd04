"""What the nodes of control's strength share: sockets, and plots on the nodes."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ...hosts import host, io, ui
from ...hosts.control import strength_over
from ...media.plot import PlotStyle, Series, heat_map, line_plot
from ...samplers.clips import Clip
from ...samplers.control import ControlStrength
from ...samplers.curves import INTERPOLATIONS, Curve
from ...samplers.schedules.flow import percent_to_sigma
from .number_text import read_keys

CATEGORY = "Spacetime/Control"

POINTS = 240
"""Of a curve in a plot."""

MOST = 10.0
"""Of a factor, as where a ControlNet is applied."""


def control_input() -> Any:
    """A ControlNet that is not applied yet."""
    return io.ControlNet.Input(
        "control_net",
        tooltip="From Load ControlNet (Video, VACE), or from another node that sets its strength.",
    )


def control_output() -> Any:
    """The same ControlNet, which acts differently."""
    return io.ControlNet.Output(
        display_name="CONTROL_NET",
        tooltip="For Apply ControlNet, ComfyUI's or Spacetime's, or for another such node: their "
        "factors multiply, in any order.",
    )


def interpolation_input() -> Any:
    """What lies between two keys."""
    return io.Combo.Input(
        "interpolation",
        options=list(INTERPOLATIONS),
        default="linear",
        tooltip="Between two keys: linear changes evenly, ease slowly at both ends, and hold keeps "
        "a factor until the next key.",
    )


def read_curve(text: str, interpolation: Any) -> Curve:
    """A curve of factors, as it is written on a node.

    Raises:
        ValueError: it cannot be read, or a factor is out of range.
    """
    curve = Curve(read_keys(text), interpolation)
    check_factors([factor for _, factor in curve.keys])
    return curve


def check_factors(factors: Sequence[float]) -> None:
    """Refuse factors that are out of range.

    Raises:
        ValueError: one is.
    """
    wrong = [f"{factor:g}" for factor in factors if not 0 <= factor <= MOST]
    if wrong:
        raise ValueError(
            f"control factors {', '.join(wrong)}: use numbers from 0 for no control, by 1 for all "
            f"of it, to {MOST:g}"
        )


def told(cls: type[Any], control_net: Any, strength: ControlStrength, plot: Tensor) -> Any:
    """What a node answers that changes a strength: the ControlNet, and a plot (H, W, 3)."""
    made = host().models.with_strength(control_net, strength)
    return io.NodeOutput(made, ui=ui.PreviewImage(plot[None], cls=cls))


def plotted_curve(curve: Curve, end: float, label: str) -> Tensor:
    """A curve from 0 to an end, as a picture (H, W, 3)."""
    times = torch.linspace(0, end, POINTS).tolist()
    return _plotted(Series(times, [curve.at(time) for time in times]), label)


def plotted_factors(numbers: Sequence[int], factors: Sequence[float], label: str) -> Tensor:
    """Factors of numbered things, as a picture (H, W, 3)."""
    return _plotted(Series(numbers, factors), label, dots=True)


def _plotted(series: Series, label: str, *, dots: bool = False) -> Tensor:
    style = PlotStyle(
        y_label="control", x_label=label, floor=0.0, dots=dots, width=300, height=200, zoom=2
    )
    return line_plot({"": series}, style)


def strength_map(strength: ControlStrength, clip: Clip, sigmas: Tensor, shift: float) -> Tensor:
    """Mean strength over a frame's places and the branch's blocks.

    Args:
        strength: of a control.
        clip: that is sampled.
        sigmas: (n + 1,) of the schedule.
        shift: of the model's sampling.

    Returns:
        (n, F), at the beginning of each step, in each latent frame.
    """
    levels = partial(percent_to_sigma, shift=shift)
    steps = torch.tensor([strength.at(sigma, levels) for sigma in sigmas[:-1].tolist()])
    placed = strength_over(strength, clip)
    frames = torch.ones(clip.size.frames) if placed is None else placed[0].mean((1, 2))
    blocks = sum(strength.blocks) / len(strength.blocks) if strength.blocks else 1.0
    return steps[:, None] * frames * blocks


def plotted_strength(name: str, strengths: Tensor, clip: Clip, most: float) -> Tensor:
    """Strengths (n, F) of a ControlNet over steps and frames, as a picture (H, W, 3)."""
    style = PlotStyle(
        title=f"{name}: 0 (white) to {most:.3g} (blue)",
        x_label="frame", y_label="step", width=460, height=220, zoom=2,
    )  # fmt: skip
    return heat_map(strengths, _edges(clip), most, style)


def _edges(clip: Clip) -> list[float]:
    """Frames of the video at which the latent frames of a clip begin, and the end."""
    shape = clip.compression.video_shape
    counts = [
        shape(clip.size._replace(frames=number), loop=clip.loop).frames
        for number in range(clip.size.frames + 1)
    ]
    return [float(clip.coverage.start + count) for count in counts]
