"""Everything the loaders know about a family of checkpoints, as one value."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor, nn

from ..models.latent_format import LatentFormat

Kind = Literal["dit", "vae", "text_encoder", "controlnet"]
"""The purpose of a network; the pack's own files state it in their header."""


def _own(name: str) -> str:
    return name


@dataclass(frozen=True, kw_only=True)
class Family:
    """How files of one family are turned into a network.

    Args:
        name: name for messages, with the published models in brackets.
        kind: kind of network.
        detect: tells from the names of a file's tensors whether it belongs to the family.
        convert: (tensors, header) -> dequantised tensors by the network's own names; raises
            UnsupportedCheckpointError for tensors that no layout has.
        derive: reads the config off the shapes of converted tensors.
        config: makes the config from the fields in a header written by the pack.
        build: builds the network from the config, with ``ops`` as its namespace of layers.
        settle: called with the network once its weights are loaded.
        latent: config -> latent format; for a transformer or a control branch.
        sampling: config -> what a host needs for sampling (``shift``, ``token_levels``).
        tokenizer: finds the tokenizer tensor in a file, or returns None; for a text encoder.
        layer_name: name of a layer in another library's LoRA -> the network's own name.
    """

    name: str
    kind: Kind
    detect: Callable[[Collection[str]], bool]
    convert: Callable[[Mapping[str, Tensor], Mapping[str, str]], dict[str, Tensor]]
    derive: Callable[[Mapping[str, Tensor]], Any]
    config: Callable[..., Any]
    build: Callable[..., nn.Module]
    settle: Callable[[Any], None] = lambda network: None
    latent: Callable[[Any], LatentFormat] | None = None
    sampling: Callable[[Any], Mapping[str, Any]] | None = None
    tokenizer: Callable[[Mapping[str, Tensor]], Tensor | None] | None = None
    layer_name: Callable[[str], str] = _own
