"""One door for weights: a path in, a config with a state dict in the pack's names out.

Reading and building are apart, so that a host can build the network from its own layers.
"""

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from ..models.dit.config import DiTConfig
from ..models.dit.network import VideoDiT
from ..models.latent_format import LatentFormat
from ..models.layers import Unfilled, to_channels_last
from ..models.text.config import T5Config
from ..models.text.t5 import T5Encoder
from ..models.vae.network import VAEConfig, VideoVAE
from .claims import (
    Config,
    check_keys,
    claimed_config,
    claimed_latent,
    claimed_length,
    claimed_shift,
    compare_with,
    on_meta,
    type_of,
)
from .dequantise import dequantise, refuse_unknown_types
from .families import umt5, wan_dit, wan_vae
from .keys import UnsupportedCheckpointError
from .text import TextEncoder
from .tokenizer import Tokenizer, tokenizer_from_tensor
from .unreadable import unreadable

METADATA_KEY = "spacetime"
"""Where a file of the pack carries its config, as JSON in the safetensors metadata."""

TEXT_LENGTH = 512
"""Tokens of a prompt where the file names no number: that of the published models."""

DEFAULT_SHIFT = 3.0
"""Shift of a flow model's own schedules where its file names none."""


@dataclass(frozen=True, eq=False)
class DiTWeights:
    """A video transformer before it is built, from a file of a name."""

    config: DiTConfig
    latent: LatentFormat
    state: Mapping[str, Tensor]
    info: Mapping[str, Any] = field(default_factory=dict)
    file: str = ""

    @property
    def shift(self) -> float:
        """Shift of the schedules that a host makes for this model (``shift`` in ``info``)."""
        return float(self.info.get("shift", DEFAULT_SHIFT))


@dataclass(frozen=True, eq=False)
class VAEWeights:
    """A video VAE before it is built."""

    config: VAEConfig
    state: Mapping[str, Tensor]
    info: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class TextWeights:
    """A text encoder before it is built, with its tokenizer."""

    config: T5Config
    state: Mapping[str, Tensor]
    tokenizer: Tokenizer
    info: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class WeightsFile:
    """Tensors of a safetensors file with its header; ``info`` is the pack's part of it."""

    name: str
    state: dict[str, Tensor]
    header: Mapping[str, str]
    info: Mapping[str, Any]

    def expect(self, kind: str) -> None:
        """Raise UnsupportedCheckpointError where the pack wrote another kind of model."""
        if self.info and self.info.get("kind") != kind:
            raise UnsupportedCheckpointError(
                f"{self.name} holds a {self.info.get('kind')}, not a {kind}: choose another file"
            )

    def is_of(self, family: "_Family", what: str) -> None:
        """Raise UnsupportedCheckpointError where the keys are not those of a family."""
        if not family.detect(self.state.keys()):
            raise UnsupportedCheckpointError(
                f"{self.name} is not a {what}: its first keys are {sorted(self.state)[:3]}"
            )


class _Family(Protocol):
    def detect(self, keys: Collection[str], /) -> bool: ...


Tick = Callable[[int, int], None]
"""(done, total) tensors read."""


def read_file(
    path: Path, *, tick: Tick = lambda done, total: None, matrices: bool = True
) -> WeightsFile:
    """Read a safetensors file.

    Args:
        path: of the file.
        tick: told of every tensor; what it raises stops the reading.
        matrices: read all; without them weights of two or more axes are only measured, and stand
            on the meta device, so that a file of any size is looked at in no time.

    Raises:
        FileNotFoundError: no such file.
        UnsupportedCheckpointError: not a readable safetensors file.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no weights file {path}")
    try:
        with safe_open(path, framework="pt") as file:
            header, keys = file.metadata() or {}, list(file.keys())
            check_keys(path.name, keys)
            state = {}
            for number, key in enumerate(keys):
                state[key] = file.get_tensor(key) if matrices else _measured(path.name, file, key)
                tick(number + 1, len(keys))
    except (SafetensorError, OSError) as error:
        raise UnsupportedCheckpointError(unreadable(path, error)) from error
    return WeightsFile(path.name, state, header, _info(path.name, header))


def _measured(name: str, file: Any, key: str) -> Tensor:
    stored = file.get_slice(key)
    shape, kind = stored.get_shape(), type_of(name, key, stored.get_dtype())
    return file.get_tensor(key) if len(shape) < 2 else torch.empty(shape, dtype=kind, device="meta")


def _info(name: str, header: Mapping[str, str]) -> dict[str, Any]:
    """The pack's part of a header."""
    try:
        info = json.loads(header.get(METADATA_KEY, "{}"))
    except (ValueError, RecursionError) as error:
        raise UnsupportedCheckpointError(
            f"the header of {name} is not readable ({str(error)[:100]}): download it again"
        ) from error
    if not isinstance(info, dict):
        raise UnsupportedCheckpointError(f"the header of {name} is damaged: download it again")
    return info


