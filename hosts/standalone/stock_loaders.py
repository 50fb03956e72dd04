"""ComfyUI's own loaders for models, text encoders and VAEs in the standalone host."""

from ...model_loaders.family import Kind
from ...model_loaders.fit import look_at
from ...model_loaders.load import read_dit, read_text_encoder, read_vae
from .. import host
from . import io

WAN = "wan"
"""The only one of ComfyUI's text encoder types that this host reads."""

DEFAULT_DTYPE = "default"
DTYPES = (DEFAULT_DTYPE, "fp8_e4m3fn", "fp8_e4m3fn_fast", "fp8_e5m2")
INCLUDED = "; the included tiny weights are in Load Models (SpacetimeLoadModels)"


def file_input(id: str, folder: str, what: str) -> io.Combo.Input:
    """Return an input that selects a file of a model folder."""
    return io.Combo.Input(
        id, options=host().files.model_files(folder), tooltip=f"A file of models/{folder}: {what}."
    )


def known(
    id: str, folder: str, kind: Kind, name: str | None, included: str = INCLUDED
) -> bool | str:
    """Return True for a file that this host can read, else what to do."""
    if name is None:
        return True
    try:
        look_at(host().files.model_path(folder, name), kind)
    except FileNotFoundError as error:
        return f"input {id}: {error}{included}"
    except (ValueError, OSError) as error:
        return f"input {id}: {error}"
    return True


class UNETLoader(io.ComfyNode):
    """Loads a diffusion model file as a MODEL."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """As in ComfyUI."""
        return io.Schema(
            node_id="UNETLoader",
            display_name="Load Diffusion Model",
            category="advanced/loaders",
            inputs=[
                file_input("unet_name", "diffusion_models", "a video diffusion transformer"),
                io.Combo.Input(
                    "weight_dtype",
                    options=list(DTYPES),
                    tooltip="Dtype in which the weights are kept.",
                ),
            ],
            outputs=[io.Model.Output()],
        )

    @classmethod
    def validate_inputs(cls, unet_name: str | None) -> bool | str:
        """Reject a missing file or one of another kind, going by its header."""
        return known("unet_name", "diffusion_models", "dit", unet_name)

    @classmethod
    def execute(cls, unet_name: str, weight_dtype: str = DEFAULT_DTYPE) -> io.NodeOutput:
        """Read the file."""
        if weight_dtype != DEFAULT_DTYPE:
            host().session.warn(
                f"this host does not keep weights in {weight_dtype}: they take more memory, but "
                "lose no precision"
            )
        weights = read_dit(host().files.model_path("diffusion_models", unet_name))
        return io.NodeOutput(host().models.make_model(weights, dtype="auto"))


class CLIPLoader(io.ComfyNode):
    """Loads a text encoder file as a CLIP."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """As in ComfyUI, without the types that this host does not read."""
        return io.Schema(
            node_id="CLIPLoader",
            display_name="Load CLIP",
            category="advanced/loaders",
            inputs=[
                file_input("clip_name", "text_encoders", "a text encoder"),
                io.Combo.Input("type", options=[WAN], tooltip="The model family it belongs to."),
                io.Combo.Input(
                    "device",
                    options=["default", "cpu"],
                    optional=True,
                    tooltip="Has no effect: this host computes on the model's device.",
                ),
            ],
            outputs=[io.Clip.Output()],
        )

    @classmethod
    def validate_inputs(cls, clip_name: str | None, type: str | None) -> bool | str:
        """Reject other types, and a missing file or one of another kind, going by its header."""
        if type not in (None, WAN):
            return (
                f"input type: this host does not read text encoders of type {type!r}: run the "
                f"workflow in ComfyUI, or use a text encoder of type {WAN!r}"
            )
        return known("clip_name", "text_encoders", "text_encoder", clip_name)

    @classmethod
    def execute(cls, clip_name: str, type: str, device: str = "default") -> io.NodeOutput:
        """Read the file."""
        weights = read_text_encoder(host().files.model_path("text_encoders", clip_name))
        return io.NodeOutput(host().models.make_clip(weights, dtype="auto"))


class VAELoader(io.ComfyNode):
    """Loads a VAE file."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """As in ComfyUI."""
        return io.Schema(
            node_id="VAELoader",
            display_name="Load VAE",
            category="loaders",
            inputs=[file_input("vae_name", "vae", "a video VAE")],
            outputs=[io.Vae.Output()],
        )

    @classmethod
    def validate_inputs(cls, vae_name: str | None) -> bool | str:
        """Reject a missing file or one of another kind, going by its header."""
        return known("vae_name", "vae", "vae", vae_name)

    @classmethod
    def execute(cls, vae_name: str) -> io.NodeOutput:
        """Read the file."""
        weights = read_vae(host().files.model_path("vae", vae_name))
        return io.NodeOutput(host().models.make_vae(weights, dtype="auto"))


NODES = [UNETLoader, CLIPLoader, VAELoader]
