"""Check that model files belong together, without reading their weights."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from ..models.layers import Unfilled
from .claims import compare_with, on_meta
from .family import Kind
from .files import read_file
from .keys import UnsupportedCheckpointError
from .load import control_of, dit_of, text_of, vae_of
from .stored import measured


@dataclass(frozen=True, eq=False)
class Header:
    """Header of a weights file, with the names and shapes of all its tensors.

    ``weights`` are measured, not read; ``own`` says whether the pack wrote the file.
    """

    name: str
    weights: Any
    own: bool


def look_at(path: Path, kind: Kind, keep: Collection[str] = ()) -> Header:
    """Read the header of a file; cached until the file changes.

    Args:
        path: path of the file.
        kind: kind of network that it should hold.
        keep: formats of quantised weights to keep as they are stored.

    Raises:
        FileNotFoundError: the file is missing.
        UnsupportedCheckpointError: it is of another kind, or has parts that are not supported.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no weights file {path}")
    there = path.stat()
    return _looked_at(path, kind, (*keep,), (there.st_mtime_ns, there.st_size, there.st_ino))


@lru_cache(maxsize=8)
def _looked_at(path: Path, kind: Kind, keep: tuple[str, ...], version: tuple[int, ...]) -> Header:
    file = read_file(path, matrices=False)
    weights: Any
    if kind == "vae":
        weights = vae_of(file)
    elif kind == "controlnet":
        weights = control_of(file)
    else:
        weights = dit_of(file, keep) if kind == "dit" else text_of(file, keep)
    try:
        build = partial(weights.family.build, weights.config, ops=Unfilled)
        compare_with(on_meta(build), measured(weights.state))
    except UnsupportedCheckpointError as error:
        raise UnsupportedCheckpointError(f"{file.name}: {error}") from error
    return Header(file.name, weights, bool(file.info))


def check_fit(
    dit_path: Path, text_path: Path, vae_path: Path, *, keep: Collection[str] = ()
) -> None:
    """Compare a transformer with its text encoder and its VAE; ``keep`` as for ``look_at``.

    Raises:
        FileNotFoundError: a file is missing.
        UnsupportedCheckpointError: a file is of another kind, or has parts that are not supported.
        ValueError: they do not belong together.
    """
    check_together(
        look_at(dit_path, "dit", keep),
        look_at(text_path, "text_encoder", keep),
        look_at(vae_path, "vae"),
    )


def check_together(dit: Header, text: Header, vae: Header) -> None:
    """Compare the headers of a transformer, a text encoder and a VAE.

    Raises:
        ValueError: they do not belong together.
    """
    latent, made = dit.weights.latent, vae.weights.config
    if latent.channels != made.z_channels:
        raise ValueError(
            f"{dit.name} works on latents of {latent.channels} channels, but {vae.name} "
            f"has {made.z_channels}: choose the VAE that belongs to the model"
        )
    if latent.compression != made.compression:
        raise ValueError(
            f"{dit.name} works on latents of {latent.compression} pixels, but {vae.name} "
            f"compresses by {made.compression}: choose the VAE that belongs to the model"
        )
    if dit.own != vae.own:
        raise ValueError(
            f"{dit.name} and {vae.name} belong to different families, whose latents "
            "are not compatible: choose the VAE that belongs to the model"
        )
    width, wanted = text.weights.config.d_model, dit.weights.config.text_dim
    if width != wanted:
        raise ValueError(
            f"{text.name} outputs text of width {width}, but {dit.name} reads width {wanted}: "
            "choose the text encoder that belongs to the model"
        )
