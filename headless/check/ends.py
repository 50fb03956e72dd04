"""The ends of a rehearsal: nodes that accept their inputs and save nothing."""

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
"""Nodes that write files, and pass on their inputs."""


class RehearsalEnd(io.ComfyNode):
    """Accepts an output of a node."""

    takes_streams = frozenset({"source"})

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Define one input of any type."""
        return io.Schema(node_id=END, inputs=[io.AnyType.Input("source")], is_output_node=True)

    @classmethod
    def execute(cls, source: Any) -> io.NodeOutput:
        """Read the input, since streamed frames are only generated when they are read."""
        _read(source)
        return io.NodeOutput()


def with_ends(registry: Registry) -> Registry:
    """Return a registry with an end for unused outputs; savers read frames and save nothing."""
    savers = {name: _reading(_without_saving(registry[name])) for name in SAVERS & registry.keys()}
    return Registry({**registry, **savers, END: RehearsalEnd})


def without_saving(graph: Graph) -> Graph:
    """Return a graph whose nodes save nothing, and generate no frames for saving."""
    nodes = {
        key: replace(node, node=_without_saving(node.node)) if node.class_type in SAVERS else node
        for key, node in graph.nodes.items()
    }
    return replace(graph, nodes=nodes)


def _without_saving(node: type[ComfyNode]) -> type[ComfyNode]:
    """Return a node that only passes on its inputs, in place of one that saves."""

    class Unsaved(node):
        @classmethod
        def execute(cls, **inputs: Any) -> NodeOutput:
            schema = cls.GET_SCHEMA()
            kinds = {spec.get_io_type(): inputs.get(spec.id) for spec in reversed(schema.inputs)}
            return NodeOutput(*(kinds[output.get_io_type()] for output in schema.outputs))

    return Unsaved


def _reading(node: type[ComfyNode]) -> type[ComfyNode]:
    """Return a node that first reads all frames that it gets."""

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
