"""Whether three files belong together, found out without reading their weights."""

from functools import partial
from pathlib import Path

from ..models.layers import Unfilled
from .claims import compare_with, on_meta
from .files import read_file
from .keys import UnsupportedCheckpointError
from .load import DiTWeights, TextWeights, VAEWeights, dit_of, text_of, vae_of


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
    dit, text, vae = dit_of(dit_file), text_of(text_file), vae_of(vae_file)
    for file, weights in ((dit_file, dit), (text_file, text), (vae_file, vae)):
        _check_complete(file.name, weights)
    latent, made = dit.latent, vae.config
    if latent.channels != made.z_channels:
        raise ValueError(
            f"{dit_file.name} works on latents of {latent.channels} channels, {vae_file.name} "
            f"makes {made.z_channels}: choose the VAE that belongs to the model"
        )
    wanted, found = latent.compression, made.compression
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
    if text.config.d_model != dit.config.text_dim:
        raise ValueError(
            f"{text_file.name} makes text {text.config.d_model} wide, {dit_file.name} reads "
            f"{dit.config.text_dim}: choose the text encoder that belongs to the model"
        )


def _check_complete(name: str, weights: DiTWeights | TextWeights | VAEWeights) -> None:
    """Compare the names and shapes in a header with the network, before weights are read."""
    try:
        build = partial(weights.family.build, weights.config, ops=Unfilled)
        compare_with(on_meta(build), weights.state)
    except UnsupportedCheckpointError as error:
        raise UnsupportedCheckpointError(f"{name}: {error}") from error
