"""What the command says of an error."""

from ..graph.errors import NodeFailed
from ..media import printable

LONGEST_MESSAGE = 6000
"""Characters of a message; what is longer is cut."""


def message_of(problem: BaseException) -> str:
    """What went wrong, for people: of printable characters, and not endless."""
    text = str(problem)
    if isinstance(problem, MemoryError):
        text = f"out of memory: {text or 'use a smaller size or fewer frames'}"
    elif isinstance(problem, RecursionError):
        text = "the input is nested too deeply"
    elif not isinstance(problem, ValueError | OSError | NodeFailed):
        text = f"{type(problem).__name__}: {text}"
    return cut(text)


def cut(text: str) -> str:
    """A text of printable lines, cut where it is too long for a message."""
    more = len(text) - LONGEST_MESSAGE
    shortened = f"{text[:LONGEST_MESSAGE]}… and {more} characters more" if more > 0 else text
    return printable(shortened, keep="\n\t")
