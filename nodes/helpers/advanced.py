"""Inputs that are rarely changed, which newer editors fold away."""

import inspect
from typing import Any

from ...hosts import io


def advanced() -> dict[str, Any]:
    """Arguments of an input that mark it as advanced, none where the host knows no such inputs."""
    known = "advanced" in inspect.signature(io.Int.Input).parameters
    return {"advanced": True} if known else {}
