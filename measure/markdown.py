"""Tables of a measurement in Markdown, as they appear in docs/figures.md."""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from .figures import Figure, Share, Table

_MADE = "generated"


def markdown(tables: Sequence[Table]) -> str:
    """Return one Markdown table per group of tables, with its name before and notes after it.

    Tables with the same rows and columns are merged: each becomes a column of its generated clips,
    followed by the ranges of the other columns. Otherwise every row names its table.
    """
    groups = [list(group) for _, group in groupby(tables, lambda table: table.group)]
    return _typeset("\n".join(line for group in groups for line in _group(group)))


def _typeset(text: str) -> str:
    """Use an en dash and a multiplication sign between digits, for ranges and sizes."""
    text = re.sub(r"(?<=\d)-(?=\d)", "\N{EN DASH}", text)
    return re.sub(r"(?<=\d)x(?=\d)", "\N{MULTIPLICATION SIGN}", text)


def _group(group: Sequence[Table]) -> Iterator[str]:
    alike = all(_shape(table) == _shape(group[0]) for table in group)
    wide = len(group) > 1 and alike and _MADE in group[0].columns
    yield f"**{group[0].group}**"
    yield ""
    yield from _wide(group) if wide else _long(group)
    yield ""
    for note in (note for table in group for note in table.notes):
        yield note
        yield ""


def _shape(table: Table) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return tuple(table.rows), table.columns


def _wide(group: Sequence[Table]) -> Iterator[str]:
    others = [name for name in group[0].columns if name != _MADE]
    yield from _head(*(table.title for table in group), *others)
    for row in group[0].rows:
        made = (_cell(table, row, _MADE) for table in group)
        ranges = (
            _range([t.rows[row][name] for t in group if name in t.rows[row]]) for name in others
        )
        yield _line(row, *made, *ranges)


def _long(group: Sequence[Table]) -> Iterator[str]:
    columns = tuple(dict.fromkeys(name for table in group for name in table.columns))
    yield from _head(*columns)
    for table in group:
        for row in table.rows:
            name = row if len(group) == 1 else f"{table.title}: {row}"
            yield _line(name, *(_cell(table, row, column) for column in columns))


def _head(*columns: str) -> Iterator[str]:
    yield _line("", *columns)
    yield "|---" * (1 + len(columns)) + "|"


def _line(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


def _cell(table: Table, row: str, column: str) -> str:
    figure = table.rows[row].get(column)
    return figure.told() if figure else ""


def _range(figures: Sequence[Figure]) -> str:
    """The lowest and the highest share in percent; other figures are listed one by one."""
    percents = [100 * each.right / each.trials for each in figures if isinstance(each, Share)]
    if len(percents) < len(figures):
        return ", ".join(each.told() for each in figures)
    ends = dict.fromkeys(f"{end:.0f}" for end in (min(percents), max(percents))) if percents else ()
    return f"{'-'.join(ends)} %" if ends else ""
