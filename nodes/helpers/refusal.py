"""Turn a failed check into the answer of ``validate_inputs``."""

from collections.abc import Callable
from typing import Any


def refusal(check: Callable[..., Any], *values: Any) -> Any:
    """The error of a check as text; True if there is none.

    Values from links are None before the run; then nothing is checked.
    """
    if None in values:
        return True
    try:
        check(*values)
    except ValueError as problem:
        return str(problem)
    return True
