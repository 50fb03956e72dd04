"""Run a graph with networks that compute nothing, to find how much they would have to compute."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor

from ... import hosts
from ...graph.errors import NodeFailed
from ...graph.executor import Executor
from ...graph.graph import Graph, GraphNode, Link, order_nodes
from ...graph.registry import Registry
from ...graph.validate import validate
from ...hosts.solver_options import distilled_with, is_distilled
from ...hosts.standalone.control import ControlNet
from ...hosts.standalone.folders import Folders, use_folders
from ...hosts.standalone.host import StandaloneHost
from ...hosts.standalone.models import StandaloneModels
from ...hosts.standalone.preview import LoadedVAE
from ...hosts.standalone.runs import StandaloneSampling
from ...hosts.standalone.sampling import Model
from ...hosts.standalone.session import StandaloneSession
from ...model_loaders.files import only_measured
from ...models.layers import Unfilled
from ...models.lora import WeightDeltas, patched, published_shapes
from .ends import END, with_ends
from .meter import META, Work, bytes_of
from .networks import RehearsedControl, RehearsedDiT, RehearsedText, RehearsedVAE, ShapedVAE

NETWORKS = frozenset({"MODEL", "CLIP", "VAE", "GUIDER", "CONTROL_NET"})
"""Socket types through which nodes call networks."""

_END = "rehearsal end "
CPU = torch.device("cpu")


@dataclass(eq=False)
class Part:
    """A network of a graph, and the work that it would have.

    Args:
        work: counts its calls.
        weights: weights as returned by a loader, without values.
        dtype: the dtype that it computes in.
    """

    work: Work
    weights: Any
    dtype: torch.dtype

    @property
    def tokens(self) -> int:
        """Tokens of the largest evaluation of a transformer, with all packed clips."""
        patch = self.weights.config.patch
        return max((tokens_of(key[0], patch) for key in self.work.calls), default=0)


def tokens_of(shape: torch.Size, patch: Sequence[int]) -> int:
    """Return the tokens of a state: (B, C, F, H, W), or (B, L, D) for packed clips."""
    return shape[1] if len(shape) == 3 else prod(shape[2:]) // prod(patch)


class _Reached(Exception):  # noqa: N818 (a signal, not an error)
    """Signals the first evaluation of a transformer, with the ``tokens`` of all its rows."""

    def __init__(self, tokens: int) -> None:
        super().__init__(tokens)
        self.tokens = tokens


class _FirstEvaluation(RehearsedDiT):
    """Ends a rehearsal when it is called; prompts are not even projected."""

    def prepare(self, text: Tensor, image: Tensor | None = None) -> tuple[()]:
        """Return nothing."""
        return ()

    def embed_text(self, text: Tensor) -> tuple[()]:
        """Return nothing."""
        return ()

    def __call__(self, x: Tensor, *given: Any, **options: Any) -> Tensor:
        """Raise the signal, with the size of the state."""
        raise _Reached(len(x) * tokens_of(x.shape, self.config.patch))


class RehearsedModels(StandaloneModels):
    """Networks without values, which count their calls in ``parts``.

    Args:
        device: the device that would compute.
        dtype: what "auto" means: auto, fp32, bf16 or fp16.
        session: receives progress.
        is_short: whether the first evaluation of a transformer ends a rehearsal.
    """

    def __init__(
        self, device: torch.device, dtype: str, session: StandaloneSession, *, is_short: bool
    ) -> None:
        super().__init__(CPU, dtype, session)
        self.real_device, self.is_short = device, is_short
        self.parts: list[Part] = []

    def _network(self, weights: Any, dtype: str) -> tuple[Any, torch.dtype]:
        number = self._dtype(dtype)
        with META:
            network = weights.family.build(weights.config, ops=Unfilled)
        return network.to(number).eval().requires_grad_(False), number

    def _part(self, name: str, weights: Any, network: Any, dtype: torch.dtype) -> Work:
        work = Work(name, bytes_of(network))
        self.parts.append(Part(work, weights, dtype))
        return work

    def make_model(self, weights: Any, *, dtype: str) -> Model:
        """Return a transformer that counts its calls."""
        network, number = self._network(weights, dtype)
        standing = _FirstEvaluation if self.is_short else RehearsedDiT
        dit: Any = standing(network, self._part("sampling", weights, network, number))
        info = weights.info
        return Model(
            dit, weights.latent, CPU, weights.shift, info, is_distilled(info), weights.file
        )

    def weight_shapes(self, model: Model) -> dict[str, torch.Size]:
        """Return the shapes of the weights of the network that it stands in for."""
        dit: Any = model.dit
        return published_shapes(dit.network)

    def with_lora(
        self,
        model: Model,
        patches: WeightDeltas,
        strength: float,
        *,
        live: bool,
        distilled: bool | None = None,
    ) -> Model:
        """Return another counting transformer; its changed weights are held beside the old ones."""
        model = replace(model, distilled=distilled_with(model.distilled, distilled))
        if self.is_short:
            return model
        dit: Any = model.dit
        of = next(part for part in self.parts if part.work is dit.work)
        network = patched(dit.network, patches, strength, live=live)
        shared = {id(weight) for weight in dit.network.parameters()}
        changed = (weight for weight in network.parameters() if id(weight) not in shared)
        work = Work(of.work.name, sum(weight.nbytes for weight in changed))
        self.parts.append(Part(work, of.weights, of.dtype))
        counting: Any = RehearsedDiT(network, work)
        return replace(model, dit=counting)

    def make_clip(self, weights: Any, *, dtype: str) -> Any:
        """Return a text encoder that returns zeros."""
        network, number = self._network(weights, dtype)
        self._part("prompts", weights, network, number)
        length = weights.tokenizer.max_length
        return RehearsedText(weights.tokenizer, length, weights.config.d_model)

    def make_vae(self, weights: Any, *, dtype: str) -> LoadedVAE:
        """Return a VAE that counts its calls."""
        network, number = self._network(weights, dtype)
        if self.is_short:
            shaped: Any = ShapedVAE(network)
            return LoadedVAE(shaped, CPU, number)
        decoding = self._part("decoding", weights, network, number)
        encoding = Work("encoding", 0)
        self.parts.append(Part(encoding, weights, number))
        standing: Any = RehearsedVAE(network, decoding, encoding, self.real_device)
        return LoadedVAE(standing, CPU, number)

    def make_control(self, weights: Any, *, dtype: str) -> ControlNet:
        """Return a branch that counts its calls."""
        network, number = self._network(weights, dtype)
        standing: Any = RehearsedControl(network, self._part("control", weights, network, number))
        return ControlNet(standing, weights.latent, weights.info, weights.file)


class Quiet(StandaloneSession):
    """The session of a rehearsal, which reports nothing."""

    def warn(self, message: str) -> None:
        """Do nothing."""


class RehearsalHost(StandaloneHost):
    """The standalone host with networks that compute nothing.

    Args:
        models, device, dtype: as for the host that it stands in for.
        is_short: whether the first evaluation of a transformer ends a rehearsal.
    """

    def __init__(self, *, models: Path, device: str, dtype: str, is_short: bool = False) -> None:
        super().__init__(models=models, device=device, dtype=dtype)
        self.session = Quiet(lambda done, total: None, None)
        self.rehearsed = RehearsedModels(self.models.device, dtype, self.session, is_short=is_short)
        self.models = self.rehearsed
        self.sampling = StandaloneSampling(CPU, self.session, self.models.vaes)


def rehearse(
    prompt: Mapping[str, Any], registry: Registry, host: RehearsalHost, folders: Folders
) -> list[Part]:
    """Run the nodes of a prompt that call networks, and everything that they depend on.

    Nodes that compute without networks run as they are; results are not saved.

    Args:
        prompt: API-format JSON of a graph that can run.
        registry: node id -> class.
        host: becomes the host in use.
        folders: their input folder is read.

    Returns:
        The networks with their work.

    Raises:
        GraphError, NodeFailed: it cannot run.
    """
    hosts.use(host)
    host.rehearsed.parts.clear()
    known = with_ends(registry)
    with TemporaryDirectory() as place, only_measured():
        inside = Folders(folders.input, Path(place), Path(place), also=folders.also)
        with use_folders(inside):
            shortened = _shortened(validate(prompt, registry), prompt)
            if shortened:
                Executor(known).run(shortened)
    return list(host.rehearsed.parts)


def tokens_at_first(
    prompt: Mapping[str, Any], registry: Registry, host: RehearsalHost, folders: Folders
) -> int:
    """Return the tokens of all rows of the first evaluation of a transformer; 0 if there is none.

    Args:
        prompt, registry, folders: as for `rehearse`.
        host: a host with ``is_short`` set; becomes the host in use.

    Raises:
        GraphError, NodeFailed: it cannot run that far.
    """
    try:
        rehearse(prompt, registry, host, folders)
    except NodeFailed as problem:
        if isinstance(problem.__cause__, _Reached):
            return problem.__cause__.tokens
        raise
    return 0


def _shortened(graph: Graph, prompt: Mapping[str, Any]) -> dict[str, Any]:
    """Return the nodes of a prompt that use networks, what they need, and ends for open outputs."""
    users = [key for key, node in graph.nodes.items() if uses(node, NETWORKS)]
    feeds = {key: [link.node for link in node.links] for key, node in graph.nodes.items()}
    kept = order_nodes(users, feeds)
    read = {link for key in kept for link in graph.nodes[key].links}
    made = {key: prompt[key] for key in kept}
    ends = [
        Link(key, slot)
        for key in users
        for slot in range(len(graph.nodes[key].schema.outputs))
        if Link(key, slot) not in read
    ]
    for number, link in enumerate(ends):
        node = {"class_type": END, "inputs": {"source": list(link)}}
        made[f"{_END}{number}"] = node
    return made


def uses(node: GraphNode, kinds: Set[str]) -> bool:
    """Whether a node has an input of one of the given types."""
    return not node.takes.isdisjoint(kinds)
