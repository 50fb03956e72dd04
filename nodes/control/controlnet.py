"""Load ControlNet and Apply ControlNet: make a clip follow control images frame by frame."""

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
    """Load a ControlNet from a file."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        files = weight_names(FOLDER)
        return io.Schema(
            node_id="SpacetimeLoadControlNet",
            display_name="Load ControlNet (Video, VACE)",
            category="Spacetime/Control",
            description="Loads a ControlNet for a video model: a network beside the model that "
            "makes it follow images such as edges, depth or poses. From a VACE file it loads "
            "only the control blocks; Load Models loads the model from the same file.",
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
                    tooltip="Number format for computation; auto picks one that is fast on this "
                    "machine.",
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
        """Reject a missing file or one of another kind, going by its header."""
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
    """Make prompts follow control images."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeApplyControlNet",
            display_name="Apply ControlNet (Video, VACE)",
            category="Spacetime/Control",
            description="Makes a clip follow images frame by frame: the first image belongs to "
            "the first frame of the finished video. Context windows, loops and the chunks of a "
            "long video each see their own part of the images. Chain several of these nodes to "
            "combine ControlNets.",
            **search_words("controlnet", "control video", "vace", "depth", "canny", "pose"),
            inputs=[
                io.Conditioning.Input("positive", tooltip="What the video shows."),
                io.Conditioning.Input("negative", tooltip="What guidance moves away from."),
                io.ControlNet.Input("control_net", tooltip="From Load ControlNet."),
                io.Image.Input(
                    "image",
                    tooltip="Images to follow: one for each frame of the video, or one for all "
                    "frames. They are cropped to the video's size; extra images are ignored.",
                ),
                io.Vae.Input("vae", tooltip="The model's own VAE, which encodes the images."),
                *_strengths(),
                io.Mask.Input(
                    "mask",
                    optional=True,
                    tooltip="Where to follow the images: white fully, grey partly, black not at "
                    "all. One mask for all frames, or one per frame.",
                ),
                io.Image.Input(
                    "reference",
                    optional=True,
                    tooltip="Reference images for VACE: what the video shows, such as a person "
                    "or an object. Each takes one latent frame before the clip, which Sample "
                    "adds and cuts off again. Each image is fitted whole, on a white background "
                    "if its shape differs from the video's.",
                ),
            ],
            outputs=[
                io.Conditioning.Output(display_name="positive", tooltip="For Denoiser."),
                io.Conditioning.Output(display_name="negative", tooltip="For Denoiser."),
            ],
        )

    @classmethod
    def validate_inputs(cls, start_percent: float | None, end_percent: float | None) -> Any:
        """Reject an end that comes before the start."""
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
        """Attach the control to both prompts."""
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
            tooltip="How closely to follow the images; 0 turns control off.",
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
            tooltip="Share of the sampling at which control ends. Below 1, the last steps are "
            "free to add their own detail.",
        ),
    ]


NODES: list[type[Any]] = [SpacetimeLoadControlNet, SpacetimeApplyControlNet]
