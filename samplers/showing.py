"""How networks are shown what is given of a clip."""

from enum import Enum


class Showing(Enum):
    """From the best seams to the softest."""

    LEVELS = "at noise level 0 of its own"
    """The network was trained with a level for each place."""
    CHANNELS = "in further input channels"
    """The network was trained to animate an image."""
    STATE = "as noisy as the rest"
    """The network knows of nothing that is given."""
