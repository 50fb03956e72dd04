"""How a network sees the given part of a clip."""

from enum import Enum


class Showing(Enum):
    """How the given part is shown, from the best seams to the softest."""

    LEVELS = "at noise level 0 of its own"
    """The network was trained with per-position noise levels."""
    CHANNELS = "in extra input channels"
    """The network was trained to animate an image."""
    STATE = "as noisy as the rest"
    """The network is not conditioned on the given part."""
