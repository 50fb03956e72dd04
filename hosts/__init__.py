"""The host that runs the nodes, chosen by the entry point before nodes are imported."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .interface import Host
    from .standalone import io, ui

__all__ = ["host", "io", "lent", "ui", "use"]

_chosen: list[Host] = []


def use(chosen: Host) -> None:
    """Choose the host of this process, or its successor of the same kind.

    Nodes are defined with the first host's ``io``, so one kind of host serves a process; a
    later one of that kind, with another device or folder, takes over from the next call on.

    Raises:
        RuntimeError: a host of another kind was chosen before.
    """
    if _chosen and _chosen[0].io is not chosen.io:
        raise RuntimeError(
            f"the {_chosen[0].name} host is in use already in this process: start another "
            f"process for the {chosen.name} host"
        )
    _chosen[:] = [chosen]


def host() -> Host:
    """The chosen host.

    Raises:
        RuntimeError: none was chosen yet.
    """
    if not _chosen:
        raise RuntimeError("no host chosen: call spacetime_video.hosts.use(...) before nodes")
    return _chosen[0]


@contextmanager
def lent() -> Iterator[None]:
    """Let another host be used in a block; the one before it, if there is any, takes over again."""
    before = [*_chosen]
    try:
        yield
    finally:
        _chosen[:] = before or _chosen


def __getattr__(name: str) -> Any:
    """``io`` and ``ui`` of the chosen host: schema names and previews, typed as the pack's own."""
    if name in ("io", "ui"):
        return getattr(host(), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
