"""Sockets and plots shared by the nodes that set a ControlNet's strength."""

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
"""Points of a curve in a plot."""

MOST = 10.0
"""Highest factor, as in the nodes that apply a ControlNet."""


def control_input() -> Any:
    """Input for a ControlNet that is not applied yet."""
    return io.ControlNet.Input(
        "control_net",
        tooltip="From Load ControlNet (Video, VACE), or from another node that sets its strength.",
    )


def control_output() -> Any:
    """Output for the same ControlNet with another strength."""
    return io.ControlNet.Output(
        display_name="CONTROL_NET",
        tooltip="For Apply ControlNet (ComfyUI's or Spacetime's), or for another node of this "
        "kind: their factors multiply, in any order.",
    )


def interpolation_input() -> Any:
    """Input for the interpolation between two keys."""
    return io.Combo.Input(
        "interpolation",
        options=list(INTERPOLATIONS),
        default="linear",
        tooltip="Between two keys: linear changes evenly, ease slows at both ends, hold keeps a "
        "factor until the next key.",
    )


def read_curve(text: str, interpolation: Any) -> Curve:
    """Read a curve of factors as written on a node.

    Raises:
        ValueError: it cannot be read, or a factor is out of range.
    """
    curve = Curve(read_keys(text), interpolation)
    check_factors([factor for _, factor in curve.keys])
    return curve


def check_factors(factors: Sequence[float]) -> None:
    """Reject factors that are out of range.

    Raises:
        ValueError: a factor is out of range.
    """
    wrong = [f"{factor:g}" for factor in factors if not 0 <= factor <= MOST]
    if wrong:
        raise ValueError(
            f"control factors {', '.join(wrong)}: use numbers from 0 (no control) to {MOST:g}; 1 "
            "is full control"
        )


def told(cls: type[Any], control_net: Any, strength: ControlStrength, plot: Tensor) -> Any:
    """Return a node's output after it changed a strength: the ControlNet and a plot (H, W, 3)."""
    made = host().models.with_strength(control_net, strength)
    return io.NodeOutput(made, ui=ui.PreviewImage(plot[None], cls=cls))


def plotted_curve(curve: Curve, end: float, label: str) -> Tensor:
    """Plot a curve from 0 to ``end`` as an image (H, W, 3)."""
    times = torch.linspace(0, end, POINTS).tolist()
    return _plotted(Series(times, [curve.at(time) for time in times]), label)


def plotted_factors(numbers: Sequence[int], factors: Sequence[float], label: str) -> Tensor:
    """Plot factors over numbered items as an image (H, W, 3)."""
    return _plotted(Series(numbers, factors), label, dots=True)


def _plotted(series: Series, label: str, *, dots: bool = False) -> Tensor:
    style = PlotStyle(
        y_label="control", x_label=label, floor=0.0, dots=dots, width=300, height=200, zoom=2
    )
    return line_plot({"": series}, style)


def strength_map(strength: ControlStrength, clip: Clip, sigmas: Tensor, shift: float) -> Tensor:
    """Average a strength over the places of each frame and over the branch's blocks.

    Args:
        strength: of a control.
        clip: to sample.
        sigmas: (n + 1,) of the schedule.
        shift: of the model's sampling.

    Returns:
        (n, F): at the beginning of each step, in each latent frame.
    """
    levels = partial(percent_to_sigma, shift=shift)
    steps = torch.tensor([strength.at(sigma, levels) for sigma in sigmas[:-1].tolist()])
    placed = strength_over(strength, clip)
    frames = torch.ones(clip.size.frames) if placed is None else placed[0].mean((1, 2))
    blocks = sum(strength.blocks) / len(strength.blocks) if strength.blocks else 1.0
    return steps[:, None] * frames * blocks


def plotted_strength(name: str, strengths: Tensor, clip: Clip, most: float) -> Tensor:
    """Plot a ControlNet's strengths (n, F) over steps and frames as an image (H, W, 3)."""
    style = PlotStyle(
        title=f"{name}: 0 (white) to {most:.3g} (blue)",
        x_label="frame", y_label="step", width=460, height=220, zoom=2,
    )  # fmt: skip
    return heat_map(strengths, _edges(clip), most, style)


def _edges(clip: Clip) -> list[float]:
    """Video frames at which the latent frames of a clip begin, and the end of the clip."""
    shape = clip.compression.video_shape
    counts = [
        shape(clip.size._replace(frames=number), loop=clip.loop).frames
        for number in range(clip.size.frames + 1)
    ]
    return [float(clip.coverage.start + count) for count in counts]
