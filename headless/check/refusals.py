"""Find what a graph will refuse when it runs, before any of its networks computes.

The graph is run with networks that compute nothing. Their outputs have a shape, but unknown values:
a node that reads these is skipped, with everything that depends on it. So whatever the other nodes
refuse, they will also refuse in the real run.
"""

import logging
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ... import hosts
from ...graph.errors import NodeFailed
from ...graph.executor import Event, Executor, NodeStarted
from ...graph.graph import Graph
from ...graph.registry import Registry
from ...hosts.standalone.folders import Folders, use_folders
from ...hosts.standalone.host import StandaloneHost
from ...hosts.standalone.preview import LoadedVAE
from ...hosts.standalone.runs import StandaloneSampling
from ...hosts.standalone.sampling import Model
from ...media import NoRoomError
from ...model_loaders.files import only_measured
from .ends import without_saving
from .rehearsal import CPU, NETWORKS, Quiet, RehearsedModels, uses
from .unknown import StoppedAt, Unknowns
from .unknown_networks import UnknownDiT, UnknownText, UnknownVAE

NODE_SECONDS, MOST_SECONDS = 3.0, 10.0
"""Limits in seconds for a node and a rehearsal; later refusals are reported in the real run."""

TRANSFORMERS = frozenset({"MODEL", "GUIDER"})
"""Socket types through which nodes call transformers."""


def refusal_of(
    graph: Graph,
    prompt: Mapping[str, Any],
    folders: Folders,
    *,
    models: Path,
) -> NodeFailed | None:
    """Return what a node will refuse, whatever the networks compute; None if nothing is known.

    Nothing is saved, shown or logged, and the host in use stays the same.

    Args:
        graph: the checked graph.
        prompt: the prompt that the graph was built from.
        folders: their input folder is read.
        models: folder of weights; only headers are read.
    """
    if not any(uses(node, TRANSFORMERS) for node in graph.nodes.values()):
        return None
    unknowns = Unknowns()
    with hosts.lent(), silence(), _elsewhere(folders), only_measured(), ExitStack() as stack:
        hosts.use(RefusalHost(models, unknowns))
        return _first_refusal(without_saving(graph), prompt, unknowns, stack)


def _first_refusal(
    graph: Graph, prompt: Mapping[str, Any], unknowns: Unknowns, stack: ExitStack
) -> NodeFailed | None:
    """Return the first refusal; values are tracked from the first node on that uses a network."""
    executor, waiting = Executor(Registry()), [unknowns.watched]
    end = time.monotonic() + MOST_SECONDS

    def follow(event: Event) -> None:
        if isinstance(event, NodeStarted):
            unknowns.end = min(end, time.monotonic() + NODE_SECONDS)
            if waiting and uses(graph.nodes[event.id], NETWORKS):
                stack.enter_context(waiting.pop()())

    while graph.nodes and time.monotonic() < end:
        try:
            executor.run(prompt, checked=_Whole(graph.nodes), on_event=follow)
            break
        except NodeFailed as problem:
            if isinstance(problem.cause, ValueError) and not isinstance(problem.cause, NoRoomError):
                return problem
            stopped = problem.node_id
        except StoppedAt as stop:
            stopped = stop.node
        graph = _without(graph, stopped)
    return None


class _Whole(Graph):
    """A graph in which every node is an output node."""

    @property
    def output_nodes(self) -> list[str]:
        """All nodes, in the order in which they run."""
        return list(self.nodes)


def _without(graph: Graph, node: str) -> Graph:
    """Return a graph without a node and everything that depends on it."""
    left_out = {node}
    for key, each in graph.nodes.items():  # nodes come after those that feed them
        if any(link.node in left_out for link in each.links):
            left_out.add(key)
    return Graph({key: each for key, each in graph.nodes.items() if key not in left_out})


class RefusalHost(StandaloneHost):
    """The standalone host with networks that return only shapes.

    Args:
        models: folder of weights.
        unknowns: receives what networks return.
    """

    def __init__(self, models: Path, unknowns: Unknowns) -> None:
        super().__init__(models=models, device="cpu", dtype="fp32")
        self.session = Quiet(lambda done, total: unknowns.check_time(), None)
        self.models = UnknownModels(self.session, unknowns)
        self.sampling = StandaloneSampling(CPU, self.session, self.models.vaes)


class UnknownModels(RehearsedModels):
    """Networks that return only shapes.

    Args:
        session: receives progress.
        unknowns: receives what networks return.
    """

    def __init__(self, session: Quiet, unknowns: Unknowns) -> None:
        super().__init__(CPU, "fp32", session, is_short=True)
        self._unknowns = unknowns

    def make_model(self, weights: Any, *, dtype: str) -> Model:
        """Return a transformer with unknown values."""
        model = super().make_model(weights, dtype=dtype)
        rehearsed: Any = model.dit
        standing: Any = UnknownDiT(rehearsed.network, rehearsed.work, self._unknowns)
        return replace(model, dit=standing)

    def make_clip(self, weights: Any, *, dtype: str) -> Any:
        """Return a text encoder with unknown values."""
        width = weights.config.d_model
        tokenizer = weights.tokenizer
        return UnknownText(tokenizer, tokenizer.max_length, width, self._unknowns)

    def make_vae(self, weights: Any, *, dtype: str) -> LoadedVAE:
        """Return a VAE with unknown values."""
        network, number = self._network(weights, dtype)
        standing: Any = UnknownVAE(network, self._unknowns)
        return LoadedVAE(standing, CPU, number)


@contextmanager
def _elsewhere(folders: Folders) -> Iterator[None]:
    """Let nodes save into a temporary folder, and still find existing results."""
    with TemporaryDirectory() as place:
        own = replace(folders, output=Path(place), temp=Path(place), results=folders.found_results)
        with use_folders(own):
            yield


@contextmanager
def silence() -> Iterator[None]:
    """Suppress logging and warnings in a block."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
