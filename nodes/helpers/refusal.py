"""What ``validate_inputs`` answers where a value cannot be read."""

from collections.abc import Callable
from typing import Any


def refusal(check: Callable[..., Any], *values: Any) -> Any:
    """The error of a check as a text, True for none.

    Values that come over wires are None before the run; then there is nothing to check.
    """
    if None in values:
        return True
    try:
        check(*values)
    except ValueError as problem:
        return str(problem)
    return True
