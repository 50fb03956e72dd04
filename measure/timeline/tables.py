"""Summarise the findings of many clips in a table."""

from collections.abc import Mapping, Sequence
from statistics import median

import numpy as np

from ..figures import Figure, Number, Share, Table
from ..scores.joins import METERS
from .jobs import WITHIN
from .judging import Findings

GROUP = "timeline"
ALL = "all joins"
EVERYTHING = "all of these"


def table_of_findings(
    title: str,
    found: Mapping[str, Sequence[Findings]],
    kinds: Mapping[int, str],
    notes: tuple[str, ...] = (),
) -> Table:
    """Return a table with one column for every version of the clips.

    Args:
        title: title of the table.
        found: version -> findings of all clips.
        kinds: first frame after a join -> kind of the join.
        notes: notes below the table.
    """
    rows: dict[str, dict[str, Figure]] = {}
    for column, findings in found.items():
        for row, figure in _column(findings, kinds).items():
            rows.setdefault(row, {})[column] = figure
    return Table(GROUP, title, rows, notes)


def _column(findings: Sequence[Findings], kinds: Mapping[int, str]) -> dict[str, Figure]:
    return {**_joins(findings, kinds), **_truth(findings), **_over_time(findings)}


def _joins(findings: Sequence[Findings], kinds: Mapping[int, str]) -> dict[str, Figure]:
    judged = [score for each in findings for score in each.joins]
    scores = [score for score in judged if kinds[score.frame] != WITHIN]
    if not scores:
        return {}
    figures: dict[str, Figure] = {ALL: _share([score.passed for score in scores])}
    names = dict.fromkeys(kinds.values())
    for name in names if len(names) > 1 else ():
        figures[name] = _share([score.passed for score in judged if kinds[score.frame] == name])
    for meter in METERS:
        passed = [meter not in score.failed for score in scores if meter in score.deviations]
        if passed:
            figures[f"by {meter}"] = _share(passed)
    return figures


def _truth(findings: Sequence[Findings]) -> dict[str, Figure]:
    truths = [each.truth for each in findings if each.truth]
    if not truths:
        return {}
    figures: dict[str, Figure] = {
        name: _share([truth[name] for truth in truths]) for name in truths[0]
    }
    return {**figures, EVERYTHING: _share([all(truth.values()) for truth in truths])}


def _over_time(findings: Sequence[Findings]) -> dict[str, Figure]:
    worst = [each.drift.worst for each in findings]
    motions = [each.motion for each in findings]
    return {
        "no drift": _share([each.drift.passed for each in findings]),
        "drift, median": _number(median(worst), "/255"),
        "drift, 90th percentile": _number(_high(worst), "/255"),
        "drift of the whole image, median": _number(
            median(each.drift.whole for each in findings), "/255"
        ),
        "flicker, median": _number(median(each.flicker for each in motions), "/255"),
        "motion, median": _number(median(each.amount for each in motions), "/255"),
        "steps at the end relative to the beginning, median": _number(
            median(each.end_to_start for each in motions), ""
        ),
        "frozen frames, median": _number(median(each.frozen for each in motions), ""),
    }


def _share(passed: Sequence[bool]) -> Share:
    return Share(sum(passed), len(passed))


def _number(value: float, unit: str) -> Number:
    return Number(round(value, 3), unit)


def _high(values: Sequence[float]) -> float:
    return float(np.quantile(values, 0.9))
