"""What a file says of itself, compared with what it holds before anything is built from it.

Keys, counts and metadata are claims: in a file that is damaged or made to harm they can be
anything.
"""

import dataclasses
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from ..models.latent_format import LatentFormat
from .keys import UnsupportedCheckpointError

LONGEST_KEY = 256
"""Characters of a tensor's name; published ones have up to about 100."""

MOST_KEYS = 10_000
"""Tensors of a file; published ones have a few thousand."""

MOST_TOKENS = 8192
"""Of a prompt; published models read up to 512."""

LARGEST = 2**24
"""Of the sizes of a network."""

_NAMED = 5
_COUNTS = ("layers", "res_blocks")
_FEWEST_OF_A_BLOCK = 5

TYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
"""Of safetensors' headers."""

if hasattr(torch, "float8_e8m0fnu"):  # since torch 2.7
    TYPES["F8_E8M0"] = torch.float8_e8m0fnu

Config = TypeVar("Config")
Network = TypeVar("Network", bound=nn.Module)


def check_keys(name: str, keys: Sequence[str]) -> None:
    """Refuse names of tensors that no network has, before patterns are tried on them.

    Raises:
        UnsupportedCheckpointError: there are too many, or one is too long.
    """
    if len(keys) > MOST_KEYS:
        raise UnsupportedCheckpointError(
            f"{name} holds {len(keys)} tensors, more than any supported model: choose another file"
        )
    longest = max(keys, key=len, default="")
    if len(longest) > LONGEST_KEY:
        raise UnsupportedCheckpointError(
            f"{name} holds a tensor whose name has {len(longest)} characters "
            f"({longest[:40]!r}…): it is damaged; download it again"
        )


def type_of(name: str, key: str, stored: str) -> torch.dtype:
    """Return the type of a tensor by its name in the header.

    Raises:
        UnsupportedCheckpointError: it is not known.
    """
    if stored not in TYPES:
        raise UnsupportedCheckpointError(
            f"{name} stores {key!r} as {stored}, which is not supported: use the fp16, bf16 or "
            "fp8_scaled file of this model"
        )
    return TYPES[stored]


def claimed_config(name: str, make: Callable[..., Config], fields: object, tensors: int) -> Config:
    """Make a config of what a file's header says.

    Args:
        name: of the file.
        make: takes the fields by their names.
        fields: JSON of anyone.
        tensors: number of tensors in the file, which no count of blocks can exceed.

    Raises:
        UnsupportedCheckpointError: the fields are none of a network that this file can hold.
    """
    try:
        if not isinstance(fields, dict):
            raise TypeError(f"a {type(fields).__name__}")
        config = make(**fields)
        _check_sizes(fields, tensors, least_of(config))
    except (TypeError, ValueError, KeyError, AttributeError, ArithmeticError) as error:
        reason = f"{error}"[:200]
        raise UnsupportedCheckpointError(
            f"the header of {name} does not describe a network ({reason}): the file is damaged; "
            "download it again"
        ) from error
    return config


def least_of(config: Any) -> dict[str, int]:
    """Fields of a config that may be 0, by what they declare (``metadata={"least": 0}``)."""
    return {each.name: each.metadata.get("least", 1) for each in dataclasses.fields(config)}


def _check_sizes(fields: Mapping[str, Any], tensors: int, least: Mapping[str, int]) -> None:
    for key, value in fields.items():
        numbers = value if isinstance(value, list | tuple) else [value]
        for number in numbers:
            if isinstance(number, bool) or not isinstance(number, int | float):
                continue
            absent = number == 0 == least.get(key)
            if not (0 < number <= LARGEST or absent):
                raise ValueError(f"{key} is {number}")
        if len(numbers) > tensors:
            raise ValueError(f"{key} has {len(numbers)} entries for {tensors} tensors")
        many = isinstance(value, int) and value * _FEWEST_OF_A_BLOCK > tensors
        if key in _COUNTS and many:
            raise ValueError(f"{key} is {value} for {tensors} tensors")


def claimed_latent(name: str, fields: object) -> LatentFormat:
    """Make a latent format of what a file's header says.

    Raises:
        UnsupportedCheckpointError: the fields are none.
    """
    try:
        if not isinstance(fields, dict):
            raise TypeError(f"a {type(fields).__name__}")
        return LatentFormat(**fields)
    except (TypeError, ValueError) as error:
        raise UnsupportedCheckpointError(
            f"the header of {name} does not describe latents ({str(error)[:200]}): the file is "
            "damaged; download it again"
        ) from error


def claimed_shift(name: str, value: object) -> float:
    """Return the shift of a model's schedules.

    Raises:
        UnsupportedCheckpointError: it is not a number above 0.
    """
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf:
        return float(value)
    raise UnsupportedCheckpointError(
        f"the header of {name} gives the shift {value!r:.40}: it must be a number above 0"
    )


def claimed_length(name: str, value: object) -> int:
    """Return the number of tokens of a prompt.

    Raises:
        UnsupportedCheckpointError: it is not a whole number in a sensible range.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= MOST_TOKENS:
        raise UnsupportedCheckpointError(
            f"the header of {name} gives texts {value!r:.40} tokens: it must be a whole number "
            f"from 1 to {MOST_TOKENS}"
        )
    return value


def on_meta(build: Callable[[], Network]) -> Network:
    """Build a network without memory.

    Raises:
        UnsupportedCheckpointError: there is no network of these sizes.
    """
    try:
        with torch.device("meta"):
            return build()
    except (TypeError, ValueError, RuntimeError, ArithmeticError) as error:
        raise UnsupportedCheckpointError(
            f"no network has the sizes that the file gives ({str(error)[:200]}): it is damaged; "
            "download it again"
        ) from error


def compare_with(network: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Compare the names and shapes of a file's tensors with those of its network.

    Raises:
        UnsupportedCheckpointError: they differ; a few are named and the rest counted.
    """
    wanted = network.state_dict()
    other = [
        f"{key} {tuple(state[key].shape)} instead of {tuple(wanted[key].shape)}"
        for key in wanted.keys() & state.keys()
        if state[key].shape != wanted[key].shape
    ]
    found = {
        "lacks": sorted(wanted.keys() - state.keys()),
        "has too many": sorted(state.keys() - wanted.keys()),
        "has other sizes": sorted(other),
    }
    problems = [f"it {what}: {named(keys)}" for what, keys in found.items() if keys]
    if problems:
        raise UnsupportedCheckpointError(
            f"the file does not fit its network; {'; '.join(problems)}: it is incomplete or of "
            "another model"
        )


def named(keys: Collection[str]) -> str:
    """Return a few names, and the number of the rest."""
    few = list(keys)[:_NAMED]
    more = f" and {len(keys) - len(few)} more" if len(keys) > len(few) else ""
    return f"{', '.join(few)}{more}"
