"""Error messages of the command."""

from ..graph.errors import NodeFailed
from ..media import printable

LONGEST_MESSAGE = 6000
"""Maximum length of a message in characters; longer messages are cut."""


def message_of(problem: BaseException) -> str:
    """Describe an error for people: in printable characters, and of limited length."""
    text = str(problem)
    if isinstance(problem, MemoryError):
        text = f"out of memory: {text or 'use a smaller size or fewer frames'}"
    elif isinstance(problem, RecursionError):
        text = "the input is nested too deeply"
    elif not isinstance(problem, ValueError | OSError | NodeFailed):
        text = f"{type(problem).__name__}: {text}"
    return cut(text)


def cut(text: str) -> str:
    """Make a text printable, and cut it if it is too long for a message."""
    more = len(text) - LONGEST_MESSAGE
    shortened = f"{text[:LONGEST_MESSAGE]}… and {more} more characters" if more > 0 else text
    return printable(shortened, keep="\n\t")
