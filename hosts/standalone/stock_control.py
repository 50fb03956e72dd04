"""ComfyUI's own ControlNet nodes for the standalone host: same ids, inputs and outputs."""

from torch import Tensor

from ...model_loaders.load import read_control
from ...samplers.control import ControlStrength
from .. import host
from ..control import NO_VAE, with_control
from ..keys import Conditioning
from . import io
from .control import ControlNet
from .preview import LoadedVAE
from .stock_loaders import file_input, known

FOLDER = "controlnet"


class ControlNetLoader(io.ComfyNode):
    """Loads a ControlNet file as a CONTROL_NET."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """As in ComfyUI."""
        return io.Schema(
            node_id="ControlNetLoader",
            display_name="Load ControlNet Model",
            category="loaders",
            inputs=[file_input("control_net_name", FOLDER, "a ControlNet for a video model")],
            outputs=[io.ControlNet.Output()],
        )

    @classmethod
    def validate_inputs(cls, control_net_name: str | None) -> bool | str:
        """Reject a missing file or one of another kind, going by its header."""
        return known("control_net_name", FOLDER, FOLDER, control_net_name, included="")

    @classmethod
    def execute(cls, control_net_name: str) -> io.NodeOutput:
        """Read the file."""
        weights = read_control(host().files.model_path(FOLDER, control_net_name))
        return io.NodeOutput(host().models.make_control(weights, dtype="auto"))


class ControlNetApplyAdvanced(io.ComfyNode):
    """Makes prompts follow control images."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """As in ComfyUI."""
        return io.Schema(
            node_id="ControlNetApplyAdvanced",
            display_name="Apply ControlNet",
            category="conditioning/controlnet",
            inputs=[
                io.Conditioning.Input("positive", tooltip="What to show."),
                io.Conditioning.Input("negative", tooltip="What to avoid."),
                io.ControlNet.Input("control_net", tooltip="The ControlNet."),
                io.Image.Input("image", tooltip="Images to follow, one per frame."),
                io.Float.Input(
                    "strength",
                    default=1.0,
                    min=0.0,
                    max=10.0,
                    step=0.01,
                    tooltip="How closely the images are followed.",
                ),
                io.Float.Input(
                    "start_percent",
                    default=0.0,
                    min=0.0,
                    max=1.0,
                    step=0.001,
                    tooltip="Share of sampling at which control begins.",
                ),
                io.Float.Input(
                    "end_percent",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.001,
                    tooltip="Share of sampling at which control ends.",
                ),
                io.Vae.Input("vae", optional=True, tooltip="Encodes the images."),
            ],
            outputs=[
                io.Conditioning.Output(display_name="positive"),
                io.Conditioning.Output(display_name="negative"),
            ],
        )

    @classmethod
    def execute(
        cls,
        positive: Conditioning,
        negative: Conditioning,
        control_net: ControlNet,
        image: Tensor,
        strength: float,
        start_percent: float,
        end_percent: float,
        vae: LoadedVAE | None = None,
    ) -> io.NodeOutput:
        """Put the control on both prompts."""
        if strength == 0:
            return io.NodeOutput(positive, negative)
        if vae is None:
            raise ValueError(NO_VAE)
        told = ControlStrength(factor=strength, start=start_percent, end=end_percent)
        made = with_control(
            [positive, negative],
            lambda before: host().models.controlled(control_net, before, image, vae, told),
        )
        return io.NodeOutput(*made)


NODES = [ControlNetLoader, ControlNetApplyAdvanced]
