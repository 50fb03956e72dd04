"""Load ControlNet and Apply ControlNet: pictures that a clip follows frame by frame."""

from typing import Any

from torch import Tensor

from ...hosts import host, io
from ...hosts.control import with_control
from ...model_loaders.fit import look_at
from ...model_loaders.load import read_control
from ...samplers.control import ControlStrength
from ..helpers.advanced import advanced
from ..helpers.refusal import refusal
from ..helpers.search import search_words
from ..helpers.weight_files import weight_names, weight_path

FOLDER = "controlnet"
DTYPES = ["auto", "fp32", "bf16", "fp16"]


class SpacetimeLoadControlNet(io.ComfyNode):
    """Read a control branch."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        files = weight_names(FOLDER)
        return io.Schema(
            node_id="SpacetimeLoadControlNet",
            display_name="Load ControlNet (Video, VACE)",
            category="Spacetime/Control",
            description="Loads a ControlNet for a video model: a network beside the model that "
            "makes it follow pictures such as edges, depth or poses. Of a VACE file it loads the "
            "control blocks; the model is loaded from the same file by Load Models.",
            **search_words("controlnet loader", "load controlnet", "vace", "union controlnet"),
            inputs=[
                io.Combo.Input(
                    "control_net",
                    options=files,
                    default=files[0] if files else None,
                    tooltip="A safetensors file from models/controlnet, made for the video model.",
                ),
                io.Combo.Input(
                    "dtype",
                    options=DTYPES,
                    default="auto",
                    **advanced(),
                    tooltip="Number format to compute in; auto takes what this machine is fast at.",
                ),
            ],
            outputs=[
                io.ControlNet.Output(
                    display_name="CONTROL_NET", tooltip="The ControlNet, for Apply ControlNet."
                )
            ],
        )

    @classmethod
    def validate_inputs(cls, control_net: str | None) -> Any:
        """Refuse a file that is missing or of another kind, from its header."""
        try:
            if control_net is not None:
                look_at(weight_path(FOLDER, control_net), FOLDER)
        except (ValueError, OSError) as error:
            return f"input control_net: {error}"
        return True

    @classmethod
    def execute(cls, control_net: str, dtype: str = "auto") -> io.NodeOutput:
        """Read the file and hand it to the host."""
        weights = read_control(weight_path(FOLDER, control_net))
        return io.NodeOutput(host().models.make_control(weights, dtype=dtype))


class SpacetimeApplyControlNet(io.ComfyNode):
    """Make prompts follow pictures."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeApplyControlNet",
            display_name="Apply ControlNet (Video, VACE)",
            category="Spacetime/Control",
            description="Makes a clip follow pictures, frame by frame: the first picture belongs "
            "to the first frame of the finished video. Context windows, loops and the chunks of a "
            "long video each see their own part of them. Several can follow each other.",
            **search_words("controlnet", "control video", "vace", "depth", "canny", "pose"),
            inputs=[
                io.Conditioning.Input("positive", tooltip="What the video shows."),
                io.Conditioning.Input("negative", tooltip="What it moves away from."),
                io.ControlNet.Input("control_net", tooltip="From Load ControlNet."),
                io.Image.Input(
                    "image",
                    tooltip="Pictures to follow: one for each frame of the video, or one for all. "
                    "They are cropped to the video's size; further ones are not looked at.",
                ),
                io.Vae.Input(
                    "vae", tooltip="Encodes the pictures: the VAE that belongs to the model."
                ),
                *_strengths(),
                io.Mask.Input(
                    "mask",
                    optional=True,
                    tooltip="Where the pictures are followed: white where they are, grey less, "
                    "black not. One mask for all frames, or one for each.",
                ),
                io.Image.Input(
                    "reference",
                    optional=True,
                    tooltip="Pictures of what the video shows, such as a person or a thing, for "
                    "VACE: each takes a latent frame before the clip, which Sample makes and cuts "
                    "off. All of a picture is seen, on white if its shape is another.",
                ),
            ],
            outputs=[
                io.Conditioning.Output(display_name="positive", tooltip="For Denoiser."),
                io.Conditioning.Output(display_name="negative", tooltip="For Denoiser."),
            ],
        )

    @classmethod
    def validate_inputs(cls, start_percent: float | None, end_percent: float | None) -> Any:
        """Refuse an end before the start."""
        return refusal(_between, start_percent, end_percent)

    @classmethod
    def execute(
        cls,
        positive: Any,
        negative: Any,
        control_net: Any,
        image: Tensor,
        vae: Any,
        strength: float,
        start_percent: float,
        end_percent: float,
        mask: Tensor | None = None,
        reference: Tensor | None = None,
    ) -> io.NodeOutput:
        """Put the control on both prompts."""
        if strength == 0:
            return io.NodeOutput(positive, negative)
        weights = () if mask is None else (mask,)
        told = ControlStrength(
            factor=strength, start=start_percent, end=end_percent, weights=weights
        )
        made = with_control(
            [positive, negative],
            lambda before: host().models.controlled(
                control_net, before, image, vae, told, reference
            ),
        )
        return io.NodeOutput(*made)


def _between(start: float, end: float) -> None:
    ControlStrength(start=start, end=end)


def _strengths() -> list[Any]:
    return [
        io.Float.Input(
            "strength",
            default=1.0,
            min=0.0,
            max=10.0,
            step=0.01,
            tooltip="How closely the pictures are followed; 0 for not at all.",
        ),
        io.Float.Input(
            "start_percent",
            default=0.0,
            min=0.0,
            max=1.0,
            step=0.001,
            tooltip="Share of the sampling at which control begins.",
        ),
        io.Float.Input(
            "end_percent",
            default=1.0,
            min=0.0,
            max=1.0,
            step=0.001,
            tooltip="Share of the sampling at which control ends. Below 1 the last steps are free "
            "to add detail of their own.",
        ),
    ]


NODES: list[type[Any]] = [SpacetimeLoadControlNet, SpacetimeApplyControlNet]