def read_dit(path: Path, tick: Tick = lambda done, total: None) -> DiTWeights:
    """Read a video transformer; float8 weights come out as bf16.

    Raises:
        FileNotFoundError: no such file.
        UnsupportedCheckpointError: another kind of file, or parts that are not supported.
    """
    return dit_of(read_file(path, tick=tick))


def read_vae(path: Path, tick: Tick = lambda done, total: None) -> VAEWeights:
    """Read a video VAE; errors as ``read_dit``."""
    return vae_of(read_file(path, tick=tick))


def read_text_encoder(path: Path, tick: Tick = lambda done, total: None) -> TextWeights:
    """Read a text encoder with the tokenizer in its file; errors as ``read_dit``."""
    file = read_file(path, tick=tick)
    config, state = text_of(file)
    tokenizer = tokenizer_from_tensor(_spiece(file), max_length=_text_length(file))
    return TextWeights(config, state, tokenizer, file.info)


def dit_of(file: WeightsFile) -> DiTWeights:
    """The video transformer in a file that was read; errors as ``read_dit``."""
    file.expect("dit")
    file.is_of(wan_dit, "video transformer (Wan 2.1, Wan 2.2)")
    plain = dequantise(file.state, dtype=torch.bfloat16, metadata=file.header)
    state = wan_dit.to_pack_keys(plain)
    if file.info:
        config = _config(file, DiTConfig)
        latent = claimed_latent(file.name, file.info.get("latent"))
        claimed_shift(file.name, file.info.get("shift", DEFAULT_SHIFT))
        claimed_length(file.name, config.text_length)
    else:
        config = wan_dit.derive_config(state)
        latent = wan_dit.latent_format(config)
    info = file.info or wan_dit.sampling_info(config)
    return DiTWeights(config, latent, state, info, file.name)


def vae_of(file: WeightsFile) -> VAEWeights:
    """The video VAE in a file that was read; errors as ``read_dit``."""
    file.expect("vae")
    file.is_of(wan_vae, "video VAE (Wan 2.1, Wan 2.2)")
    refuse_unknown_types(file.state)
    state = wan_vae.to_pack_keys(file.state)
    config = _config(file, _vae_config) if file.info else wan_vae.derive_config(state)
    return VAEWeights(config, state, file.info)


def text_of(file: WeightsFile) -> tuple[T5Config, dict[str, Tensor]]:
    """Sizes and weights of the text encoder in a file that was read; errors as ``read_dit``."""
    file.expect("text_encoder")
    file.is_of(umt5, "text encoder (UMT5)")
    _spiece(file)
    state = umt5.to_pack_keys(file.state, metadata=file.header)
    _text_length(file)
    return _config(file, T5Config) if file.info else umt5.derive_config(state), state


def _text_length(file: WeightsFile) -> int:
    return claimed_length(file.name, file.info.get("max_length", TEXT_LENGTH))


def _config(file: WeightsFile, make: Callable[..., Config]) -> Config:
    return claimed_config(file.name, make, file.info.get("config"), len(file.state))


def _vae_config(**fields: Any) -> VAEConfig:
    return VAEConfig.from_dict(fields)


def _spiece(file: WeightsFile) -> Tensor:
    tensor = umt5.tokenizer_tensor(file.state)
    if tensor is None:
        raise UnsupportedCheckpointError(
            f"{file.name} holds no tokenizer (tensor `spiece_model`): use ComfyUI's repack of "
            "the text encoder, which carries it"
        )
    return tensor


Module = TypeVar("Module", bound=nn.Module)


def load_strictly(
    build: Callable[[], Module], state: Mapping[str, Tensor], *, dtype: torch.dtype
) -> Module:
    """Build a module without memory and give it the state, cast to ``dtype``.

    Raises:
        UnsupportedCheckpointError: keys or shapes do not match the network.
    """
    module = on_meta(build)
    compare_with(module, state)
    module.load_state_dict(
        {name: weight.to(dtype) for name, weight in state.items()}, strict=True, assign=True
    )
    return module.eval().requires_grad_(False)


def build_dit(weights: DiTWeights, *, dtype: torch.dtype = torch.float32) -> VideoDiT:
    """The network of a file, from torch's own layers."""
    return load_strictly(lambda: VideoDiT(weights.config), weights.state, dtype=dtype)


def build_vae(weights: VAEWeights, *, dtype: torch.dtype = torch.float32) -> VideoVAE:
    """The VAE of a file, from torch's own layers, in the memory order that convolves fast."""
    vae = load_strictly(lambda: VideoVAE(weights.config), weights.state, dtype=dtype)
    to_channels_last(vae)
    return vae


def build_text_encoder(weights: TextWeights, *, dtype: torch.dtype = torch.float32) -> TextEncoder:
    """The text encoder of a file with its tokenizer."""
    build = partial(T5Encoder, weights.config, ops=Unfilled)
    encoder = load_strictly(build, weights.state, dtype=dtype)
    return TextEncoder(encoder, weights.tokenizer)
