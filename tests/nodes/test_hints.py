"""The nodes that make hints: what comes out, what is shown, and streams in a graph."""

import json

import pytest
import torch

from spacetime_video.graph.executor import Executor
from spacetime_video.graph.registry import Registry
from spacetime_video.hosts.standalone import io
from spacetime_video.media import FrameStream
from spacetime_video.media.hints import Flow
from spacetime_video.nodes.control.hints import (
    SpacetimeCannyEdges,
    SpacetimeLineArt,
    SpacetimeLowDetail,
    SpacetimeLuminance,
    SpacetimeSoftEdges,
)
from spacetime_video.nodes.control.optical_flow import SpacetimeOpticalFlow
from spacetime_video.nodes.control.toy_world import SpacetimeToyWorldHints
from spacetime_video.nodes.helpers import example_scenes, hints
from spacetime_video.nodes.video.world import SpacetimeExampleClip
from spacetime_video.toyworld import draw_scene, nearness, render, true_flow

NODES = (
    SpacetimeCannyEdges,
    SpacetimeSoftEdges,
    SpacetimeLineArt,
    SpacetimeLuminance,
    SpacetimeLowDetail,
    SpacetimeOpticalFlow,
)
every_node = pytest.mark.parametrize("node", NODES, ids=lambda node: node.__name__)
NAMES = (
    "IMAGE", "depth", "objects", "edges", "motion", "flow", "MASK", "tracks", "caption", "fps",
)  # fmt: skip
FORM = {"seed": 4, "width": 64, "height": 48, "frames": 9, "fps": 12.0, "kind": "pair"}


@pytest.fixture(scope="module")
def clip():
    return render([draw_scene(1, kind="pair")], frames=9, height=48, width=64).video[0]


@every_node
def test_a_clip_becomes_as_many_frames_of_its_size(node, clip, standalone, monkeypatch):
    ticks = []
    monkeypatch.setattr(standalone.session, "progress", lambda *tick: ticks.append(tick))
    made = node.execute(clip)
    assert made[0].shape == clip.shape
    assert 0 <= made[0].min() < made[0].max() <= 1
    assert ticks[-1][0] == ticks[-1][1]
    assert len(ticks) in (8, 9)
    assert node.execute(clip[:1])[0].shape == (1, 48, 64, 3)


@every_node
def test_some_frames_are_shown(node, clip, monkeypatch):
    shown = []
    monkeypatch.setattr(hints.ui, "PreviewImage", lambda image, cls: shown.append(image))
    made = node.execute(clip)[0]
    assert torch.equal(shown[0], made[[0, 3, 5, 8]])
    node.execute(clip[:1])
    assert len(shown[1]) == 1


def test_lines_may_be_black_on_white(clip):
    made = SpacetimeLineArt.execute(clip)[0]
    torch.testing.assert_close(SpacetimeLineArt.execute(clip, black_on_white=True)[0], 1 - made)


def test_settings_count(clip):
    def changed(node, **options):
        return (node.execute(clip, **options)[0] - node.execute(clip)[0]).abs().mean() > 1e-3

    assert changed(SpacetimeCannyEdges, high_threshold=0.8)
    assert changed(SpacetimeCannyEdges, low_threshold=0.01, high_threshold=0.03)
    assert changed(SpacetimeCannyEdges, blur=4.0)
    assert changed(SpacetimeSoftEdges, softness=3.0)
    assert changed(SpacetimeSoftEdges, strength=1.0)
    assert changed(SpacetimeLineArt, line_width=4.0)
    assert changed(SpacetimeLineArt, threshold=0.5)
    assert changed(SpacetimeLowDetail, factor=2.0)
    assert changed(SpacetimeLowDetail, how="blur")
    assert changed(SpacetimeOpticalFlow, fastest=1.0)


def test_wrong_settings_are_refused_before_the_graph_runs():
    assert "not above the high one" in SpacetimeCannyEdges.validate_inputs(0.5, 0.2, 1.0)
    assert SpacetimeCannyEdges.validate_inputs(None, 0.2, 1.0) is True
    assert SpacetimeCannyEdges.validate_inputs(0.1, 0.2, 1.0) is True
    assert "choose one of tile, blur" in SpacetimeLowDetail.validate_inputs("box")


def test_flow_comes_in_pixels_and_colours_are_relative_to_the_size(clip):
    pictures, flow = SpacetimeOpticalFlow.execute(clip).args
    assert isinstance(flow, Flow)
    assert (flow.frames, flow.vectors.shape) == (9, (8, 48, 64, 2))
    speed = flow.vectors[0].norm(dim=-1)
    place = divmod(int(speed.argmax()), 64)
    fullness = 1 - pictures[0].amin(dim=-1)[place]
    assert float(fullness) == pytest.approx(min(1, float(speed.max()) / (0.05 * 48)), abs=0.01)


