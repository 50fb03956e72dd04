"""Frame rates as exact fractions."""

import math
from fractions import Fraction

MAX_FPS = 1000


def to_frame_rate(fps: Fraction | float) -> Fraction:
    """Return `fps` as a fraction with a denominator that containers can hold.

    Args:
        fps: frames per second, above 0 and at most 1000.

    Returns:
        The nearest fraction with a denominator of at most 1001, so 24000/1001 stays exact.

    Raises:
        ValueError: the rate is not a number in that range.
    """
    if not math.isfinite(fps) or not 0 < fps <= MAX_FPS:
        raise ValueError(f"{fps} frames per second: use a number above 0, at most {MAX_FPS}")
    rate = Fraction(fps).limit_denominator(1001)
    if rate == 0:
        raise ValueError(f"{fps} frames per second is too slow: use at least 1/1001")
    return rate
