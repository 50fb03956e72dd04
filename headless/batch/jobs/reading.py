"""Read the parts of a batch from files and from the command line."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from ....graph.errors import GraphError
from ....graph.workflow import is_api_format, is_ui_format, parse_workflow
from ...source import STDIN, read_source
from .inputs import files_axis
from .options import JobOptions
from .problems import BatchError
from .sweep import lines_axis, seeds_axis, sweep_axis
from .table import json_rows, rows_axis, table_axis
from .variations import PROMPT, Axis, Variation, combined

INPUT_STREAM = "standard input"

Made = TypeVar("Made")


@dataclass
class Problems:
    """Collects problems, so that all of them are reported at once."""

    found: list[str] = field(default_factory=list)

    def caught(self, make: Callable[[], Made], place: str = "") -> Made | None:
        """Return a function's result; if it raises, note the error with its place, return None."""
        try:
            return make()
        except (OSError, ValueError) as problem:
            self.note(problem, place)
        return None

    def note(self, problem: Exception, place: str = "") -> None:
        """Note an error, each of its problems by itself."""
        several = isinstance(problem, BatchError | GraphError)
        each = problem.problems if several else [str(problem)]
        self.found += [f"{place}{text}" for text in each]

    def stop(self) -> None:
        """Stop if problems have been noted.

        Raises:
            BatchError: there are problems.
        """
        if self.found:
            raise BatchError(self.found)


@dataclass(frozen=True)
class Source:
    """A workflow that jobs run: a file, or its JSON and where that came from."""

    name: str
    workflow: Mapping[str, Any] | None = None

    @property
    def key(self) -> object:
        """A key that is equal for the same workflow."""
        return self.name if self.workflow is None else id(self.workflow)

    def read(self) -> Mapping[str, Any]:
        """Return the workflow.

        Raises:
            WorkflowError, OSError, ValueError: there is none.
        """
        return read_source(Path(self.name)) if self.workflow is None else self.workflow


Plan = tuple[Source, tuple[Variation, ...]]
"""A workflow, and all variations of one job."""


def planned(options: JobOptions, problems: Problems) -> list[Plan]:
    """Return the workflow and the variations of every job, in order.

    Args:
        options: from the command line.
        problems: collects what cannot be read.

    Raises:
        BatchError: there are problems, no workflows, or options that cannot be combined.
    """
    sources, axes = _sources(options, problems)
    makers: list[Callable[[], Axis]] = [
        *(lambda table=table: table_axis(table) for table in options.tables),
        *(lambda sweep=sweep: sweep_axis(sweep) for sweep in options.sweeps),
        *(lambda each=each: files_axis(each, options.input_dir) for each in options.each),
    ]
    if (prompts := options.prompts) is not None:
        makers.append(lambda: lines_axis(prompts, PROMPT, "--prompts"))
    if options.seeds:
        makers.append(lambda: seeds_axis(options.seeds))
    axes += [axis for make in makers if (axis := problems.caught(make))]
    problems.stop()
    plans = list(_plans(sources, list(combined(axes, zipped=options.zipped))))
    if not plans:
        raise BatchError(["no workflow: name graph files, or one workflow in each row of a table"])
    return plans


def _sources(options: JobOptions, problems: Problems) -> tuple[list[Source], list[Axis]]:
    """Return the workflows that are named, and the jobs from standard input."""
    sources: list[Source] = []
    axes: list[Axis] = []
    for path in options.workflows:
        read = _stream() if path == STDIN else Source(str(path))
        if isinstance(read, Source):
            sources.append(read)
        elif axis := problems.caught(lambda text=read: _jobs_in(text)):
            axes.append(axis)
    return sources, axes


def _stream() -> Source | str:
    """Return the graph from standard input, or its text if that is lines of jobs."""
    text = sys.stdin.buffer.read()
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        return text.decode(errors="replace")
    is_graph = isinstance(given, dict) and (
        is_ui_format(given) or is_api_format(given) or "prompt" in given
    )
    if is_graph:
        return Source(INPUT_STREAM, parse_workflow(text, INPUT_STREAM))
    return text.decode(errors="replace")


def _jobs_in(text: str) -> Axis:
    return rows_axis(INPUT_STREAM, json_rows(text), Path())


def _plans(
    sources: Sequence[Source], combinations: Sequence[tuple[Variation, ...]]
) -> Iterator[Plan]:
    """Yield every workflow with every combination; combinations with their own workflow once."""
    for source in sources:
        for parts in combinations:
            if _named(parts) is None:
                yield source, parts
    for parts in combinations:
        if (named := _named(parts)) is not None:
            yield named, parts


def _named(parts: Sequence[Variation]) -> Source | None:
    for part in parts:
        if isinstance(part.workflow, Path):
            return Source(str(part.workflow))
        if part.workflow is not None:
            return Source(part.place, part.workflow)
    return None
