"""Checks of a file's own claims against its contents, before anything is built from it.

Keys, counts and metadata are claims: in a damaged or malicious file they can be anything.
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
"""Most characters in a tensor's name; published names have up to about 100."""

MOST_KEYS = 10_000
"""Most tensors in a file; published files have a few thousand."""

MOST_TOKENS = 8192
"""Most tokens in a prompt; published models read up to 512."""

LARGEST = 2**24
"""Largest value of any size of a network."""

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
"""Dtypes by their names in safetensors headers."""

if hasattr(torch, "float8_e8m0fnu"):  # since torch 2.7
    TYPES["F8_E8M0"] = torch.float8_e8m0fnu

Config = TypeVar("Config")
Network = TypeVar("Network", bound=nn.Module)


def check_keys(name: str, keys: Sequence[str]) -> None:
    """Refuse tensor names that no network has, before any pattern is matched against them.

    Raises:
        UnsupportedCheckpointError: there are too many names, or one is too long.
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
    """Return the dtype that a header names for a tensor.

    Raises:
        UnsupportedCheckpointError: the dtype is not known.
    """
    if stored not in TYPES:
        raise UnsupportedCheckpointError(
            f"{name} stores {key!r} as {stored}, which is not supported: use the fp16, bf16 or "
            "fp8_scaled file of this model"
        )
    return TYPES[stored]


def claimed_config(name: str, make: Callable[..., Config], fields: object, tensors: int) -> Config:
    """Make a config from the fields in a file's header.

    Args:
        name: name of the file.
        make: constructor that takes the fields by name.
        fields: untrusted JSON.
        tensors: number of tensors in the file, which bounds every count of blocks.

    Raises:
        UnsupportedCheckpointError: the fields do not describe a network that this file can hold.
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
    """Smallest value of each field of a config: 1, or as declared (``metadata={"least": 0}``)."""
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
    """Make a latent format from the fields in a file's header.

    Raises:
        UnsupportedCheckpointError: the fields do not describe latents.
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
    """Check and return the shift of a model's schedules.

    Raises:
        UnsupportedCheckpointError: it is not a number above 0.
    """
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf:
        return float(value)
    raise UnsupportedCheckpointError(
        f"the header of {name} gives a shift of {value!r:.40}: it must be a number above 0"
    )


def claimed_length(name: str, value: object) -> int:
    """Check and return the number of tokens in a prompt.

    Raises:
        UnsupportedCheckpointError: it is not a whole number in a sensible range.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= MOST_TOKENS:
        raise UnsupportedCheckpointError(
            f"the header of {name} gives a text length of {value!r:.40} tokens: it must be a whole "
            f"number from 1 to {MOST_TOKENS}"
        )
    return value


def on_meta(build: Callable[[], Network]) -> Network:
    """Build a network on the meta device, without memory.

    Raises:
        UnsupportedCheckpointError: there is no network of these sizes.
    """
    try:
        with torch.device("meta"):
            return build()
    except (TypeError, ValueError, RuntimeError, ArithmeticError) as error:
        raise UnsupportedCheckpointError(
            f"no network has the sizes that the file gives ({str(error)[:200]}): the file is "
            "damaged; download it again"
        ) from error


def compare_with(network: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Compare the names and shapes of a file's tensors with those of its network.

    Raises:
        UnsupportedCheckpointError: they differ; the message names a few and counts the rest.
    """
    wanted = network.state_dict()
    other = [
        f"{key} {tuple(state[key].shape)} instead of {tuple(wanted[key].shape)}"
        for key in wanted.keys() & state.keys()
        if state[key].shape != wanted[key].shape
    ]
    found = {
        "lacks": sorted(wanted.keys() - state.keys()),
        "has extra tensors": sorted(state.keys() - wanted.keys()),
        "has tensors of other sizes": sorted(other),
    }
    problems = [f"it {what}: {named(keys)}" for what, keys in found.items() if keys]
    if problems:
        raise UnsupportedCheckpointError(
            f"the file does not fit its network; {'; '.join(problems)}: it is incomplete or "
            "belongs to another model"
        )


def named(keys: Collection[str]) -> str:
    """List the first few names and count the rest."""
    few = list(keys)[:_NAMED]
    more = f" and {len(keys) - len(few)} more" if len(keys) > len(few) else ""
    return f"{', '.join(few)}{more}"
