"""The stock video nodes: variable rates, covers, and the forms that ComfyUI has since 0.33."""

import av
import pytest
import torch

from spacetime_video.graph.executor import Executor
from spacetime_video.graph.registry import Registry
from spacetime_video.graph.workflow import to_api
from spacetime_video.hosts.standalone.folders import Folders, use_folders
from spacetime_video.hosts.standalone.stock import stock_nodes
from spacetime_video.hosts.standalone.video import VideoFromFile
from spacetime_video.media import probe_video, write_video

from ...media.videos import write_at

NODES = {node.GET_SCHEMA().node_id: node for node in stock_nodes()}


@pytest.fixture(autouse=True)
def places(tmp_path):
    chosen = Folders(tmp_path / "input", tmp_path / "output", tmp_path / "temp")
    chosen.input.mkdir()
    with use_folders(chosen):
        yield chosen


def components(path):
    return NODES["GetVideoComponents"].execute(VideoFromFile(path)).args


def test_a_variable_rate_keeps_its_duration(places):
    write_at(places.input / "a.mkv", [0, 1, 2, 5, 6, 9])
    images, _, fps, *_ = components(places.input / "a.mkv")
    assert (len(images), fps) == (10, 10.0)
    VideoFromFile(places.input / "a.mkv").save_to(places.output / "b.mp4", crf=18)
    saved = probe_video(places.output / "b.mp4")
    assert (saved.frames, saved.fps) == (10, 10)


@pytest.mark.parametrize(
    ("pix_fmt", "transfer", "kind"),
    [("yuv420p", 1, (8, "sRGB")), ("yuv420p10le", 16, (10, "HDR PQ")), ("yuv420p", 2, (8, "sRGB"))],
)
def test_bit_depth_and_colour_space_of_a_file(places, pix_fmt, transfer, kind):
    path = places.input / "a.mkv"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=8)
        stream.width, stream.height, stream.pix_fmt = 32, 16, pix_fmt
        stream.codec_context.color_trc = transfer
        output.mux(stream.encode(av.VideoFrame(32, 16, pix_fmt)))
        output.mux(stream.encode(None))
    assert components(path)[3:] == kind


def test_a_graph_of_the_new_forms_runs(places):
    write_video(places.input / "a.mp4", [torch.rand(4, 16, 32, 3)], fps=8)
    saved = {"filename_prefix": "out", "format": "mp4", "format.codec": "h264"}
    anew = {"format.codec.encoding": "re-encode", "format.codec.encoding.color_space": "auto"}
    prompt = {
        "1": {"class_type": "LoadVideo", "inputs": {"file": "a.mp4"}},
        "2": {"class_type": "GetVideoComponents", "inputs": {"video": ["1", 0]}},
        "3": {
            "class_type": "CreateVideo",
            "inputs": {"images": ["2", 0], "fps": ["2", 2], "bit_depth": 10},
        },
        "4": {
            "class_type": "SaveVideo",
            "inputs": {"video": ["3", 0], **saved, **anew, "format.codec.encoding.crf": 0.0},
        },
        "5": {
            "class_type": "SaveVideo",
            "inputs": {"video": ["4", 0], **saved, **anew, "format.codec.encoding.crf": 51.0},
        },
    }
    registry = Registry.from_nodes(stock_nodes())
    Executor(registry).run(to_api(prompt, registry))
    fine, coarse = sorted(places.output.iterdir(), key=lambda path: -path.stat().st_size)
    assert fine.stat().st_size > 2 * coarse.stat().st_size
    assert {probe_video(path).bit_depth for path in (fine, coarse)} == {10}


def test_the_editors_own_form_of_save_video_is_read():
    names = ["filename_prefix", "format", "format.codec", "format.codec.encoding", "codec"]
    node = {
        "id": 4,
        "type": "SaveVideo",
        "inputs": [{"name": name, "type": "COMBO", "widget": {"name": name}} for name in names],
        "widgets_values": ["out", "mp4", "h264", "auto", "av1"],
    }
    registry = Registry.from_nodes(stock_nodes())
    inputs = to_api({"nodes": [node], "links": [], "version": 0.4}, registry)["4"]["inputs"]
    assert (inputs["codec"], inputs["encoding"], inputs["crf"]) == ("h264", "auto", 18.0)


def test_pictures_that_no_memory_holds_are_refused_before_the_run(places, monkeypatch):
    write_video(places.input / "large.mp4", [torch.zeros(2, 256, 256, 3)], fps=8)
    assert NODES["LoadVideo"].validate_inputs("large.mp4") is True
    monkeypatch.setattr("spacetime_video.media.memory.free_memory", lambda: 10_000_000)
    told = NODES["LoadVideo"].validate_inputs("large.mp4")
    assert "(16 frames of 256x256 at a time) needs 0.0 GB of memory" in told
