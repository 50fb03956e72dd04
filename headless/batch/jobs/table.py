"""Tables of jobs: one row per job, with inputs, `workflow` and `name` as columns."""

import csv
import json
from collections.abc import Iterable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

from ....graph.workflow import check_depth
from ....media import shown
from .problems import BatchError
from .sweep import as_text, read_text
from .variations import Axis, Variation

WORKFLOW, NAME = "workflow", "name"
DELIMITERS = ",;\t"

Cell = tuple[str, Any]
"""A column, and the value of a row in it: text or a JSON value."""

Row = tuple[int, list[Cell] | str]
"""A line number, and the cells of the line or what is wrong with it."""


def table_axis(file: Path) -> Axis:
    """Return the rows of a table; an empty or null cell keeps the graph's own value.

    Args:
        file: CSV (with commas, semicolons or tabs), JSONL or YAML, by its suffix.

    Raises:
        BatchError: it cannot be read, has no rows, or rows are invalid; with lines and columns.
    """
    readers = {".csv": _csv, ".tsv": _csv, ".jsonl": json_rows, ".yaml": _yaml, ".yml": _yaml}
    reader = readers.get(file.suffix.lower())
    if reader is None:
        raise BatchError(
            [f"--table {file}: expected a file of type {', '.join(readers)}, got {file.suffix!r}"]
        )
    return rows_axis(str(file), reader(read_text(file, "--table"), str(file)), file.parent)


def rows_axis(name: str, rows: Iterable[Row], folder: Path) -> Axis:
    """Return the variations of numbered rows; workflows that they name are relative to ``folder``.

    Raises:
        BatchError: there are no rows, or some are invalid.
    """
    problems: list[str] = []
    found = []
    for line, cells in rows:
        place = f"{name} line {line}"
        try:
            found.append(_variation(place, cells, folder))
        except BatchError as error:
            problems += error.problems
    if problems:
        raise BatchError(problems)
    if not found:
        raise BatchError([f"{name} has no rows"])
    return found


def _variation(place: str, cells: list[Cell] | str, folder: Path) -> Variation:
    if isinstance(cells, str):
        raise BatchError([f"{place}: {cells}"])
    columns = [column for column, _ in cells]
    twice = sorted({column for column in columns if columns.count(column) > 1})
    if twice:
        raise BatchError([f"{place}: column {shown(column)} appears twice" for column in twice])
    given = {column: value for column, value in cells if value is not None}
    workflow = given.pop(WORKFLOW, None)
    if isinstance(workflow, str):
        workflow = folder / workflow.replace("\\", "/")
    elif workflow is not None and not isinstance(workflow, dict):
        raise BatchError([f"{place}, column {WORKFLOW}: expected a file or a graph"])
    name = as_text(given.pop(NAME, ""), f"{place}, column {NAME}")
    problems: list[str] = []
    values = []
    for column, value in given.items():
        try:
            values.append((column, as_text(value, f"{place}, column {shown(column)}")))
        except BatchError as error:
            problems += error.problems
    if problems:
        raise BatchError(problems)
    return Variation(place=place, values=tuple(values), workflow=workflow, name=name)


def _csv(text: str, name: str) -> Iterator[Row]:
    head = text.lstrip("\r\n").partition("\n")[0]
    delimiter = max(DELIMITERS, key=head.count)
    reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True)
    columns: list[str] = []
    try:
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            if not columns:
                columns = [column.strip() for column in row]
                continue
            yield reader.line_num, _cells(columns, row, delimiter)
    except csv.Error as error:
        raise BatchError([f"{name} line {reader.line_num}: {error}"]) from error


def _cells(columns: list[str], row: list[str], delimiter: str) -> list[Cell] | str:
    """Return the non-empty cells of a row, or what is wrong with it."""
    if len(row) != len(columns):
        return (
            f"{len(row)} cells for {len(columns)} columns; quote cells that contain {delimiter!r}"
        )
    cells = [each for each in zip(columns, row, strict=True) if each[1] != ""]
    nameless = any(not column for column, _ in cells)
    return "there is a cell in a column without a name" if nameless else cells


def json_rows(text: str, name: str = "") -> Iterator[Row]:
    """Yield line numbers, and the cells of the JSON object in each line."""
    for line, row in enumerate(text.split("\n"), 1):
        if row.strip():
            yield line, _json_row(row)


def _json_row(row: str) -> list[Cell] | str:
    try:
        job = json.loads(row, object_pairs_hook=_Pairs)
        if not isinstance(job, _Pairs):
            return "expected a JSON object of inputs and values"
        cells = [(column, _plain(value)) for column, value in job]
        check_depth([value for _, value in cells])
    except (ValueError, RecursionError) as error:
        return str(error)
    return cells


class _Pairs(list[tuple[str, Any]]):
    """A JSON object with all its keys, including duplicate ones."""


def _plain(value: Any) -> Any:
    if isinstance(value, _Pairs):
        return {key: _plain(each) for key, each in value}
    return [_plain(each) for each in value] if isinstance(value, list) else value


def _yaml(text: str, name: str) -> Iterator[Row]:
    """Yield the rows of a list of mappings; values are taken as written."""
    try:
        import yaml
    except ImportError:
        raise BatchError(
            [f'{name}: YAML needs the package PyYAML: pip install "spacetime-video[batch]"']
        ) from None
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise BatchError([f"{name}: {error}"]) from error
    rows = root.value if isinstance(root, yaml.SequenceNode) else []
    if not rows or not all(isinstance(row, yaml.MappingNode) for row in rows):
        raise BatchError([f"{name}: expected a list of jobs, each a mapping of inputs to values"])
    for row in rows:
        plain = all(isinstance(part, yaml.ScalarNode) for cell in row.value for part in cell)
        cells = [(column.value, _scalar(value)) for column, value in row.value]
        wrong = "expected one text, number or boolean per input"
        yield row.start_mark.line + 1, cells if plain else wrong


def _scalar(node: Any) -> Any:
    return None if node.tag == "tag:yaml.org,2002:null" else node.value
