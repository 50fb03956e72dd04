"""The host that runs the nodes; the entry point chooses it before it imports the nodes."""

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
    """Choose the host of this process, or replace it with another of the same kind.

    Nodes are defined with the first host's ``io``, so a process has one kind of host. A later
    host of that kind, with another device or other folders, serves all calls from then on.

    Raises:
        RuntimeError: a host of another kind is already in use.
    """
    if _chosen and _chosen[0].io is not chosen.io:
        raise RuntimeError(
            f"the {_chosen[0].name} host is already in use in this process: start another "
            f"process for the {chosen.name} host"
        )
    _chosen[:] = [chosen]


def host() -> Host:
    """Return the chosen host.

    Raises:
        RuntimeError: no host has been chosen yet.
    """
    if not _chosen:
        raise RuntimeError("no host chosen: call spacetime_video.hosts.use(...) before nodes")
    return _chosen[0]


@contextmanager
def lent() -> Iterator[None]:
    """Allow another host to be used in a block; restore the previous one, if any, afterwards."""
    before = [*_chosen]
    try:
        yield
    finally:
        _chosen[:] = before or _chosen


def __getattr__(name: str) -> Any:
    """Return ``io`` or ``ui`` of the chosen host, typed as the pack's own."""
    if name in ("io", "ui"):
        return getattr(host(), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
