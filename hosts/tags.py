"""Metadata values as JSON that every reader accepts."""

import json
import math
from typing import Any


def as_json(value: Any) -> str:
    """Return a value as JSON, with null for NaN and infinity, as editors write it."""
    try:
        return json.dumps(value, allow_nan=False)
    except ValueError:
        return json.dumps(_finite(value))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
