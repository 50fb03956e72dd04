"""Run a prompt: each needed node once, with results kept for the next run."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence, Set
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from ..media import FrameStream
from .call import Lists, Result, call_node, hidden_inputs, running
from .describe import describe
from .errors import NodeFailed
from .graph import Graph, GraphNode, Link, order_nodes
from .registry import Registry
from .signature import sign_node
from .turns import beside, seconds_here, wait_until
from .validate import validate


@dataclass(frozen=True, kw_only=True)
class NodeStarted:
    """A node starts; it is number `index` (from 0) of the `total` nodes that this run executes."""

    id: str
    title: str
    class_type: str
    index: int
    total: int


@dataclass(frozen=True, kw_only=True)
class NodeCached:
    """A node is skipped because its result is already known."""

    id: str
    title: str
    class_type: str


@dataclass(frozen=True, kw_only=True)
class NodeFinished:
    """A node has finished; `ui` is its UI output, such as the files it saved."""

    id: str
    title: str
    class_type: str
    seconds: float
    ui: Mapping[str, list[Any]]


Event = NodeStarted | NodeCached | NodeFinished


@dataclass
class RunResult:
    """What a run did.

    `outputs` holds the UI output of every output node, including cached ones; `executed` and
    `cached` list node ids in order.
    """

    outputs: dict[str, Mapping[str, list[Any]]] = field(default_factory=dict)
    executed: list[str] = field(default_factory=list)
    cached: list[str] = field(default_factory=list)
    seconds: float = 0.0


@dataclass(frozen=True, eq=False)
class _Run:
    """A run in progress; results of nodes in ``anew`` go into ``own``, for this run alone."""

    graph: Graph
    signatures: Mapping[str, str]
    prompt: Mapping[str, Any]
    extra_pnginfo: Mapping[str, Any] | None
    on_event: Callable[[Event], None]
    lean: bool
    anew: Set[str]
    own: dict[str, Result] = field(default_factory=dict[str, Result])
    done: RunResult = field(default_factory=RunResult)

    @property
    def of_use(self) -> Set[str]:
        """Signatures of the kept results that this run can use."""
        return {self.signatures[key] for key in self.graph.nodes if key not in self.anew}


@dataclass(frozen=True)
class _Plan:
    """The nodes to execute in order, the outputs to hold, and the nodes to run beside others."""

    todo: Sequence[str]
    held: Set[Link]
    beside: Set[str]


class Executor:
    """Runs prompts and keeps the node results of the last one.

    Only results of nodes in the last prompt are kept; those that the next prompt cannot use are
    dropped when it starts. Runs in a lockstep share their results, and a node that two of them
    need is executed once.

    Args:
        registry: node id -> class.
        meeting: socket types of inputs whose nodes ask for work that the runs of a lockstep do
            together; after its last node with such an input, a run works beside the others.
    """

    def __init__(self, registry: Registry, meeting: Set[str] = frozenset()) -> None:
        self._registry, self._meeting = registry, meeting
        self._results: dict[str, Result] = {}
        self._running: list[_Run] = []
        self._executing: set[str] = set()
        self._unique = itertools.count()

    def forget(self) -> None:
        """Drop all kept results."""
        self._results = {}

    def run(
        self,
        prompt: Mapping[str, Any],
        *,
        extra_pnginfo: Mapping[str, Any] | None = None,
        on_event: Callable[[Event], None] = lambda event: None,
        save_again: bool = False,
        lean: bool = False,
        checked: Graph | None = None,
    ) -> RunResult:
        """Check a prompt, then execute the nodes that its outputs need and that are not cached.

        Args:
            prompt: API-format JSON; it is embedded in saved files.
            extra_pnginfo: further metadata for saved files, such as {"workflow": ...}.
            on_event: called at the start and end of every node, in this thread.
            save_again: execute output nodes even if the last prompt had the same ones.
            lean: keep no results, and drop each output as soon as no remaining node reads it; a
                model is freed once the last node that uses it has run.
            checked: the result of `validate` for this prompt, if it has been called already.

        Raises:
            GraphError: the prompt is invalid; nothing was run.
            NodeFailed: a node raised an exception; files saved by earlier nodes stay.
            KeyboardInterrupt: the run was stopped.
        """
        start = seconds_here()
        graph = validate(prompt, self._registry) if checked is None else checked
        signatures = self._sign(graph)
        anew = set(graph.output_nodes) if save_again else set[str]()
        run = _Run(graph, signatures, prompt, extra_pnginfo, on_event, lean, anew)
        self._running.append(run)
        if lean:
            self.forget()
        try:
            self._drop_useless()
            self._run_missing(run)
            run.done.outputs = {
                key: self._known(signatures[key], run).ui for key in graph.output_nodes
            }
        finally:
            self._running.remove(run)
            self._results |= run.own
            if self._running:
                self._drop_useless()
            if lean:
                self.forget()
        run.done.seconds = seconds_here() - start
        return run.done

    def _drop_useless(self) -> None:
        """Drop the results that no run can use."""
        of_use = set[str]().union(*(run.of_use for run in self._running))
        self._results = {key: each for key, each in self._results.items() if key in of_use}

    def _known(self, signature: str, run: _Run) -> Result:
        own = run.own.get(signature)
        return self._results[signature] if own is None else own

    def _is_known(self, key: str, run: _Run) -> bool:
        signature = run.signatures[key]
        return signature in run.own or (key not in run.anew and signature in self._results)

    def _run_missing(self, run: _Run) -> None:
        graph, signatures, plan = run.graph, run.signatures, self._plan(run)
        todo = plan.todo
        for key in graph.nodes:
            if self._is_known(key, run):
                _report_cached(graph.nodes[key], run)
        for index, key in enumerate(todo):
            node, signature = graph.nodes[key], signatures[key]
            if key not in run.anew:
                wait_until(lambda wanted=signature: wanted not in self._executing)
            if self._is_known(key, run):  # an equal node has run in the meantime
                _report_cached(node, run)
                continue
            run.on_event(NodeStarted(**_named(node), index=index, total=len(todo)))
            began = seconds_here()
            result = self._executed(node, run, plan)
            run.done.executed.append(key)
            seconds = seconds_here() - began
            run.on_event(NodeFinished(**_named(node), seconds=seconds, ui=result.ui))
            if run.lean:
                self._drop_read(run, todo[index + 1 :])

    def _plan(self, run: _Run) -> _Plan:
        todo = self._missing(run)
        return _Plan(todo, _held_outputs(run.graph), set(todo[self._met(run.graph, todo) :]))

    def _met(self, graph: Graph, todo: Sequence[str]) -> int:
        """The number of nodes up to and including the last one that works with other runs."""
        meeting = [n for n, key in enumerate(todo) if graph.nodes[key].takes & self._meeting]
        return meeting[-1] + 1 if meeting else len(todo)

    def _executed(self, node: GraphNode, run: _Run, plan: _Plan) -> Result:
        """Execute a node and keep its result: for this run alone if the node is in ``anew``."""
        signature = run.signatures[node.id]
        if node.id in run.anew:
            run.own[signature] = self._execute(node, run, plan)
            return run.own[signature]
        self._executing.add(signature)
        try:
            self._results[signature] = self._execute(node, run, plan)
        finally:
            self._executing.discard(signature)
        return self._results[signature]

    def _drop_read(self, run: _Run, left: Sequence[str]) -> None:
        """Drop the outputs that no remaining node reads."""
        links = [link for key in left for link in run.graph.nodes[key].links]
        wanted = {(run.signatures[link.node], link.slot) for link in links}
        for results in (self._results, run.own):
            for signature, result in results.items():
                outputs = [
                    values if (signature, slot) in wanted else []
                    for slot, values in enumerate(result.outputs)
                ]
                results[signature] = replace(result, outputs=tuple(outputs))

    def _sign(self, graph: Graph) -> dict[str, str]:
        signatures: dict[str, str] = {}
        for key, node in graph.nodes.items():
            try:
                signatures[key] = sign_node(node, signatures, self._unique.__next__)
            except Exception as cause:
                given = {name: describe(value) for name, value in node.inputs.items()}
                raise NodeFailed(key, node.title, node.class_type, cause, given) from cause
        return signatures

    def _missing(self, run: _Run) -> list[str]:
        """The nodes to execute, in order: those without a result that an output node needs."""
        feeds = {
            key: [link.node for link in node.links]
            for key, node in run.graph.nodes.items()
            if not self._is_known(key, run)
        }
        return order_nodes(run.graph.output_nodes, feeds)

    def _execute(self, node: GraphNode, run: _Run, plan: _Plan) -> Result:
        inputs, place = self._gather(node, run), beside if node.id in plan.beside else nullcontext
        hidden = hidden_inputs(node, run.prompt, run.extra_pnginfo)
        try:
            with place(), torch.inference_mode(), running(node):
                result = call_node(node, _as_taken(node, inputs), hidden)
                for slot, values in enumerate(result.outputs):
                    if Link(node.id, slot) in plan.held:
                        _hold(values)
                return result
        except Exception as cause:
            given = {name: _describe_list(values) for name, values in inputs.items()}
            raise NodeFailed(node.id, node.title, node.class_type, cause, given) from cause

    def _gather(self, node: GraphNode, run: _Run) -> Lists:
        """Return every input as a list: a constant in a list of one, a linked output as it is."""
        return {
            name: self._known(run.signatures[value.node], run).outputs[value.slot]
            if isinstance(value, Link)
            else [value]
            for name, value in node.inputs.items()
        }


def _held_outputs(graph: Graph) -> Set[Link]:
    """Outputs to hold as tensors at the source: read twice, or by an input without streams."""
    streamed, held = set[Link](), set[Link]()
    for node in graph.nodes.values():
        for name, value in node.inputs.items():
            if isinstance(value, Link):
                alone = name in node.node.takes_streams and value not in streamed
                (streamed if alone else held).add(value)
    return held


def _as_taken(node: GraphNode, inputs: Lists) -> Lists:
    """Replace frame streams by tensors in inputs that do not take streams."""
    return {
        name: values if name in node.node.takes_streams else _hold(values)
        for name, values in inputs.items()
    }


def _hold(values: list[Any]) -> list[Any]:
    """Replace streams by tensors; each stream holds on to its tensor from then on."""
    return [each.whole() if isinstance(each, FrameStream) else each for each in values]


def _named(node: GraphNode) -> dict[str, str]:
    return {"id": node.id, "title": node.title, "class_type": node.class_type}


def _report_cached(node: GraphNode, run: _Run) -> None:
    run.done.cached.append(node.id)
    run.on_event(NodeCached(**_named(node)))


def _describe_list(values: list[Any]) -> str:
    return describe(values[0]) if len(values) == 1 else describe(values)
