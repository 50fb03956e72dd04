"""Whether what meets in a sampling run belongs together."""

from torch import Tensor


def has_streams(samples: Tensor) -> bool:
    """Whether samples are several tensors in one, as ComfyUI's latents of video with sound are."""
    return bool(getattr(samples, "is_nested", False))


def check_one_stream(samples: Tensor, remedy: str) -> None:
    """Refuse a latent of several streams.

    Args:
        samples: of a LATENT.
        remedy: what to do, the rest of the sentence.

    Raises:
        ValueError: there are several.
    """
    if has_streams(samples):
        raise ValueError(f"a latent of several streams, such as video with sound: {remedy}")


def check_channels(samples: Tensor, channels: int) -> None:
    """Refuse a latent (B, C, ...) that another family's VAE has made.

    Raises:
        ValueError: its channels are not the model's.
    """
    if samples.shape[1] != channels:
        raise ValueError(
            f"a latent of {samples.shape[1]} channels; the model works on {channels}: make it "
            "with the VAE that belongs to the model"
        )


def check_text_width(context: Tensor, width: int) -> None:
    """Refuse a prompt (B, S, D) that another family's text encoder has made.

    Raises:
        ValueError: its width is not the model's.
    """
    if context.shape[-1] != width:
        raise ValueError(
            f"the prompt is {context.shape[-1]} wide, the model needs {width}: load the text "
            "encoder that belongs to the model"
        )


def check_image_context(image: Tensor | None, width: int, *, advice: str) -> None:
    """Refuse an image context (B, I, D) that is not what a model takes beside the text.

    Args:
        image: what a vision encoder made of the start image, None for none.
        width: of the model's image context, 0 where it takes none.
        advice: what to do where it is missing.

    Raises:
        ValueError: it is missing, is not taken, or has another width.
    """
    if image is None:
        if width:
            raise ValueError(
                "this model animates an image and needs what CLIP Vision sees in it, which the "
                f"conditioning does not carry: {advice}"
            )
    elif not width:
        raise ValueError(
            "the conditioning carries the output of CLIP Vision, which this model does not take: "
            "disconnect clip_vision_output from the node that adds it (such as WanImageToVideo)"
        )
    elif image.shape[-1] != width:
        raise ValueError(
            f"the output of CLIP Vision is {image.shape[-1]} wide, the model needs {width}: load "
            "the CLIP Vision file that belongs to the model (clip_vision_h for Wan 2.1)"
        )


def check_packed(further_channels: int) -> None:
    """Refuse packed patches for a model with input channels beside the state's own.

    Raises:
        ValueError: it has some.
    """
    if further_channels:
        raise ValueError(
            f"this model takes a start image in {further_channels} further channels, which packed "
            "patches cannot carry: use the Sample node"
        )
