"""Resource limits for workflows, which may come from strangers.

Each limit can be changed by an environment variable.
"""

import os
from dataclasses import dataclass

from .errors import MediaError


@dataclass(frozen=True)
class Limit:
    """A limit that an environment variable can change.

    Args:
        variable: name of the environment variable.
        usual: the limit if the variable is not set.
    """

    variable: str
    usual: int

    @property
    def value(self) -> int:
        """The limit.

        Raises:
            ValueError: the variable is not a number above 0.
        """
        text = os.environ.get(self.variable) or str(self.usual)
        try:
            value = int(float(text))
        except (ValueError, OverflowError):
            value = 0
        if value < 1:
            raise ValueError(
                f"{self.variable}={text[:80]!r} is not a valid limit: use a number above 0, such "
                f"as {self.usual}"
            )
        return value

    def raised(self, needed: int) -> str:
        """Advice in messages on raising the limit."""
        return f"set {self.variable}={needed} if you trust the workflow"


MOST_PIXELS = Limit("SPACETIME_MOST_PIXELS", 2**36)
"""All pixels of a clip together: two hours of 832x480 at 24 frames per second."""

MOST_BYTES = Limit("SPACETIME_MOST_WORKFLOW_BYTES", 2**25)
"""Size of a workflow's JSON; workflows with hundreds of nodes have a few hundred thousand bytes."""


def check_pixels(frames: int, height: int, width: int) -> None:
    """Reject a clip, or a batch of images, with more pixels than a workflow is allowed.

    Raises:
        MediaError: over the limit; the message says how to raise it.
    """
    asked, most = frames * height * width, MOST_PIXELS.value
    if asked > most:
        raise MediaError(
            f"{frames} frames of {width}x{height} are {asked:,} pixels, but a workflow may use at "
            f"most {most:,}: use fewer or smaller frames, or {MOST_PIXELS.raised(asked)}"
        )
