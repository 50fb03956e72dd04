"""Runs a prompt: every needed node once, results kept for the next run."""

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
    """A node begins; it is number `index` (from 0) of the `total` that this run executes."""

    id: str
    title: str
    class_type: str
    index: int
    total: int


@dataclass(frozen=True, kw_only=True)
class NodeCached:
    """A node's result is kept from before."""

    id: str
    title: str
    class_type: str


@dataclass(frozen=True, kw_only=True)
class NodeFinished:
    """A node is done; `ui` is what it shows, such as the files it saved."""

    id: str
    title: str
    class_type: str
    seconds: float
    ui: Mapping[str, list[Any]]


Event = NodeStarted | NodeCached | NodeFinished


@dataclass
class RunResult:
    """What a run did.

    `outputs` holds what each output node shows (also those whose result was kept); `executed` and
    `cached` list node ids in order.
    """

    outputs: dict[str, Mapping[str, list[Any]]] = field(default_factory=dict)
    executed: list[str] = field(default_factory=list)
    cached: list[str] = field(default_factory=list)
    seconds: float = 0.0


@dataclass(frozen=True, eq=False)
class _Run:
    """A run that goes on; results of nodes in ``anew`` are its ``own``."""

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
        """Signatures of the results that it has a use for."""
        return {self.signatures[key] for key in self.graph.nodes if key not in self.anew}


@dataclass(frozen=True)
class _Plan:
    """The nodes to execute in order, the outputs that are held, and who works beside other runs."""

    todo: Sequence[str]
    held: Set[Link]
    beside: Set[str]


class Executor:
    """Runs prompts and keeps the node results of the last one.

    The results held are at most those of the nodes in the last prompt that was run: those that
    the next prompt has no use for are dropped when it starts. Runs in a lockstep share theirs, and
    a node that two of them need is executed once.

    Args:
        registry: node id -> class.
        meeting: types of sockets through which nodes ask for what runs in a lockstep do together;
            behind the last node with such an input a run works beside the others.
    """

    def __init__(self, registry: Registry, meeting: Set[str] = frozenset()) -> None:
        self._registry, self._meeting = registry, meeting
        self._results: dict[str, Result] = {}
        self._running: list[_Run] = []
        self._executing: set[str] = set()
        self._unique = itertools.count()

    def forget(self) -> None:
        """Drop all results that are kept."""
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
        """Check a prompt, then execute what its output nodes need and what is not kept.

        Args:
            prompt: API-format JSON; saved files carry it.
            extra_pnginfo: what else saved files carry, such as {"workflow": ...}.
            on_event: called at the start and the end of every node, in this thread.
            save_again: execute output nodes even where the last prompt had the same.
            lean: keep nothing, and drop each output of a node as soon as no other node will read
                it: a model makes room when the last node that takes it has run.
            checked: what `validate` has given for the prompt, where that was asked already.

        Raises:
            GraphError: the prompt is wrong; nothing was run.
            NodeFailed: a node raised; what the nodes before it saved stays.
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
        """Drop the results that none of the runs has a use for."""
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
            if self._is_known(key, run):  # an equal node ran before it
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
        """How many of the nodes it takes until other runs have been met for the last time."""
        meeting = [n for n, key in enumerate(todo) if graph.nodes[key].takes & self._meeting]
        return meeting[-1] + 1 if meeting else len(todo)

    def _executed(self, node: GraphNode, run: _Run, plan: _Plan) -> Result:
        """Execute a node and keep its result, for this run alone if it is one of those anew."""
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
        """Drop the outputs that none of the nodes that are left will read."""
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
        """The nodes to execute, in order: no result kept, and an output node needs theirs."""
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
        """Every input as a list: a constant alone, a linked output as it was given."""
        return {
            name: self._known(run.signatures[value.node], run).outputs[value.slot]
            if isinstance(value, Link)
            else [value]
            for name, value in node.inputs.items()
        }


def _held_outputs(graph: Graph) -> Set[Link]:
    """Outputs whose frames are made once, where they come from: read twice, or as a tensor."""
    streamed, held = set[Link](), set[Link]()
    for node in graph.nodes.values():
        for name, value in node.inputs.items():
            if isinstance(value, Link):
                alone = name in node.node.takes_streams and value not in streamed
                (streamed if alone else held).add(value)
    return held


def _as_taken(node: GraphNode, inputs: Lists) -> Lists:
    """Inputs with streams of frames only where the node takes them."""
    return {
        name: values if name in node.node.takes_streams else _hold(values)
        for name, values in inputs.items()
    }


def _hold(values: list[Any]) -> list[Any]:
    """Values with tensors in place of streams, which hold them from then on."""
    return [each.whole() if isinstance(each, FrameStream) else each for each in values]


def _named(node: GraphNode) -> dict[str, str]:
    return {"id": node.id, "title": node.title, "class_type": node.class_type}


def _report_cached(node: GraphNode, run: _Run) -> None:
    run.done.cached.append(node.id)
    run.on_event(NodeCached(**_named(node)))


def _describe_list(values: list[Any]) -> str:
    return describe(values[0]) if len(values) == 1 else describe(values)