class Source(io.ComfyNode):
    """Frames that are made as they are read."""

    frames: torch.Tensor
    read = 0

    @classmethod
    def define_schema(cls):
        return io.Schema("Source", inputs=[], outputs=[io.Image.Output()])

    @classmethod
    def execute(cls):
        def make():
            for frame in Source.frames.split(2):
                Source.read += len(frame)
                yield frame

        return io.NodeOutput(FrameStream(Source.frames.shape, make))


class Reader(io.ComfyNode):
    """Reads a stream to its end."""

    takes_streams = frozenset({"images"})
    got: torch.Tensor

    @classmethod
    def define_schema(cls):
        inputs = [io.Image.Input("images")]
        return io.Schema("Reader", inputs=inputs, outputs=[], is_output_node=True)

    @classmethod
    def execute(cls, images):
        assert isinstance(images, FrameStream)
        Reader.got = torch.cat([part.clone() for part in images.chunks()])
        return io.NodeOutput()


@every_node
def test_streams_pass_through_a_graph(node, clip):
    Source.frames, Source.read = clip, 0
    graph = {
        "1": {"class_type": "Source", "inputs": {}},
        "2": {"class_type": node.GET_SCHEMA().node_id, "inputs": {"images": ["1", 0]}},
        "3": {"class_type": "Reader", "inputs": {"images": ["2", 0]}},
    }
    for spec in node.GET_SCHEMA().inputs[1:]:
        graph["2"]["inputs"][spec.id] = spec.default
    Executor(Registry.from_nodes([Source, Reader, node])).run(graph)
    assert Source.read == len(clip)
    assert torch.equal(Reader.got, node.execute(clip)[0])


def toy(**given):
    made = SpacetimeToyWorldHints.execute(**{**FORM, **given})
    return dict(zip(NAMES, made.args, strict=True))


def test_outputs_of_the_toy_world_keep_their_order():
    outputs = SpacetimeToyWorldHints.GET_SCHEMA().outputs
    assert tuple(output.display_name for output in outputs) == NAMES


def test_the_toy_world_is_that_of_example_clip():
    made, example = toy(), SpacetimeExampleClip.execute(**FORM)
    for name, place in {"IMAGE": 0, "MASK": 2, "objects": 6}.items():
        assert torch.equal(made[name], example[place])
    for name, place in {"caption": 1, "tracks": 4, "fps": 5}.items():
        assert made[name] == example[place]
    mine, other = (
        node.GET_SCHEMA().inputs for node in (SpacetimeToyWorldHints, SpacetimeExampleClip)
    )
    assert [spec.id for spec in mine] == [*(spec.id for spec in other), "fastest"]


def test_the_toy_worlds_hints_are_its_truth():
    made = toy(camera="pans left")
    scene = draw_scene(4, kind="pair", style="shaded", camera="pans left", duration=9 / 12)
    clip = render([scene], frames=9, height=48, width=64, fps=12.0)
    assert torch.equal(made["depth"][..., 1], nearness(clip.depth[0]))
    flow = true_flow([scene], clip, fps=12.0).vectors[0]
    assert made["flow"].frames == 9
    torch.testing.assert_close(made["flow"].vectors, flow, atol=1e-4, rtol=0)
    assert made["motion"].shape == made["edges"].shape == made["IMAGE"].shape
    edges = made["edges"][..., 0] > 0
    assert edges.any(dim=(1, 2)).all()
    assert made["MASK"][edges].all()
    points = json.loads(made["tracks"])
    assert [len(points_of_one) for points_of_one in points] == [9, 9]
    assert {"x", "y"} <= set(points[0][0])


def test_long_toy_clips_are_made_in_parts(monkeypatch):
    whole = toy()
    monkeypatch.setattr(example_scenes, "PIXELS_AT_A_TIME", 2 * 48 * 64)
    parts = toy()
    torch.testing.assert_close(parts["flow"].vectors, whole["flow"].vectors, atol=1e-4, rtol=0)
    assert torch.equal(parts["edges"], whole["edges"])


def test_one_frame_of_the_toy_world_stands_still():
    made = toy(frames=1)
    assert made["flow"].vectors.shape == (0, 48, 64, 2)
    assert torch.equal(made["motion"], torch.ones(1, 48, 64, 3))
