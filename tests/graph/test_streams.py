"""Which nodes get frames as a stream, and how often they are made."""

import pytest
import torch

from spacetime_video.graph.describe import describe
from spacetime_video.graph.errors import NodeFailed
from spacetime_video.graph.executor import Executor
from spacetime_video.graph.registry import Registry
from spacetime_video.hosts.standalone import io
from spacetime_video.media import FrameStream

SHAPE = (4, 2, 2, 3)


class Log:
    def __init__(self):
        self.made, self.got = 0, []

    def frames(self):
        self.made += 1
        yield torch.zeros(SHAPE)


def source(make):
    class Source(io.ComfyNode):
        @classmethod
        def define_schema(cls):
            return io.Schema("Source", inputs=[], outputs=[io.Image.Output()])

        @classmethod
        def execute(cls):
            return io.NodeOutput(FrameStream(SHAPE, make))

    return Source


def reader(log, name, takes):
    class Reader(io.ComfyNode):
        takes_streams = frozenset(takes)

        @classmethod
        def define_schema(cls):
            inputs = [io.Image.Input("images"), io.String.Input("note", default="")]
            return io.Schema(name, inputs=inputs, outputs=[], is_output_node=True)

        @classmethod
        def execute(cls, images, note):
            log.got.append(type(images))
            if isinstance(images, FrameStream):
                list(images.chunks())
            return io.NodeOutput()

    return Reader


@pytest.fixture
def log():
    return Log()


def executor(log, make=None):
    nodes = [
        source(make or log.frames),
        reader(log, "Whole", ()),
        reader(log, "Streamed", ("images",)),
    ]
    return Executor(Registry.from_nodes(nodes))


def prompt(*readers):
    graph = {"source": {"class_type": "Source", "inputs": {}}}
    for index, name in enumerate(readers):
        inputs = {"images": ["source", 0], "note": str(index)}
        graph[f"{index} {name}"] = {"class_type": name, "inputs": inputs}
    return graph


@pytest.mark.parametrize(
    ("readers", "got"),
    [
        (["Streamed"], [FrameStream]),
        (["Whole"], [torch.Tensor]),
        (["Streamed", "Whole"], [FrameStream, torch.Tensor]),
        (["Streamed", "Streamed"], [FrameStream, FrameStream]),
    ],
)
def test_a_node_gets_what_it_takes_and_the_frames_are_made_once(log, readers, got):
    executor(log).run(prompt(*readers))
    assert log.got == got
    assert log.made == 1


def test_a_kept_stream_becomes_a_tensor_for_a_later_run(log):
    keeping = executor(log)
    keeping.run(prompt("Streamed"))
    result = keeping.run(prompt("Whole"))
    assert (result.cached, log.got) == (["source"], [FrameStream, torch.Tensor])


def test_what_fails_in_the_making_is_its_own_nodes_failure_unless_it_is_streamed(log):
    def broken():
        raise ValueError("damaged")
        yield

    for readers, failed in ((["Whole"], "Source"), (["Streamed"], "Streamed")):
        with pytest.raises(NodeFailed, match="damaged") as caught:
            executor(log, broken).run(prompt(*readers))
        assert caught.value.class_type == failed
    assert caught.value.inputs["images"] == "frames[4, 2, 2, 3]"


def test_a_stream_is_described_without_being_read(log):
    assert describe(FrameStream(SHAPE, log.frames)) == "frames[4, 2, 2, 3]"
    assert log.made == 0
