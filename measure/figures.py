"""The figures of a measurement: shares, means and extremes, in tables with named columns."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

Z = 1.96
"""Standard deviations on either side of the mean that hold 95 % of a normal distribution."""


class Figure(Protocol):
    """A number that can be written for people and for programs."""

    def as_dict(self) -> dict[str, Any]:
        """Rounded values for JSON."""
        ...

    def told(self) -> str:
        """Short text for a table."""
        ...


class Share(NamedTuple):
    """Successes among trials with Wilson's 95 % interval."""

    right: int
    trials: int

    def as_dict(self) -> dict[str, Any]:
        """Percentages, rounded."""
        low, high = self.interval()
        return {
            "percent": round(100 * self.right / self.trials, 1),
            "interval_95": [round(100 * low, 1), round(100 * high, 1)],
            "right": self.right,
            "of": self.trials,
        }

    def interval(self) -> tuple[float, float]:
        """Wilson score interval (1927) at 95 %."""
        n = self.trials
        rate, spread = self.right / n, Z * Z / n
        centre = (rate + spread / 2) / (1 + spread)
        half = Z / (1 + spread) * math.sqrt(rate * (1 - rate) / n + spread / (4 * n))
        return max(centre - half, 0.0), min(centre + half, 1.0)

    def told(self) -> str:
        """Percent with the interval, such as "84 % (72-92)"."""
        low, high = self.interval()
        return f"{100 * self.right / self.trials:.0f} % ({100 * low:.0f}-{100 * high:.0f})"


class Mean(NamedTuple):
    """A mean with the normal 95 % interval of its standard error."""

    mean: float
    error: float
    trials: int
    unit: str

    @classmethod
    def of(cls, values: Sequence[float], unit: str) -> "Mean":
        """Mean of at least one value."""
        count = len(values)
        mean = math.fsum(values) / count
        squares = math.fsum((value - mean) ** 2 for value in values)
        return cls(mean, math.sqrt(squares / max(count - 1, 1) / count), count, unit)

    def as_dict(self) -> dict[str, Any]:
        """The mean and its interval, rounded."""
        half = Z * self.error
        interval = [round(self.mean - half, 2), round(self.mean + half, 2)]
        return {
            "mean": round(self.mean, 4),
            "interval_95": interval,
            "standard_error": round(self.error, 4),
            "of": self.trials,
            "unit": self.unit,
        }

    def told(self) -> str:
        """Mean with the half width of the interval."""
        return f"{self.mean:.1f} {self.unit} (±{Z * self.error:.1f})"


def ratio(passed: Sequence[bool], reference: Sequence[bool]) -> Mean:
    """Ratio of how often trials pass to how often the reference passes on the same trials, in %.

    The error is that of the logarithm of a ratio of paired shares.

    Raises:
        ValueError: the numbers of trials differ, or the reference never passes.
    """
    own, true = sum(passed), sum(reference)
    if len(passed) != len(reference) or not true:
        raise ValueError(
            f"{len(passed)} trials and {len(reference)} of the reference, of which {true} pass: "
            "give the same number of both, of which some pass in the reference"
        )
    differ = sum(a != b for a, b in zip(passed, reference, strict=True))
    error = own / true * math.sqrt(differ / (own * true)) if own else 0.0
    return Mean(100 * own / true, 100 * error, len(passed), "%")


class Largest(NamedTuple):
    """The largest of some numbers, unrounded: 0 means exactly 0."""

    value: float

    def as_dict(self) -> dict[str, Any]:
        """The number."""
        return {"largest": self.value}

    def told(self) -> str:
        """The number, short."""
        return f"{self.value:.3g}"


class Number(NamedTuple):
    """A number without an interval, such as a count or a time."""

    value: float
    unit: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The number with its unit."""
        return {"number": self.value, "unit": self.unit}

    def told(self) -> str:
        """The number with three digits and the unit."""
        return f"{self.value:.3g} {self.unit}".rstrip()


def figure_of(values: Mapping[str, Any]) -> Figure:
    """Restore a figure from the result of `as_dict`.

    Raises:
        ValueError: the values do not describe a figure.
    """
    try:
        if "percent" in values:
            return Share(values["right"], values["of"])
        if "mean" in values:
            return Mean(values["mean"], values["standard_error"], values["of"], values["unit"])
        if "number" in values:
            return Number(values["number"], values["unit"])
        return Largest(values["largest"])
    except KeyError as missing:
        raise ValueError(
            f"a figure with {', '.join(values)} lacks {missing}: measure again with this version"
        ) from missing


@dataclass(frozen=True)
class Table:
    """Figures by row and column.

    Args:
        group, title: name of its group of tables, and its own name.
        notes: what is missing and why.
        seconds: duration of the measurement.
    """

    group: str
    title: str
    rows: Mapping[str, Mapping[str, Figure]]
    notes: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def name(self) -> str:
        """Group and title in one line."""
        return f"{self.group}: {self.title}"

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of all columns, in the order of their first use."""
        return tuple(dict.fromkeys(name for row in self.rows.values() for name in row))

    def as_dict(self) -> dict[str, Any]:
        """Names, duration, notes, and the values by row and column."""
        return {
            "group": self.group,
            "title": self.title,
            "seconds": round(self.seconds, 3),
            "notes": list(self.notes),
            "rows": {
                row: {column: figure.as_dict() for column, figure in figures.items()}
                for row, figures in self.rows.items()
            },
        }


def table_of(values: Mapping[str, Any]) -> Table:
    """Restore a table from the result of `as_dict`."""
    rows = {
        row: {column: figure_of(figure) for column, figure in figures.items()}
        for row, figures in values["rows"].items()
    }
    notes = tuple(values["notes"])
    return Table(values["group"], values["title"], rows, notes, values["seconds"])


def shares(
    verdicts: Sequence[Mapping[str, bool]], names: Sequence[str], beside: Sequence[str] = ()
) -> dict[str, Share]:
    """Count how many clips pass each named test, among those to which it applies.

    Tests that apply to no clip are left out.

    Args:
        names: tests; if there are several, a row "all" for all of them at once follows.
        beside: further tests, which are not part of "all".
    """
    table = {}
    for name in names:
        _count(table, name, [verdict[name] for verdict in verdicts if name in verdict])
    if len(table) > 1:
        _count(
            table, "all", [all(verdict.get(name, True) for name in names) for verdict in verdicts]
        )
    for name in beside:
        _count(table, name, [verdict[name] for verdict in verdicts if name in verdict])
    return table


def _count(table: dict[str, Share], name: str, passed: Sequence[bool]) -> None:
    if passed:
        table[name] = Share(sum(passed), len(passed))
