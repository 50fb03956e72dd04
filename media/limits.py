"""What a workflow may ask for at most, since it can come from a stranger.

Each bound stands in the environment, for those whose work is larger.
"""

import os
from dataclasses import dataclass

from .errors import MediaError


@dataclass(frozen=True)
class Limit:
    """A bound that the environment can move.

    Args:
        variable: of the environment.
        usual: the bound where the variable is not set.
    """

    variable: str
    usual: int

    @property
    def value(self) -> int:
        """The bound.

        Raises:
            ValueError: the variable holds no number above 0.
        """
        text = os.environ.get(self.variable) or str(self.usual)
        try:
            value = int(float(text))
        except (ValueError, OverflowError):
            value = 0
        if value < 1:
            raise ValueError(
                f"{self.variable}={text[:80]!r} is no bound: use a number above 0, such as "
                f"{self.usual}"
            )
        return value

    def raised(self, needed: int) -> str:
        """How a message says that the bound can be moved."""
        return f"set {self.variable}={needed} if you trust the workflow"


MOST_PIXELS = Limit("SPACETIME_MOST_PIXELS", 2**36)
"""Of all frames of a clip together: two hours of 832x480 at 24 frames per second."""

MOST_BYTES = Limit("SPACETIME_MOST_WORKFLOW_BYTES", 2**25)
"""Of a workflow's JSON; those with hundreds of nodes have a few hundred thousand."""


def check_pixels(frames: int, height: int, width: int) -> None:
    """Refuse a clip, or a batch of pictures, of more pixels than a workflow may ask for.

    Raises:
        MediaError: says how the bound is moved.
    """
    asked, most = frames * height * width, MOST_PIXELS.value
    if asked > most:
        raise MediaError(
            f"{frames} frames of {width}x{height} are {asked:,} pixels, {most:,} is the most that "
            f"a workflow may ask for: use fewer or smaller ones, or {MOST_PIXELS.raised(asked)}"
        )
