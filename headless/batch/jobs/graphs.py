"""The graphs of a batch: find the inputs that jobs name, and check values for them."""

from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from ....graph.addresses import Address, Addresses
from ....graph.assign import set_input, with_value
from ....graph.errors import WorkflowError, listed
from ....graph.main_inputs import prompt_inputs, seed_inputs
from ....graph.moved_files import with_own_names
from ....graph.recheck import Recheck
from ....graph.registry import Registry
from ....graph.sockets import Combo
from ....graph.validate import read_link, validate
from ....graph.workflow import to_api
from ....media import shown
from .variations import PROMPT, SEED

FINDERS = {SEED: seed_inputs, PROMPT: prompt_inputs}

Values = Mapping[Address, str]
"""The inputs that a job sets, and the text for each."""


class BatchGraph:
    """A workflow of a batch, with the inputs that are set in all of its jobs.

    Args:
        source: where it came from, for display.
        workflow: in UI or API format.
        assignments: set in all jobs.
        registry: node id -> class.

    Raises:
        WorkflowError: it is not a graph, or an input cannot be set.
    """

    def __init__(
        self,
        source: str,
        workflow: Mapping[str, Any],
        assignments: Iterable[str],
        registry: Registry,
    ) -> None:
        self.source, self.workflow = source, workflow
        self.assignments = tuple(assignments)
        self._registry = registry
        self.prompt: Mapping[str, Any] = to_api(workflow, registry)
        for assignment in self.assignments:
            self.prompt = set_input(self.prompt, assignment, registry)
        self.prompt = with_own_names(self.prompt, registry, lambda text: None)
        self.addresses = Addresses(self.prompt, registry)
        self._found: dict[str, Address | WorkflowError] = {}
        self._main: dict[str, list[Address]] = {}
        self._checked: dict[tuple[object, ...], tuple[str, ...]] = {}

    @property
    def stem(self) -> str:
        """The name of the graph's file, without folders and suffix."""
        return Path(self.source).stem if Path(self.source).suffix else "graph"

    def find(self, words: str) -> Address:
        """Return the input that words name; "seed" and "prompt" find the graph's own.

        Raises:
            WorkflowError: there is none, or there are several.
        """
        if words not in self._found:
            try:
                self._found[words] = self._looked_for(words)
            except WorkflowError as problem:
                self._found[words] = problem
        found = self._found[words]
        if isinstance(found, WorkflowError):
            raise found
        return found

    def _looked_for(self, words: str) -> Address:
        if words not in FINDERS or self.addresses.has_tag(words):
            return self.addresses.find(words)
        found = FINDERS[words](self.prompt, self._registry)
        if len(found) != 1:
            there = listed([f'"{self.addresses.words(each)}"' for each in found]) or "none"
            raise WorkflowError(
                f"the graph has {len(found)} inputs that may be its {words} ({there}): name one of "
                f'them, as in "Node.input", or end the title of its node in #{words}'
            )
        return found[0]

    def problems(self, values: Values) -> list[tuple[str, str]]:
        """Return nodes, and what is wrong with the inputs that a job sets in them.

        A node with the same values is checked only once.
        """
        by_node: dict[str, list[tuple[str, str]]] = {}
        for address, text in values.items():
            by_node.setdefault(address.node, []).append((address.input, text))
        found: list[tuple[str, str]] = []
        for node, given in by_node.items():
            key = (node, *given)
            if key not in self._checked:
                self._checked[key] = tuple(self._check(node, given))
            found += [(node, problem) for problem in self._checked[key]]
        return found

    def _check(self, node: str, given: Iterable[tuple[str, str]]) -> list[str]:
        inputs, problems = {}, []
        for input_id, text in given:
            try:
                inputs[input_id] = self.addresses.read(Address(node, input_id), text)
            except WorkflowError as problem:
                problems.append(str(problem))
        return problems or self._recheck.problems(node, inputs)

    @cached_property
    def _recheck(self) -> Recheck:
        return Recheck(self.prompt, self._registry)

    def check_whole(self, values: Values) -> None:
        """Check the graph as one of its jobs runs it.

        Raises:
            GraphError: it cannot run.
            WorkflowError: a value does not fit its input.
        """
        prompt = self.prompt
        for address, text in values.items():
            value = self.addresses.read(address, text)
            prompt = with_value(prompt, address, value, self._registry)
        validate(prompt, self._registry)

    def main_values(self, word: str, values: Values) -> tuple[str, ...]:
        """Return the seeds or the prompts that a job samples from, one or several.

        Args:
            word: `SEED` or `PROMPT`.
            values: the values that the job sets.
        """
        if word not in self._main:
            self._main[word] = FINDERS[word](self.prompt, self._registry)
        given = ((each, self.prompt[each.node].get("inputs")) for each in self._main[word])
        own = {each: inputs.get(each.input) for each, inputs in given if isinstance(inputs, dict)}
        found = (values.get(each, value) for each, value in own.items())
        return tuple(str(value) for value in found if value is not None)

    def shown_value(self, values: Values, field: str) -> str:
        """Return the value of an input in a job, for file names; for a file, its name.

        Raises:
            WorkflowError: there is no such input, or another node computes it.
        """
        address = self.find(field)
        if address in values:
            value: object = values[address]
        else:
            value = self.prompt[address.node].get("inputs", {}).get(address.input)
        if value is None or read_link(value):
            raise WorkflowError(f"{{{shown(field)}}} has no value of its own: it is fed by a link")
        spec = self.addresses.spec(address)
        is_file = isinstance(spec, Combo.Input) and spec.upload is not None
        text = str(value).replace("\\", "/")
        return Path(text).stem if is_file else str(value)
