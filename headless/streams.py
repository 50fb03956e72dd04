"""The output and the error stream of the command, whatever is at their other end."""

import os
import sys
import traceback
from collections.abc import Iterable
from typing import TextIO

INTERRUPTED = 130
"""Exit code after Ctrl-C."""


def tell(message: str) -> None:
    """Write a message to the error stream, where there is one."""
    _write(sys.stderr, [message])


def print_results(lines: Iterable[str]) -> int:
    """Print lines on the output stream and return the exit code.

    Where they cannot be printed, as on a full disk, they are told on the error stream.
    """
    given = list(lines)
    problem = _write(sys.stdout, given)
    if problem is None:
        return 0
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is left in the stream's buffer goes there
    tell("\n".join([f"the output cannot be printed ({problem}):", *given]))
    return 1


def tell_traceback() -> None:
    """Write the traceback of the error that is handled to the error stream."""
    tell(traceback.format_exc())


def prepare_streams() -> None:
    """Let every text be printed whatever the terminal's alphabet, and no file become a stream.

    A stream that the caller closed is opened into nothing: otherwise the next file that is opened
    gets its number, and with it what libraries print.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def _write(stream: TextIO | None, lines: list[str]) -> Exception | None:
    try:
        if stream is not None:
            stream.writelines(f"{line}\n" for line in lines)
            stream.flush()
    except (OSError, ValueError) as problem:
        return problem
    return None
