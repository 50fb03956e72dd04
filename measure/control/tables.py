"""Tables of findings, and whether the thresholds are met."""

from collections.abc import Iterator, Mapping, Sequence

from ..figures import Figure, Mean, Share, Table
from ..ways import value_of
from .jobs import BAR, MOST_LOST, ControlJob
from .judging import FOLLOWED, Findings

GROUP = "control"
STEERED, ANOTHER, FREE, TRUTH = "with the hint", "with another's hint", "without", "true clips"


OF_PROMPTS = frozenset(
    ("colour", "shape", "motion", "then", "setting", "style", "binding", "count", "relation", "all")
)
"""Tests of prompts; all others are of hints."""


def control_table(job: ControlJob, found: Mapping[str, Sequence[Findings]]) -> Table:
    """Make a table with one column per version; the hint's rows come before the prompt's."""
    rows: dict[str, dict[str, Figure]] = {}
    for column, findings in found.items():
        for name in _names(job, findings):
            values = [each[name] for each in findings if name in each]
            rows.setdefault(name, {})[column] = figure(values)
    return Table(GROUP, job.title, rows, tuple(_verdicts(job, rows)))


def _names(job: ControlJob, findings: Sequence[Findings]) -> list[str]:
    named = dict.fromkeys(name for each in findings for name in each)
    followed = [name for name in named if name not in OF_PROMPTS]
    return [*followed, *(name for name in job.told if name in named)]


def figure(values: Sequence[float | bool]) -> Figure:
    """Share of passed tests, or mean of shares in percent."""
    if all(isinstance(value, bool) for value in values):
        return Share(sum(map(bool, values)), len(values))
    return Mean.of([100 * value for value in values], "%")


def _verdicts(job: ControlJob, rows: Mapping[str, Mapping[str, Figure]]) -> Iterator[str]:
    for name in FOLLOWED[job.title]:
        figures = rows[name]
        share, of = value_of(figures[STEERED]), "clips"
        if isinstance(figures[STEERED], Mean):
            share, of = share / value_of(figures[TRUTH]), "what true clips reach"
        yield (
            f"{verdict(share >= BAR)}: {name}: {100 * share:.0f} % of {of}, "
            f"{100 * BAR:.0f} % required"
        )
    for name in job.kept:
        lost = value_of(rows[name][FREE]) - value_of(rows[name][STEERED])
        yield (
            f"{verdict(lost <= MOST_LOST)}: {name} loses {100 * lost:.1f} points with control, "
            f"at most {100 * MOST_LOST:.0f} allowed"
        )


def verdict(passed: bool) -> str:
    """Word for whether a threshold was met."""
    return "PASS" if passed else "FAIL"
