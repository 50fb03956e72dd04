"""Check that the latent, prompts and model of a sampling run fit together."""

from torch import Tensor


def has_streams(samples: Tensor) -> bool:
    """Whether samples nest several tensors, as ComfyUI's latents of video with sound do."""
    return bool(getattr(samples, "is_nested", False))


def check_one_stream(samples: Tensor, remedy: str) -> None:
    """Reject a latent of several streams.

    Args:
        samples: samples of a LATENT.
        remedy: what to do instead; completes the error message.

    Raises:
        ValueError: the latent has several streams.
    """
    if has_streams(samples):
        raise ValueError(f"a latent of several streams, such as video with sound: {remedy}")


def check_channels(samples: Tensor, channels: int) -> None:
    """Reject a latent (B, C, ...) from the VAE of another model family.

    Raises:
        ValueError: its channel count differs from the model's.
    """
    if samples.shape[1] != channels:
        raise ValueError(
            f"the latent has {samples.shape[1]} channels, the model needs {channels}: use the VAE "
            "that belongs to the model"
        )


def check_text_width(context: Tensor, width: int) -> None:
    """Reject a prompt (B, S, D) from the text encoder of another model family.

    Raises:
        ValueError: its width differs from the model's.
    """
    if context.shape[-1] != width:
        raise ValueError(
            f"the prompt is {context.shape[-1]} wide, the model needs {width}: load the text "
            "encoder that belongs to the model"
        )


def check_image_context(image: Tensor | None, width: int, *, advice: str) -> None:
    """Reject an image context (B, I, D) that does not match the model.

    Args:
        image: output of a vision encoder for the start image, or None.
        width: width of the model's image context, 0 if it takes none.
        advice: what to do if the image context is missing.

    Raises:
        ValueError: it is missing, not supported by the model, or of another width.
    """
    if image is None:
        if width:
            raise ValueError(
                "this model animates an image and needs the CLIP Vision output for that image, "
                f"which is missing from the conditioning: {advice}"
            )
    elif not width:
        raise ValueError(
            "the conditioning carries a CLIP Vision output, which this model does not take: "
            "disconnect clip_vision_output from the node that adds it (such as WanImageToVideo)"
        )
    elif image.shape[-1] != width:
        raise ValueError(
            f"the CLIP Vision output is {image.shape[-1]} wide, the model needs {width}: load "
            "the CLIP Vision file that belongs to the model (clip_vision_h for Wan 2.1)"
        )


def check_packed(further_channels: int) -> None:
    """Reject packed patches for a model with input channels beyond those of the state.

    Raises:
        ValueError: the model has such channels.
    """
    if further_channels:
        raise ValueError(
            f"this model takes a start image in {further_channels} extra channels, which packed "
            "patches cannot carry: use the Sample node"
        )
