"""What a workflow needs from a host: nodes, with the packs that provide them, and models."""

import re
from collections import Counter, deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ...graph.errors import LISTED
from ...graph.registry import Registry
from ...graph.sockets import Combo
from ...graph.ui_graph import BYPASSED, MUTED
from ...graph.workflow import to_api
from ...media.names import choose_among, moved_name

_MODEL = re.compile(r".+\.(safetensors|sft|ckpt|pth?|bin|gguf|onnx)", re.IGNORECASE)

_LONGEST = 300


@dataclass(frozen=True, kw_only=True)
class NeededNode:
    """A kind of node that the host lacks.

    Args:
        class_type: its id.
        count: how many of them the workflow has.
        pack: the pack that provides it, according to the workflow; empty if it does not say.
        instead: nodes of this host that do the same; empty if none do.
    """

    class_type: str
    count: int
    pack: str
    instead: str

    @property
    def line(self) -> str:
        """The node in words."""
        where = f" from the pack {self.pack}" if self.pack else ""
        ours = f"; this host has {self.instead}" if self.instead else ""
        return f"{self.class_type} ({self.count}){where}{ours}"


@dataclass(frozen=True, kw_only=True)
class NeededModel:
    """A file of weights.

    Args:
        name: its name in the workflow.
        here: its name on this host; empty if it is missing.
        folder: model folder that it belongs in, if the workflow says so.
        url: its source, if the workflow names one.
        instead: suggestions if it is missing; only for the first models of a workflow.
    """

    name: str
    here: str
    folder: str
    url: str
    instead: str

    @property
    def line(self) -> str:
        """The model in words."""
        place = f" in models/{self.folder}" if self.folder else ""
        source = f", from {self.url}" if self.url else ""
        return f"{self.name}{place}{source}{self.instead and f': {self.instead}'}"


@dataclass(frozen=True)
class Needs:
    """The nodes that are missing for a workflow, and the models that it names."""

    nodes: tuple[NeededNode, ...]
    models: tuple[NeededModel, ...]

    @property
    def missing(self) -> list[str]:
        """What is missing, in words."""
        lacking = [f"node {node.line}" for node in self.nodes]
        return lacking + [f"model {model.line}" for model in self.models if not model.here]

    def as_json(self) -> dict[str, Any]:
        """Return the needs for JSON."""
        return {
            "missing_nodes": [asdict(node) for node in self.nodes],
            "models": [asdict(model) for model in self.models],
        }


def needs_of(workflow: Mapping[str, Any], registry: Registry, files: Collection[str]) -> Needs:
    """Return what a workflow needs.

    Args:
        workflow: in UI format, which names packs, or in API format.
        registry: node id -> class of the host.
        files: names of the weights that the host has.

    Raises:
        WorkflowError: it is not a workflow.
    """
    nodes = [node for node in to_api(workflow, registry).values() if isinstance(node, dict)]
    kinds = Counter(str(node.get("class_type")) for node in nodes)
    drawn = list(_drawn_nodes(workflow))
    packs = {str(node.get("type")): _pack(node) for node in drawn}
    lacking = [
        NeededNode(
            class_type=kind,
            count=count,
            pack=packs.get(kind, ""),
            instead=registry.elsewhere.get(kind, ""),
        )
        for kind, count in kinds.items()
        if kind not in registry
    ]
    told = {_file(str(each.get("name"))): each for node in drawn for each in _told_models(node)}
    names = dict.fromkeys(name for name in _texts(workflow) if _MODEL.fullmatch(name))
    known = sorted(files)
    models = [
        _model(name, told.get(_file(name), {}), known, proposes=number < LISTED)
        for number, name in enumerate(names)
    ]
    return Needs(tuple(lacking), tuple(models))


def offered_files(registry: Registry) -> set[str]:
    """Return the names of weights that the nodes of a host offer."""
    found: set[str] = set()
    for node in registry.values():
        for spec in node.GET_SCHEMA().inputs:
            options = spec.options if isinstance(spec, Combo.Input) else ()
            found.update(name for name in options if isinstance(name, str) and _MODEL.match(name))
    return found


def _model(
    name: str, told: Mapping[str, Any], files: Sequence[str], *, proposes: bool
) -> NeededModel:
    here = moved_name(name, files) or ""
    return NeededModel(
        name=name,
        here=here,
        folder=str(told.get("directory") or ""),
        url=str(told.get("url") or ""),
        instead=choose_among(files, name) if proposes and not here else "",
    )


def _file(name: str) -> str:
    return name.replace("\\", "/").rpartition("/")[2]


def _drawn_nodes(workflow: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the nodes that run, of a workflow in UI format and of its subgraphs."""
    definitions = workflow.get("definitions")
    subgraphs = definitions.get("subgraphs") if isinstance(definitions, dict) else None
    for graph in (workflow, *(subgraphs or ())):
        for node in graph.get("nodes") or () if isinstance(graph, dict) else ():
            if isinstance(node, dict) and node.get("mode") not in (MUTED, BYPASSED):
                yield node


def _pack(node: Mapping[str, Any]) -> str:
    """Return the pack that a node in UI format comes from, with its version."""
    properties = node.get("properties")
    told = properties if isinstance(properties, dict) else {}
    name = told.get("cnr_id") or told.get("aux_id") or ""
    version = told.get("ver") or ""
    return f"{name} {version}".strip() if name else ""


def _told_models(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    properties = node.get("properties")
    models = properties.get("models") if isinstance(properties, dict) else None
    for model in models if isinstance(models, list) else ():
        if isinstance(model, dict):
            yield model


def _texts(workflow: Mapping[str, Any]) -> Iterator[str]:
    """Yield the texts that nodes of any kind are set to."""
    drawn = [node.get("widgets_values") for node in _drawn_nodes(workflow)]
    todo: deque[Any] = deque(
        drawn
        or [node.get("inputs") for node in to_api(workflow, {}).values() if isinstance(node, dict)]
    )
    while todo:
        value = todo.popleft()
        if isinstance(value, str) and len(value) <= _LONGEST:
            yield value
        elif isinstance(value, dict | list):
            todo += value.values() if isinstance(value, dict) else value
