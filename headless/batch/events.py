"""Events of a batch as lines of JSON, for programs."""

import json
from collections.abc import Mapping
from typing import Any

from .backend import JobFailed, JobNote, JobStarted, StepDone
from .runner import Told


def as_line(told: Told, name: str) -> str:
    """Return an event of a job as one line of JSON."""
    return json.dumps({"event": _kind(told), "job": told.job, "name": name, **_facts(told)})


def _kind(told: Told) -> str:
    if isinstance(told, JobStarted):
        return "started"
    if isinstance(told, StepDone):
        return "step"
    if isinstance(told, JobNote):
        return "warning" if told.warning else "note"
    return "failed" if isinstance(told, JobFailed) else "done"


def _facts(told: Told) -> Mapping[str, Any]:
    if isinstance(told, JobStarted):
        return {}
    if isinstance(told, StepDone):
        return {"node": told.node, "done": told.done, "total": told.total}
    if isinstance(told, JobNote):
        return {"text": told.text}
    if isinstance(told, JobFailed):
        return {"error": told.message, "node": told.node}
    return {"files": [str(path) for path in told.files], "seconds": round(told.seconds, 3)}
