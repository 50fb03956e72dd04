"""Plot Control: plot the combined strength of a prompt's ControlNets."""

from typing import Any

import torch
from torch import Tensor

from ...hosts import host, io, ui
from ...hosts.about import AboutControl
from ...hosts.control import check_pictures
from ...hosts.keys import Latent
from ...models.shapes import WAN_COMPRESSION
from ...samplers.clips import Clip, clips_of_latent
from ...samplers.schedules.model_levels import FlowLevels
from ..helpers.control_strength import CATEGORY, plotted_strength, strength_map
from ..helpers.search import search_words


class SpacetimePlotControl(io.ComfyNode):
    """Plot how strongly ControlNets act over steps and frames."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimePlotControl",
            display_name="Plot Control",
            category=CATEGORY,
            description="Plots how strongly each ControlNet of a prompt acts at every step and "
            "in every frame: strength, start and end, curves, masks and layers, all multiplied. "
            "It takes the sampler's inputs, so it finds mismatches before sampling starts.",
            **search_words(
                "controlnet schedule", "timestep keyframes", "preview control", "strength graph",
            ),
            inputs=[
                io.Conditioning.Input(
                    "conditioning",
                    tooltip="positive or negative, from the last Apply ControlNet.",
                ),
                io.Model.Input("model", tooltip="The model that the sampler uses."),
                io.Sigmas.Input("sigmas", tooltip="The schedule that the sampler uses."),
                io.Latent.Input("latent", tooltip="The latent that the sampler uses."),
            ],
            outputs=[
                io.Image.Output(
                    display_name="IMAGE",
                    tooltip="One plot for each ControlNet, the first at the top.",
                )
            ],
            is_output_node=True,
        )  # fmt: skip

    @classmethod
    def execute(
        cls, conditioning: Any, model: Any, sigmas: Tensor, latent: Latent
    ) -> io.NodeOutput:
        """Draw the plots."""
        image = plot_control(conditioning, _shift(model), sigmas, latent)[None]
        return io.NodeOutput(image, ui=ui.PreviewImage(image, cls=cls))


def plot_control(conditioning: Any, shift: float, sigmas: Tensor, latent: Latent) -> Tensor:
    """Plot the strengths of a prompt's controls, stacked vertically: (H, W, 3) in [0, 1].

    Raises:
        ValueError: there is no control, or one does not fit the latent.
    """
    if len(sigmas) < 2:
        raise ValueError(
            f"a schedule of {len(sigmas)} noise levels has no step: connect the SIGMAS of the "
            "sampler, with at least 2"
        )
    controls = host().models.controls_of(conditioning)
    if not controls:
        raise ValueError(
            "this prompt has no ControlNet: connect positive or negative from Apply ControlNet"
        )
    clips = [_clip(control, latent) for control in controls]
    pairs = list(zip(controls, clips, strict=True))
    maps = [strength_map(control.strength, clip, sigmas, shift) for control, clip in pairs]
    most = max(float(strengths.max()) for strengths in maps) or 1.0
    plots = [
        plotted_strength(control.file, strengths, clip, most)
        for (control, clip), strengths in zip(pairs, maps, strict=True)
    ]
    return torch.cat(plots)


def _clip(control: AboutControl, latent: Latent) -> Clip:
    compression = WAN_COMPRESSION if control.latent is None else control.latent.compression
    clip = clips_of_latent(latent, latent["samples"], compression).each[0]
    if control.pictures:
        check_pictures(clip, control.pictures)
    return clip


def _shift(model: Any) -> float:
    levels = host().models.noise_levels(model)
    if not isinstance(levels, FlowLevels):
        raise ValueError(
            "Plot Control needs a flow model, and this model is of another kind: connect the "
            "video model that the ControlNet belongs to"
        )
    return levels.shift


NODES: list[type[Any]] = [SpacetimePlotControl]
