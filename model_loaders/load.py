"""Load weights: from a path to a config and a state dict in the pack's names.

Reading and building are separate, so that a host can build the network from its own layers.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from ..models.control.config import ControlConfig
from ..models.control.network import DilatedBranch, ResidualBranch
from ..models.dit.config import DiTConfig
from ..models.dit.network import VideoDiT
from ..models.latent_format import LatentFormat
from ..models.layers import Unfilled
from ..models.text.config import T5Config
from ..models.vae.config import VAEConfig
from ..models.vae.network import VideoVAE
from .claims import (
    claimed_config,
    claimed_latent,
    claimed_length,
    claimed_shift,
    compare_with,
    on_meta,
)
from .families import CONTROL, FAMILIES, UMT5, WAN_DIT, WAN_VAE
from .family import Family, Kind
from .files import Tick, WeightsFile, read_file
from .keys import UnsupportedCheckpointError
from .stored import convert_stored, measured, stored_keys
from .text import TextEncoder
from .tokenizer import Tokenizer, tokenizer_from_tensor

TEXT_LENGTH = 512
"""Tokens of a prompt if the file does not say: the number of the published models."""

DEFAULT_SHIFT = 3.0
"""Shift of a flow model's own schedules if its file does not say."""


@dataclass(frozen=True, eq=False)
class DiTWeights:
    """A video transformer before it is built; ``file`` is the name of its file.

    ``again`` reads the same weights once more, for a copy of the network; None if the file is not
    known.
    """

    config: DiTConfig
    latent: LatentFormat
    state: Mapping[str, Tensor]
    info: Mapping[str, Any] = field(default_factory=dict)
    file: str = ""
    family: Family = WAN_DIT
    again: Callable[[], "DiTWeights"] | None = None

    @property
    def shift(self) -> float:
        """Shift of the schedules that a host computes for this model (``shift`` in ``info``)."""
        return float(self.info.get("shift", DEFAULT_SHIFT))


@dataclass(frozen=True, eq=False)
class VAEWeights:
    """A video VAE before it is built; ``again`` as in ``DiTWeights``."""

    config: VAEConfig
    state: Mapping[str, Tensor]
    info: Mapping[str, Any] = field(default_factory=dict)
    family: Family = WAN_VAE
    again: Callable[[], "VAEWeights"] | None = None


@dataclass(frozen=True, eq=False)
class TextWeights:
    """A text encoder before it is built, with its tokenizer; ``again`` as in ``DiTWeights``."""

    config: T5Config
    state: Mapping[str, Tensor]
    tokenizer: Tokenizer
    info: Mapping[str, Any] = field(default_factory=dict)
    family: Family = UMT5
    again: Callable[[], "TextWeights"] | None = None


@dataclass(frozen=True, eq=False)
class ControlWeights:
    """A control branch before it is built; ``again`` as in ``DiTWeights``.

    ``latent`` is the format of its hints' latents.
    """

    config: ControlConfig
    latent: LatentFormat
    state: Mapping[str, Tensor]
    info: Mapping[str, Any] = field(default_factory=dict)
    file: str = ""
    family: Family = CONTROL
    again: Callable[[], "ControlWeights"] | None = None


def read_dit(
    path: Path, tick: Tick = lambda done, total: None, *, keep: Collection[str] = ()
) -> DiTWeights:
    """Read a video transformer; float8 weights are returned as bf16.

    Args:
        path: path of the file.
        tick: called after every tensor.
        keep: formats of quantised weights to return as they are stored (``Models``).

    Raises:
        FileNotFoundError: no such file.
        UnsupportedCheckpointError: another kind of file, or parts that are not supported.
    """
    weights = dit_of(read_file(path, tick=tick), keep)
    return replace(weights, again=partial(read_dit, path, keep=keep))


def read_vae(path: Path, tick: Tick = lambda done, total: None) -> VAEWeights:
    """Read a video VAE; raises as ``read_dit`` does."""
    return replace(vae_of(read_file(path, tick=tick)), again=partial(read_vae, path))


def read_text_encoder(
    path: Path, tick: Tick = lambda done, total: None, *, keep: Collection[str] = ()
) -> TextWeights:
    """Read a text encoder and the tokenizer in its file; see ``read_dit``."""
    weights = text_of(read_file(path, tick=tick), keep)
    return replace(weights, again=partial(read_text_encoder, path, keep=keep))


def read_control(path: Path, tick: Tick = lambda done, total: None) -> ControlWeights:
    """Read a control branch from a file that may also hold its base; raises as ``read_dit``."""
    return replace(control_of(read_file(path, tick=tick)), again=partial(read_control, path))


def dit_of(file: WeightsFile, keep: Collection[str] = ()) -> DiTWeights:
    """Get the video transformer in a file; see ``read_dit``."""
    family, config, state = network_in(file, "dit", keep)
    if file.info:
        latent = claimed_latent(file.name, file.info.get("latent"))
        claimed_shift(file.name, file.info.get("shift", DEFAULT_SHIFT))
        claimed_length(file.name, config.text_length)
        return DiTWeights(config, latent, state, file.info, file.name, family)
    if family.latent is None or family.sampling is None:
        raise UnsupportedCheckpointError(f"the latent format of {file.name} is not known")
    info = family.sampling(config)
    return DiTWeights(config, family.latent(config), state, info, file.name, family)


