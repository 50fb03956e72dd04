"""Standard output and standard error of the command, whatever they are connected to."""

import os
import sys
import traceback
from collections.abc import Iterable
from typing import TextIO

INTERRUPTED = 130
"""Exit code after Ctrl-C."""


def tell(message: str) -> None:
    """Write a message to standard error, if there is one."""
    _write(sys.stderr, [message])


def print_results(lines: Iterable[str]) -> int:
    """Print lines to standard output and return the exit code.

    Lines that cannot be printed, for example on a full disk, go to standard error.
    """
    given = list(lines)
    problem = _write(sys.stdout, given)
    if problem is None:
        return 0
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # swallows what is left in the stream's buffer
    tell("\n".join([f"cannot print to standard output ({problem}):", *given]))
    return 1


def tell_traceback() -> None:
    """Write the traceback of the current exception to standard error."""
    tell(traceback.format_exc())


def prepare_streams() -> None:
    """Make the standard streams safe to print to.

    Characters that the terminal cannot encode are escaped. A stream that the caller closed is
    opened on the null device: otherwise the next file to be opened would get its number, and with
    it whatever libraries print.
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
