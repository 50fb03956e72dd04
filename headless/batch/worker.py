"""A process of `spacetime batch --workers`: runs the groups that come by its input, line by line.

It ends with the process that has started it, however that ends.
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
"""Kinds of what a worker says beside events: it can begin, or not and why; a group has ended, was
stopped, or nothing more can be run and why."""

STOP = "stop"
"""The order to stop the group that runs."""

Say = Callable[[Mapping[str, Any]], None]


def main() -> None:
    """Run until the input ends."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which a parent may ignore
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
    """Take orders. When there can be none any more, the process ends in the middle of its work."""
    for line in source:
        order = json.loads(line)
        if order == STOP:
            _interrupt()
        else:
            orders.put(order)
    os._exit(1)


def _interrupt() -> None:
    """Raise KeyboardInterrupt in the main thread, also where that waits for others."""
    main_thread = threading.main_thread().ident
    if hasattr(signal, "pthread_kill") and main_thread is not None:
        signal.pthread_kill(main_thread, signal.SIGINT)
    else:
        _thread.interrupt_main()


def _answers() -> Say:
    """Keep the output stream for answers; what libraries print goes to the error stream."""
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    turn = threading.Lock()

    def say(message: Mapping[str, Any]) -> None:
        with turn:
            stream.write(f"{json.dumps(message)}\n")

    return say
