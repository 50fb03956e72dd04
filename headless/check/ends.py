"""The ends of a rehearsal: nodes that take what they are given, and save nothing."""

from dataclasses import replace
from typing import Any

from ...graph.graph import Graph
from ...graph.registry import Registry
from ...graph.schema import ComfyNode, NodeOutput
from ...hosts.standalone import io
from ...hosts.standalone.video import VideoFromComponents
from ...media import FrameStream

END = "RehearsalEnd"

SAVERS = frozenset({"SaveVideo", "SaveImage", "PreviewImage", "SpacetimeSaveSamplingState"})
"""Nodes that write files, and give what they were given."""


class RehearsalEnd(io.ComfyNode):
    """Takes what a node gives."""

    takes_streams = frozenset({"source"})

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Of any type."""
        return io.Schema(node_id=END, inputs=[io.AnyType.Input("source")], is_output_node=True)

    @classmethod
    def execute(cls, source: Any) -> io.NodeOutput:
        """Have frames made that are made when they are read."""
        _read(source)
        return io.NodeOutput()


def with_ends(registry: Registry) -> Registry:
    """The nodes of a registry, with an end for what nobody takes; savers take frames as ends do."""
    savers = {name: _reading(_without_saving(registry[name])) for name in SAVERS & registry.keys()}
    return Registry({**registry, **savers, END: RehearsalEnd})


def without_saving(graph: Graph) -> Graph:
    """A graph whose nodes save nothing, and have no frames made to be saved."""
    nodes = {
        key: replace(node, node=_without_saving(node.node)) if node.class_type in SAVERS else node
        for key, node in graph.nodes.items()
    }
    return replace(graph, nodes=nodes)


def _without_saving(node: type[ComfyNode]) -> type[ComfyNode]:
    """A node that gives what it is given, with the inputs and outputs of one that saves."""

    class Unsaved(node):
        @classmethod
        def execute(cls, **inputs: Any) -> NodeOutput:
            schema = cls.GET_SCHEMA()
            kinds = {spec.get_io_type(): inputs.get(spec.id) for spec in reversed(schema.inputs)}
            return NodeOutput(*(kinds[output.get_io_type()] for output in schema.outputs))

    return Unsaved


def _reading(node: type[ComfyNode]) -> type[ComfyNode]:
    """A node that has the frames made that it is given."""

    class Reading(node):
        @classmethod
        def execute(cls, **inputs: Any) -> NodeOutput:
            for value in inputs.values():
                _read(value)
            return super().execute(**inputs)

    return Reading


def _read(value: Any) -> None:
    frames = value.images if isinstance(value, VideoFromComponents) else value
    if isinstance(frames, FrameStream):
        for _ in frames.chunks():
            pass
