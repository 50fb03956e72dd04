"""Mark rarely changed inputs, which newer editors collapse."""

import inspect
from typing import Any

from ...hosts import io


def advanced() -> dict[str, Any]:
    """The arguments that mark an input as advanced; none if the host does not support them."""
    known = "advanced" in inspect.signature(io.Int.Input).parameters
    return {"advanced": True} if known else {}
