"""Create the jobs of a batch from the command line, with every value checked."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from ....graph.addresses import Address
from ....graph.errors import WorkflowError
from ....graph.registry import Registry
from ....hosts.standalone.folders import Folders, use_folders
from ...engine import named_files
from ..job import BatchJob
from .graphs import BatchGraph, Values
from .names import GRAPH, NUMBER, ROW, USUAL, UniqueNames, fields_of, filled
from .options import JobOptions
from .problems import BatchError
from .reading import Plan, Problems, Source, planned
from .variations import PROMPT, SEED, Variation

DIGITS = 5
"""Digits of a job's id."""


def jobs_of(options: JobOptions, registry: Registry) -> list[BatchJob]:
    """Create the jobs of a batch; every input that a job sets is checked.

    Each workflow is checked as a whole once, with the values of its first job, then every node
    with other values by itself; equal values are checked only once.

    Args:
        options: from the command line.
        registry: node id -> class of the nodes that will run.

    Raises:
        BatchError: lists everything that is wrong, with files, lines and columns.
    """
    problems = Problems()
    template = options.name or USUAL
    problems.caught(lambda: fields_of(template))
    plans = planned(options, problems)
    known = Graphs(options.assignments, registry, problems)
    counts, numbers = Counter(source.key for source, _ in plans), Counter[object]()
    names, made = UniqueNames(), list[BatchJob]()
    with use_folders(_folders(options, plans)):
        for source, parts in plans:
            if (graph := known.read(source)) is None:
                continue
            numbers[source.key] += 1
            digits = len(str(counts[source.key]))
            fields = {GRAPH: graph.stem, NUMBER: f"{numbers[source.key]:0{digits}}"}
            values = known.checked(graph, parts)
            try:
                name = names.of(_name(graph, values, parts, template, fields))
            except (BatchError, WorkflowError) as problem:
                problems.note(problem, f"names of {graph.source}: ")
            else:
                made.append(_job(graph, values, f"{len(made) + 1:0{DIGITS}}", name))
    problems.stop()
    return made


@dataclass
class Graphs:
    """Every workflow of a batch, read once.

    Args:
        assignments: set in all of them.
        registry: node id -> class.
        problems: collects what is wrong.
    """

    assignments: tuple[str, ...]
    registry: Registry
    problems: Problems
    _read: dict[object, BatchGraph | None] = field(default_factory=dict)
    _whole: set[int] = field(default_factory=set)
    _told: set[tuple[int, str]] = field(default_factory=set)

    def read(self, source: Source) -> BatchGraph | None:
        """Return the graph of a source; None if there is none, which is reported once."""
        if source.key not in self._read:
            self._read[source.key] = self.problems.caught(
                lambda: BatchGraph(source.name, source.read(), self.assignments, self.registry),
                f"{source.name}: ",
            )
        return self._read[source.key]

    def checked(self, graph: BatchGraph, parts: Iterable[Variation]) -> Values:
        """Return the values that a job sets, and report those that do not fit their inputs."""
        values, places = self._values(graph, parts)
        before = len(self.problems.found)
        for node, problem in graph.problems(values):
            told = " and ".join(dict.fromkeys(places[each] for each in places if each[0] == node))
            self.problems.found.append(f"{told}: {problem}")
        if len(self.problems.found) == before and id(graph) not in self._whole:
            self._whole.add(id(graph))
            self.problems.caught(lambda: graph.check_whole(values), f"{graph.source}: ")
        return values

    def _values(
        self, graph: BatchGraph, parts: Iterable[Variation]
    ) -> tuple[Values, dict[Address, str]]:
        """Return the text for each input, and the place that sets it."""
        values: dict[Address, str] = {}
        places: dict[Address, str] = {}
        for part in parts:
            for words, text in part.values:
                address = self._address(graph, words, part.place)
                if address in values:
                    self._tell_once(graph, words, part.place, f"{words} is set twice")
                elif address is not None:
                    values[address], places[address] = text, part.place
        return values, places

    def _address(self, graph: BatchGraph, words: str, place: str) -> Address | None:
        try:
            return graph.find(words)
        except WorkflowError as problem:
            self._tell_once(graph, words, place, str(problem))
            return None

    def _tell_once(self, graph: BatchGraph, words: str, place: str, problem: str) -> None:
        """Report what is wrong with a column or an option once, not for each of its values."""
        if (id(graph), words) not in self._told:
            self._told.add((id(graph), words))
            self.problems.found.append(f"{place}, in {graph.source}: {problem}")


def _name(
    graph: BatchGraph,
    values: Values,
    parts: Iterable[Variation],
    template: str,
    fields: Mapping[str, str],
) -> str:
    row = next((part.name for part in parts if part.name), "")
    if row and f"{{{ROW}}}" not in template:
        fields_of(template := row)
    known = {**fields, ROW: row}

    def value_of(name: str) -> str:
        return known[name] if name in known else graph.shown_value(values, name)

    return filled(template, value_of)


def _job(graph: BatchGraph, values: Values, id: str, name: str) -> BatchJob:
    own = (f"{graph.addresses.words(address)}={text}" for address, text in values.items())
    return BatchJob(
        id=id,
        name=name,
        source=graph.source,
        workflow=graph.workflow,
        assignments=(*graph.assignments, *own),
        prompts=graph.main_values(PROMPT, values),
        seeds=graph.main_values(SEED, values),
    )


def _folders(options: JobOptions, plans: Iterable[Plan]) -> Folders:
    texts = (text for _, parts in plans for part in parts for _, text in part.values)
    given = (each.partition("=")[2] for each in options.assignments)
    folders = Folders.of(input=options.input_dir, output=options.output_dir)
    return replace(folders, also=named_files([*given, *texts]))
