"""Whether what meets in a sampling run belongs together."""

from torch import Tensor


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
