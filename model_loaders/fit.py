"""Whether three files belong together, found out without reading their weights."""

from collections.abc import Callable, Mapping
from pathlib import Path

from torch import Tensor, nn

from ..models.dit.network import VideoDiT
from ..models.latent_format import LatentFormat
from ..models.layers import Unfilled
from ..models.text.t5 import T5Encoder
from ..models.vae.config import VAEConfig
from ..models.vae.network import VideoVAE
from .claims import compare_with, on_meta
from .keys import UnsupportedCheckpointError
from .load import dit_of, read_file, text_of, vae_of


def check_fit(dit_path: Path, text_path: Path, vae_path: Path) -> None:
    """Compare a transformer with its text encoder and its VAE.

    Raises:
        FileNotFoundError: a file is missing.
        UnsupportedCheckpointError: a file is of another kind, or has parts that are not supported.
        ValueError: they do not belong together.
    """
    dit_file, text_file, vae_file = (
        read_file(path, matrices=False) for path in (dit_path, text_path, vae_path)
    )
    dit, vae, (text, text_state) = dit_of(dit_file), vae_of(vae_file), text_of(text_file)
    for file, build, state in (
        (dit_file, lambda: VideoDiT(dit.config), dit.state),
        (text_file, lambda: T5Encoder(text, ops=Unfilled), text_state),
        (vae_file, lambda: VideoVAE(vae.config), vae.state),
    ):
        _check_complete(file.name, build, state)
    latent, made = dit.latent, vae.config
    if latent.channels != made.z_channels:
        raise ValueError(
            f"{dit_file.name} works on latents of {latent.channels} channels, {vae_file.name} "
            f"makes {made.z_channels}: choose the VAE that belongs to the model"
        )
    wanted, found = _compression(latent), _compression(made)
    if wanted != found:
        raise ValueError(
            f"{dit_file.name} works on latents of {wanted} pixels, {vae_file.name} makes them of "
            f"{found}: choose the VAE that belongs to the model"
        )
    if bool(dit_file.info) != bool(vae_file.info):
        raise ValueError(
            f"{dit_file.name} and {vae_file.name} are of different families, and their latents "
            "mean different things: choose the VAE that belongs to the model"
        )
    if text.d_model != dit.config.text_dim:
        raise ValueError(
            f"{text_file.name} makes text {text.d_model} wide, {dit_file.name} reads "
            f"{dit.config.text_dim}: choose the text encoder that belongs to the model"
        )


def _check_complete(name: str, build: Callable[[], nn.Module], state: Mapping[str, Tensor]) -> None:
    """Compare the names and shapes in a header with the network, before weights are read."""
    try:
        compare_with(on_meta(build), state)
    except UnsupportedCheckpointError as error:
        raise UnsupportedCheckpointError(f"{name}: {error}") from error


def _compression(sizes: LatentFormat | VAEConfig) -> str:
    return f"{sizes.time_factor}x{sizes.space_factor}x{sizes.space_factor}"
