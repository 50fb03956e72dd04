"""Quantiles of the beta distribution, which space the levels of the beta schedule."""

import math

_MOST_TERMS = 60
_HALVINGS = 60


def beta_quantile(probability: float, a: float, b: float) -> float:
    """Return x with P(X <= x) = probability for X ~ Beta(a, b), to 1e-12.

    Args:
        probability: in [0, 1].
        a, b: shape of the distribution, above 0.

    Raises:
        ValueError: a number is out of range.
    """
    if not (0 <= probability <= 1 and a > 0 and b > 0):
        raise ValueError(
            f"quantile {probability} of Beta({a}, {b}): the probability must lie in [0, 1], "
            "a and b must be above 0"
        )
    if probability in (0, 1):
        return float(probability)
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if beta_distribution(middle, a, b) < probability:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def beta_distribution(x: float, a: float, b: float) -> float:
    """Return P(X <= x) for X ~ Beta(a, b), the regularised incomplete beta function.

    Its continued fraction converges fast for x below the mean; above the mean, the complementary
    tail is used. Source: Abramowitz and Stegun, "Handbook of Mathematical Functions", 26.5.8.
    """
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - beta_distribution(1 - x, b, a)
    log_front = a * math.log(x) + b * math.log1p(-x) - math.log(a)
    log_front += math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    return math.exp(log_front) / _continued_fraction(x, a, b)


def _continued_fraction(x: float, a: float, b: float) -> float:
    """Evaluate 1 + d1 / (1 + d2 / (1 + ...)) from the far end."""
    value = 1.0
    for term in range(_MOST_TERMS, 0, -1):
        value = 1 + _coefficient(term, a, b) * x / value
    return value


def _coefficient(term: int, a: float, b: float) -> float:
    m, is_odd = divmod(term, 2)
    if is_odd:
        return -(a + m) * (a + b + m) / ((a + 2 * m) * (a + 2 * m + 1))
    return m * (b - m) / ((a + 2 * m - 1) * (a + 2 * m))
