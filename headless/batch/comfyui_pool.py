"""A pool of ComfyUI servers, each of which runs one job of a batch at a time and may go away."""

import logging
import threading
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from ...graph.registry import Registry
from ...graph.server_nodes import server_nodes
from .backend import BatchStopped
from .comfyui_client import ComfyUIClient, Refused, Unreachable, no_server

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 15.0
"""Seconds between checks whether a server is back; each pause is twice the one before."""

RETURN_SECONDS = 20.0
"""Seconds that a job waits for the server it was queued on before another server gets it."""

log = logging.getLogger(__name__)


@dataclass(eq=False)
class ServerSlot:
    """A server, and what is known about it since it last came up.

    Attributes:
        client: HTTP client of the server.
        info: the server's description of its nodes.
        registry: the same nodes as a registry.
        versions: versions of ComfyUI, torch and Python that it runs with.
        uploaded: names of uploaded files there, by path, size and modification time.
        abandoned: prompts that it may still run, though other servers have taken over their jobs.
    """

    client: ComfyUIClient
    info: dict[str, Any] = field(default_factory=dict[str, Any])
    registry: Registry = field(default_factory=Registry)
    versions: dict[str, str] = field(default_factory=dict[str, str])
    uploaded: dict[tuple[str, int, int], str] = field(
        default_factory=dict[tuple[str, int, int], str]
    )
    abandoned: set[str] = field(default_factory=set[str])
    is_there: bool = False
    pause: float = FIRST_PAUSE
    next_try: float = 0.0

    def meet(self) -> None:
        """Query the server, which may have been restarted with other nodes and folders.

        Raises:
            Unreachable: it does not answer.
            Refused, ValueError: it is not ComfyUI, or denies access.
        """
        self.info = self.client.object_info()
        self.registry = server_nodes(self.info)
        self.versions = self.client.versions()
        self.uploaded.clear()
        self.is_there, self.pause, self.next_try = True, FIRST_PAUSE, 0.0


class ServerPool:
    """Lends servers to the threads of a batch.

    Args:
        slots: the servers.
        patience: seconds after which a batch with no server available ends.
    """

    def __init__(self, slots: Sequence[ServerSlot], patience: float) -> None:
        self.slots = tuple(slots)
        self._patience = patience
        self._idle = list(slots)
        self._turn = threading.Condition()
        self._stopping = False
        self._seen = time.monotonic()

    @property
    def is_stopping(self) -> bool:
        """Whether the batch is being stopped."""
        return self._stopping

    def meet(self) -> None:
        """Query all servers before any work.

        Raises:
            ValueError: one is not ComfyUI, or denies access.
            Unreachable: none answers; if only some do not, a warning is logged.
        """
        problems = [problem for slot in self.slots if (problem := self._absence(slot))]
        if len(problems) == len(self.slots):
            raise no_server(problems)
        for problem in problems:
            log.warning("%s: the batch starts without it", problem)

    def take(
        self, *, avoid: Collection[ServerSlot] = (), after: ServerSlot | None = None
    ) -> ServerSlot:
        """Wait for a server that is available and idle.

        Args:
            avoid: servers that cannot run the job.
            after: the server that was lost while it ran the job; for `RETURN_SECONDS` no other
                server is taken.

        Raises:
            KeyboardInterrupt: the batch is being stopped.
            BatchStopped: no server has been available for too long.
        """
        alone_until = time.monotonic() + RETURN_SECONDS if after else 0.0
        while True:
            slot = self._claimed(avoid, after if time.monotonic() < alone_until else None)
            if slot is None:
                self._wait()
            elif self._is_ready(slot):
                return slot

    def give(self, slot: ServerSlot) -> None:
        """Hand a server back."""
        with self._turn:
            self._idle.append(slot)
            self._turn.notify_all()

    def lost(self, slot: ServerSlot, problem: Exception) -> None:
        """Note that a server that was taken did not answer."""
        log.warning("%s: waiting for it", problem)
        slot.is_there, slot.next_try = False, time.monotonic() + slot.pause

    def seen(self) -> None:
        """Note that a server has answered."""
        self._seen = time.monotonic()

    def stop(self) -> None:
        """Wake all waiting threads; no more servers are lent."""
        with self._turn:
            self._stopping = True
            self._turn.notify_all()

    def _claimed(self, avoid: Collection[ServerSlot], only: ServerSlot | None) -> ServerSlot | None:
        """Take an idle server, preferably one that answered last time; absent ones when due."""
        with self._turn:
            if self._stopping:
                raise KeyboardInterrupt
            now = time.monotonic()
            fitting = [
                slot
                for slot in self._idle
                if slot not in avoid
                and (only is None or slot is only)
                and (slot.is_there or slot.next_try <= now)
            ]
            best = max(fitting, key=lambda slot: slot.is_there, default=None)
            if best is not None:
                self._idle.remove(best)
            return best

    def _wait(self) -> None:
        away = time.monotonic() - self._seen
        if away > self._patience and not any(slot.is_there for slot in self.slots):
            raise BatchStopped(
                f"no ComfyUI server has answered for {away:.0f} s (--server-patience): start "
                "one, then run again with --resume"
            )
        with self._turn:
            self._turn.wait(FIRST_PAUSE / 2)

    def _is_ready(self, slot: ServerSlot) -> bool:
        """Whether a claimed server is available; otherwise it is handed back."""
        try:
            if not slot.is_there and not self._absence(slot):
                log.warning("%s is available", slot.client.url)
        except ValueError as problem:  # it now denies access, or something else answers
            log.warning("%s: waiting for it", problem)
        finally:
            if not slot.is_there:
                slot.pause = min(2 * slot.pause, LONGEST_PAUSE)
                slot.next_try = time.monotonic() + slot.pause
                self.give(slot)
        return slot.is_there

    def _absence(self, slot: ServerSlot) -> str:
        """Return why a server is not available; empty if it is."""
        try:
            slot.meet()
        except Unreachable as problem:
            return str(problem)
        self.seen()
        for prompt in list(slot.abandoned):
            with suppress(Unreachable, Refused):
                slot.client.cancel(prompt)
                slot.abandoned.discard(prompt)
        return ""
