"""A guider that takes over from another in the middle of a run."""

import copy
from collections.abc import Callable
from functools import wraps
from typing import Any, NamedTuple, TypeVar, cast


class After(NamedTuple):
    """A guider that takes over from another at a noise level."""

    guider: Any
    level: float


Changing = TypeVar("Changing", bound=Callable[..., Any])


def on_both(change: Changing) -> Changing:
    """Apply a change to a guider and to the one that takes over from it."""

    @wraps(change)
    def changed(guider: Any, *arguments: Any, **named: Any) -> Any:
        made, after = change(guider, *arguments, **named), getattr(guider, "after", None)
        if after is None:
            return made
        made = copy.copy(made)
        made.after = after._replace(guider=change(after.guider, *arguments, **named))
        return made

    return cast(Changing, changed)
