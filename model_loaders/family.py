"""What is known of a family of checkpoints, as one value."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor, nn

from ..models.latent_format import LatentFormat

Kind = Literal["dit", "vae", "text_encoder", "controlnet"]
"""What a network is for; the pack's own files say it in their header."""


def _own(name: str) -> str:
    return name


@dataclass(frozen=True, kw_only=True)
class Family:
    """How the files of one family become a network.

    Args:
        name: for messages, with the published models in brackets.
        kind: of network.
        detect: says from the names of a file's tensors whether the file is one.
        convert: (tensors, header) -> tensors by the network's own names, dequantised; it raises
            UnsupportedCheckpointError for what no layout knows.
        derive: reads the sizes off the shapes of converted tensors.
        config: makes the sizes of the fields in a header of the pack.
        build: network of the sizes, with ``ops`` as its namespace of layers.
        settle: what is done with a network once its weights are there.
        latent: sizes -> what its latents mean; of a transformer or a control branch.
        sampling: sizes -> what a host wants to know for sampling (``shift``, ``token_levels``).
        tokenizer: tensor with the tokenizer among a file's, None where it has none; of a text
            encoder.
        layer_name: name of a layer in a LoRA of another library -> the network's own.
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
