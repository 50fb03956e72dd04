"""Encode Video and Decode Video: frames to latents and back through the causal VAE."""

from typing import Any

from ..hosts import host

io = host().io

FPS = 16.0


class SpacetimeEncodeVideo(io.ComfyNode):
    """Frames to a latent."""

    @classmethod
    def define_schema(cls) -> Any:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeEncodeVideo",
            display_name="Encode Video",
            category="Spacetime/Video",
            description="Encodes frames with the causal video VAE. One frame is an image.",
            inputs=[
                io.Image.Input("images", tooltip="1 + a multiple of 4 frames."),
                io.Vae.Input("vae", tooltip="Video VAE."),
                io.Float.Input(
                    "fps",
                    default=FPS,
                    min=1.0,
                    max=120.0,
                    step=1.0,
                    tooltip="Frames per second of the clip.",
                ),
            ],
            outputs=[io.Latent.Output(display_name="latent", tooltip="The encoded clip.")],
        )

    @classmethod
    def execute(cls, images: Any, vae: Any, fps: float = FPS) -> Any:
        """Encode the frames."""
        return io.NodeOutput({"samples": host().encode_video(vae, images), "fps": fps})


class SpacetimeDecodeVideo(io.ComfyNode):
    """A latent to frames."""

    @classmethod
    def define_schema(cls) -> Any:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeDecodeVideo",
            display_name="Decode Video",
            category="Spacetime/Video",
            description="Decodes a latent with the causal video VAE.",
            inputs=[
                io.Latent.Input("latent", tooltip="A video latent."),
                io.Vae.Input("vae", tooltip="Video VAE."),
            ],
            outputs=[
                io.Image.Output(display_name="images", tooltip="The frames."),
                io.Float.Output(display_name="fps", tooltip="Frames per second, for Create Video."),
            ],
        )

    @classmethod
    def execute(cls, latent: dict[str, Any], vae: Any) -> Any:
        """Decode the samples."""
        images = host().decode_video(vae, latent["samples"])
        return io.NodeOutput(images, float(latent.get("fps", FPS)))


NODES: list[type[Any]] = [SpacetimeEncodeVideo, SpacetimeDecodeVideo]
