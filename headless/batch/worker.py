"""A process of `spacetime batch --workers`: runs the groups it reads from standard input, by line.

It ends with its parent process, however that ends.
"""

import _thread
import json
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any, TextIO

from ..failure import message_of
from .backend import BatchStopped
from .here import Here
from .settings import BatchSettings
from .wire import event_as_json, read_task

READY, REFUSED, ENDED, STOPPED, FULL = "ready", "refused", "ended", "stopped", "full"
"""Kinds of a worker's messages besides events: it is ready, or not and why; a group has ended, was
stopped, or nothing more can be run and why."""

STOP = "stop"
"""The order to stop the running group."""

Say = Callable[[Mapping[str, Any]], None]


def main() -> None:
    """Run until standard input ends."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a parent may ignore it
    say = _answers()
    orders = queue.SimpleQueue[dict[str, Any]]()
    threading.Thread(target=_listen, args=(sys.stdin, orders), daemon=True).start()
    try:
        backend = Here(BatchSettings.of(orders.get(), {}))
    except Exception as problem:
        say({"kind": REFUSED, "message": message_of(problem)})
        return
    say({"kind": READY, "pid": os.getpid()})
    while True:
        try:
            _run_group(backend, orders.get(), say)
        except KeyboardInterrupt:
            say({"kind": STOPPED})
        except BatchStopped as problem:
            say({"kind": FULL, "message": str(problem)})


def _run_group(backend: Here, order: Mapping[str, Any], say: Say) -> None:
    tasks = [read_task(each) for each in order["tasks"]]
    backend.run(tasks, lambda event: say(event_as_json(event)))
    backend.finish()
    say({"kind": ENDED})


def _listen(source: TextIO, orders: "queue.SimpleQueue[dict[str, Any]]") -> None:
    """Read orders. When the input is closed, end the process in the middle of its work."""
    for line in source:
        order = json.loads(line)
        if order == STOP:
            _interrupt()
        else:
            orders.put(order)
    os._exit(1)


def _interrupt() -> None:
    """Raise KeyboardInterrupt in the main thread, even while it waits for others."""
    main_thread = threading.main_thread().ident
    if hasattr(signal, "pthread_kill") and main_thread is not None:
        signal.pthread_kill(main_thread, signal.SIGINT)
    else:
        _thread.interrupt_main()


def _answers() -> Say:
    """Keep standard output for answers; what libraries print goes to standard error."""
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    turn = threading.Lock()

    def say(message: Mapping[str, Any]) -> None:
        with turn:
            stream.write(f"{json.dumps(message)}\n")

    return say