def control_of(file: WeightsFile) -> ControlWeights:
    """Get the control branch in a file; raises as ``read_dit``."""
    family, config, state = network_in(file, "controlnet")
    if file.info:
        latent = claimed_latent(file.name, file.info.get("latent"))
    elif family.latent is not None:
        latent = family.latent(config)
    else:
        raise UnsupportedCheckpointError(f"the latent format of {file.name} is not known")
    plain, vace = latent.channels, 2 * latent.channels + latent.space_factor**2
    if config.hint_channels not in (plain, vace):
        raise UnsupportedCheckpointError(
            f"the ControlNet {file.name} takes hints of {config.hint_channels} channels: only "
            f"{plain} (the VAE's) or {vace} (VACE's) are supported"
        )
    return ControlWeights(config, latent, state, file.info, file.name, family)


def vae_of(file: WeightsFile) -> VAEWeights:
    """Get the video VAE in a file; raises as ``read_dit``."""
    family, config, state = network_in(file, "vae")
    return VAEWeights(config, state, file.info, family)


def text_of(file: WeightsFile, keep: Collection[str] = ()) -> TextWeights:
    """Get the text encoder in a file, with its tokenizer; see ``read_dit``."""
    family = family_of(file, "text_encoder")
    spiece = None if family.tokenizer is None else family.tokenizer(file.state)
    if spiece is None:
        raise UnsupportedCheckpointError(
            f"{file.name} holds no tokenizer (tensor `spiece_model`): use ComfyUI's repack of "
            "the text encoder, which contains it"
        )
    family, config, state = network_in(file, "text_encoder", keep)
    length = claimed_length(file.name, file.info.get("max_length", TEXT_LENGTH))
    tokenizer = tokenizer_from_tensor(spiece, max_length=length)
    return TextWeights(config, state, tokenizer, file.info, family)


def family_of(file: WeightsFile, kind: Kind) -> Family:
    """Find the family of the given kind that a file belongs to.

    Raises:
        UnsupportedCheckpointError: it belongs to none.
    """
    file.expect(kind)
    known = [family for family in FAMILIES if family.kind == kind]
    for family in known:
        if family.detect(file.state.keys()):
            return family
    wanted = " or a ".join(family.name for family in known)
    others = [family.name for family in FAMILIES if family.detect(file.state.keys())]
    what = f"it is a {others[0]}" if others else f"its first keys are {sorted(file.state)[:3]}"
    raise UnsupportedCheckpointError(f"{file.name} is not a {wanted}: {what}")


def network_in(
    file: WeightsFile, kind: Kind, keep: Collection[str] = ()
) -> tuple[Family, Any, dict[str, Tensor]]:
    """Get family, config and weights of the network in a file.

    Args:
        file: the file, already read.
        kind: kind of network.
        keep: formats of quantised weights to leave as they are stored.

    Raises:
        UnsupportedCheckpointError: it is of another kind, or has parts that are not supported.
    """
    family = family_of(file, kind)
    state = convert_stored(file.state, file.header, keep, family.convert)
    if not file.info:
        return family, family.derive(measured(state)), state
    fields, count = file.info.get("config"), len(file.state)
    return family, claimed_config(file.name, family.config, fields, count), state


Module = TypeVar("Module", bound=nn.Module)


def load_strictly(
    build: Callable[[], Module], state: Mapping[str, Tensor], *, dtype: torch.dtype
) -> Module:
    """Build a module on the meta device and load the state, cast to ``dtype``.

    Raises:
        UnsupportedCheckpointError: keys or shapes do not match the network.
    """
    module = on_meta(build)
    compare_with(module, state)
    module.load_state_dict(
        {name: weight.to(dtype) for name, weight in state.items()}, strict=True, assign=True
    )
    return module.eval().requires_grad_(False)


def load_stored(
    build: Callable[[], Module], weights: DiTWeights | TextWeights, *, dtype: torch.dtype
) -> Module:
    """Build a module from a host's layers, which take quantised weights as they are stored.

    Plain weights are cast to ``dtype``; raises as ``load_strictly``.
    """
    make = partial(weights.family.build, weights.config, ops=Unfilled)
    compare_with(on_meta(make), measured(weights.state))
    kept = stored_keys(weights.state)
    state = {
        name: weight if name in kept else weight.to(dtype) for name, weight in weights.state.items()
    }
    module = on_meta(build)
    module.load_state_dict(state, strict=True, assign=True)
    return module.eval().requires_grad_(False)


def build_dit(weights: DiTWeights, *, dtype: torch.dtype = torch.float32) -> VideoDiT:
    """Build the network of a file from torch's own layers."""
    return _built(weights, dtype)


def build_vae(weights: VAEWeights, *, dtype: torch.dtype = torch.float32) -> VideoVAE:
    """Build the VAE of a file from torch's own layers, in a memory format that convolves fast."""
    return _built(weights, dtype)


def build_control(
    weights: ControlWeights, *, dtype: torch.dtype = torch.float32
) -> ResidualBranch | DilatedBranch:
    """Build the control branch of a file from torch's own layers."""
    return _built(weights, dtype)


def build_text_encoder(weights: TextWeights, *, dtype: torch.dtype = torch.float32) -> TextEncoder:
    """Build the text encoder of a file, with its tokenizer."""
    return TextEncoder(_built(weights, dtype), weights.tokenizer)


def _built(
    weights: DiTWeights | VAEWeights | TextWeights | ControlWeights, dtype: torch.dtype
) -> Any:
    make = partial(weights.family.build, weights.config, ops=Unfilled)
    network = load_strictly(make, weights.state, dtype=dtype)
    weights.family.settle(network)
    return network
