"""What a graph will refuse when it runs, found out before any of its networks computes.

A graph is run with networks that compute nothing. What they would give has a shape, and values that
nobody knows: a node that looks at these is left, with all that needs it. So whatever the others
refuse they refuse in earnest, too.
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
"""Of a node and of a whole rehearsal; what would be refused behind that is told when it comes."""

TRANSFORMERS = frozenset({"MODEL", "GUIDER"})
"""Types of sockets through which nodes make transformers work."""


def refusal_of(
    graph: Graph,
    prompt: Mapping[str, Any],
    folders: Folders,
    *,
    models: Path,
) -> NodeFailed | None:
    """What a node of a graph will refuse, whatever networks compute; None where nothing is known.

    Nothing is saved, shown or told, and the host in use stays.

    Args:
        graph: checked.
        prompt: that it was made of.
        folders: whose input is read.
        models: folder of weights, of which the headers are read.
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
    """What is refused; values are followed from the first node on that a network serves."""
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
    """A graph of which every node is wanted."""

    @property
    def output_nodes(self) -> list[str]:
        """All nodes, in the order in which a run has them."""
        return list(self.nodes)


def _without(graph: Graph, node: str) -> Graph:
    """A graph without a node and what needs it."""
    left_out = {node}
    for key, each in graph.nodes.items():  # each after those that feed it
        if any(link.node in left_out for link in each.links):
            left_out.add(key)
    return Graph({key: each for key, each in graph.nodes.items() if key not in left_out})


class RefusalHost(StandaloneHost):
    """The standalone host with networks that give nothing but shapes.

    Args:
        models: folder of weights.
        unknowns: gets what networks give.
    """

    def __init__(self, models: Path, unknowns: Unknowns) -> None:
        super().__init__(models=models, device="cpu", dtype="fp32")
        self.session = Quiet(lambda done, total: unknowns.check_time(), None)
        self.models = UnknownModels(self.session, unknowns)
        self.sampling = StandaloneSampling(CPU, self.session, self.models.vaes)


class UnknownModels(RehearsedModels):
    """Networks that give nothing but shapes.

    Args:
        session: told of progress.
        unknowns: gets what networks give.
    """

    def __init__(self, session: Quiet, unknowns: Unknowns) -> None:
        super().__init__(CPU, "fp32", session, is_short=True)
        self._unknowns = unknowns

    def make_model(self, weights: Any, *, dtype: str) -> Model:
        """A transformer."""
        model = super().make_model(weights, dtype=dtype)
        rehearsed: Any = model.dit
        standing: Any = UnknownDiT(rehearsed.network, rehearsed.work, self._unknowns)
        return replace(model, dit=standing)

    def make_clip(self, weights: Any, *, dtype: str) -> Any:
        """A text encoder."""
        width = weights.config.d_model
        tokenizer = weights.tokenizer
        return UnknownText(tokenizer, tokenizer.max_length, width, self._unknowns)

    def make_vae(self, weights: Any, *, dtype: str) -> LoadedVAE:
        """A VAE."""
        network, number = self._network(weights, dtype)
        standing: Any = UnknownVAE(network, self._unknowns)
        return LoadedVAE(standing, CPU, number)


@contextmanager
def _elsewhere(folders: Folders) -> Iterator[None]:
    """Have nodes save into a folder that is gone afterwards, and find what is there."""
    with TemporaryDirectory() as place:
        own = replace(folders, output=Path(place), temp=Path(place), results=folders.found_results)
        with use_folders(own):
            yield


@contextmanager
def silence() -> Iterator[None]:
    """Have nothing logged in a block, and nobody warned."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
