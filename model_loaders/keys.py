"""State dict keys: renaming by a table, stripping prefixes, counting blocks."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence

from torch import Tensor

KeyTable = Sequence[tuple[str, str | None]]


class UnsupportedCheckpointError(ValueError):
    """The file does not hold a model that this pack can run."""


def rename(state_dict: Mapping[str, Tensor], table: KeyTable) -> dict[str, Tensor]:
    """Rename every key by the first rule of the table that matches it whole.

    Args:
        state_dict: tensors by name.
        table: rules (regular expression, replacement); the replacement may refer to groups, and
            None drops the tensor.

    Raises:
        UnsupportedCheckpointError: no rule matches a key, or two keys get the same name.
    """
    rules = [(re.compile(pattern), replacement) for pattern, replacement in table]
    renamed: dict[str, Tensor] = {}
    unmatched: list[str] = []
    for key, tensor in state_dict.items():
        rule = _first_match(key, rules)
        if rule is None:
            unmatched.append(key)
            continue
        match, replacement = rule
        if replacement is None:
            continue
        name = match.expand(replacement)
        if name in renamed:
            raise UnsupportedCheckpointError(
                f"two tensors of the file would both become {name!r}, the second is {key!r}: "
                "the file mixes key layouts; use a file in one of the published layouts"
            )
        renamed[name] = tensor
    if unmatched:
        raise UnsupportedCheckpointError(_describe_unmatched(unmatched))
    return renamed


def strip_prefixes(state_dict: Mapping[str, Tensor], prefixes: Iterable[str]) -> dict[str, Tensor]:
    """Strip the first prefix that any key has; drop all keys without it.

    If no key has any of the prefixes, the state dict is returned as it is.
    """
    for prefix in prefixes:
        stripped = {
            key.removeprefix(prefix): tensor
            for key, tensor in state_dict.items()
            if key.startswith(prefix)
        }
        if stripped:
            return stripped
    return dict(state_dict)


def count_blocks(keys: Iterable[str], pattern: str) -> int:
    """Count the blocks of a network; 0 if there are none.

    Args:
        keys: names of tensors.
        pattern: regular expression for the start of a key, whose only group is the block number.

    Raises:
        UnsupportedCheckpointError: the numbers have gaps.
    """
    matches = (re.match(pattern, key) for key in keys)
    numbers = {int(match[1]) for match in matches if match}
    gap = next(number for number in itertools.count() if number not in numbers)
    if gap < len(numbers):
        raise UnsupportedCheckpointError(
            f"the file has block {max(numbers)} but no block {gap}: it is incomplete; download "
            "it again, or merge its parts into one file"
        )
    return len(numbers)


def _first_match(
    key: str, rules: list[tuple[re.Pattern[str], str | None]]
) -> tuple[re.Match[str], str | None] | None:
    for pattern, replacement in rules:
        match = pattern.fullmatch(key)
        if match:
            return match, replacement
    return None


def _describe_unmatched(keys: list[str]) -> str:
    shown = ", ".join(repr(key) for key in keys[:5])
    more = f" and {len(keys) - 5} more" if len(keys) > 5 else ""
    return (
        f"the file holds tensors that no known layout has: {shown}{more}; "
        "it belongs to another model, or to a variant that is not supported"
    )
