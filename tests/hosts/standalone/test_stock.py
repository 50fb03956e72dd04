"""Stock nodes: what they do, and files in the host's folders."""

import contextvars
import json
import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image

from spacetime_video.graph.errors import GraphError
from spacetime_video.graph.executor import Executor
from spacetime_video.graph.registry import Registry
from spacetime_video.graph.schema import HiddenHolder, with_hidden
from spacetime_video.hosts.standalone.folders import Folders, folders, use_folders
from spacetime_video.hosts.standalone.stock import stock_nodes
from spacetime_video.hosts.standalone.video import VideoFromComponents, VideoFromFile
from spacetime_video.media import FrameStream, load_image, probe_video, save_image, write_video

NODES = {node.GET_SCHEMA().node_id: node for node in stock_nodes()}
GRAPH = {"prompt": {"1": {"class_type": "X", "inputs": {"text": "ü"}}}}
WORKFLOW = {"nodes": [], "version": 0.4}


@pytest.fixture(autouse=True)
def places(tmp_path):
    chosen = Folders(tmp_path / "input", tmp_path / "output", tmp_path / "temp")
    chosen.input.mkdir()
    with use_folders(chosen):
        yield chosen


def run(node_id, **inputs):
    hidden = HiddenHolder(prompt=GRAPH["prompt"], extra_pnginfo={"workflow": WORKFLOW})
    return with_hidden(NODES[node_id], hidden).execute(**inputs)


def frames(count=4, height=16, width=24):
    return torch.linspace(0, 1, count)[:, None, None, None].expand(count, height, width, 3)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a red cube", "a red cube"),
        (2.5, "2.5"),
        (True, "True"),
        (None, "None"),
        ([1, 2], "[1, 2]"),
    ],
)
def test_any_value_is_shown_as_comfyui_shows_it(value, text):
    assert run("PreviewAny", source=value).ui.as_dict() == {"text": (text,)}


def test_what_json_cannot_say_is_shown_too():
    assert run("PreviewAny", source={1, 2}).ui.as_dict() == {"text": ("{1, 2}",)}


@pytest.mark.parametrize(
    ("node_id", "value"),
    [
        ("PrimitiveInt", -3),
        ("PrimitiveFloat", 0.25),
        ("PrimitiveString", "a"),
        ("PrimitiveStringMultiline", "a\nb"),
        ("PrimitiveBoolean", False),
    ],
)
def test_primitives_hand_on(node_id, value):
    assert run(node_id, value=value).args == (value,)


def test_save_video_brings_the_graph_back(places):
    video = VideoFromComponents(frames(), Fraction(8))
    shown = run("SaveVideo", video=video, filename_prefix="video/X", format="auto", codec="auto")
    assert shown.ui.as_dict() == {
        "images": [{"filename": "X_00001_.mp4", "subfolder": "video", "type": "output"}],
        "animated": (True,),
    }
    with av.open(str(places.output / "video" / "X_00001_.mp4")) as container:
        assert json.loads(container.metadata["prompt"]) == GRAPH["prompt"]
        assert json.loads(container.metadata["workflow"]) == WORKFLOW
        assert "creation_time" not in container.metadata


def test_saving_twice_gives_the_same_bytes(places):
    video = VideoFromComponents(frames(), Fraction(8))
    for _ in range(2):
        run("SaveVideo", video=video, filename_prefix="X", format="mp4", codec="h264")
    first, second = sorted(places.output.iterdir())
    assert first.read_bytes() == second.read_bytes()


def test_metadata_can_be_left_out(places):
    with use_folders(Folders(places.input, places.output, places.temp, metadata=False)):
        video = VideoFromComponents(frames(), Fraction(8))
        run("SaveVideo", video=video, filename_prefix="X", format="auto", codec="auto")
        run("SaveImage", images=frames(1), filename_prefix="X")
    assert not {"prompt", "workflow"} & set(probe_video(places.output / "X_00001_.mp4").metadata)
    with Image.open(places.output / "X_00002_.png") as image:
        assert image.info == {}


def test_prefix_variables(places):
    video = VideoFromComponents(frames(), Fraction(8))
    prefix = "%year%/%width%x%height%"
    shown = run("SaveVideo", video=video, filename_prefix=prefix, format="auto", codec="auto")
    assert shown.ui.as_dict()["images"][0]["filename"] == "24x16_00001_.mp4"


def test_prefix_stays_inside(places):
    with pytest.raises(ValueError, match="leads out of"):
        run("SaveImage", images=frames(1), filename_prefix="../../x")
    assert not places.output.exists()


def test_video_goes_round(places):
    [video] = run("CreateVideo", images=frames(5), fps=12.0).args
    assert video.get_dimensions() == (24, 16)
    run("SaveVideo", video=video, filename_prefix="x", format="auto", codec="auto")
    [loaded] = run("LoadVideo", file="x_00001_.mp4 [output]").args
    images, audio, fps, *_ = run("GetVideoComponents", video=loaded).args
    assert images.shape == (5, 16, 24, 3)
    assert (images - frames(5)).abs().max() < 0.03
    assert (audio, fps) == (None, 12.0)
    assert loaded.get_dimensions() == (24, 16)


def test_a_stream_of_frames_is_saved_as_the_tensor_is(places):
    parts = frames(20).split(7)
    stream = FrameStream((20, 16, 24, 3), lambda: iter(parts))
    [video] = run("CreateVideo", images=stream, fps=12.0).args
    assert (video.get_dimensions(), len(video.images)) == ((24, 16), 20)
    assert [len(part) for part in video.stream(16)] == [16, 4]
    saved = []
    for given in (video, VideoFromComponents(frames(20), Fraction(12))):
        given.save_to(places.output / "a.mp4")
        saved.append((places.output / "a.mp4").read_bytes())
    assert saved[0] == saved[1]
    assert torch.equal(video.get_components().images, frames(20))
    with pytest.raises(ValueError, match=r"shape \(0, 16, 24, 3\) are not a video"):
        run("CreateVideo", images=FrameStream((0, 16, 24, 3), lambda: iter(())), fps=12.0)


def write_mkv(path, codec, *, sound=False):
    with av.open(str(path), "w") as output:
        stream = output.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = 32, 16, "yuv420p"
        audio = output.add_stream("aac", rate=8000) if sound else None
        for index in range(6):
            grey = np.full((16, 32, 3), 40 * index, np.uint8)
            output.mux(stream.encode(av.VideoFrame.from_ndarray(grey, format="rgb24")))
        output.mux(stream.encode(None))
        if audio is not None:
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 4000), np.float32), "fltp", "mono")
            silence.sample_rate = 8000
            output.mux(audio.encode(silence))
            output.mux(audio.encode(None))


def test_a_file_is_saved_as_it_is_with_its_sound(places):
    write_mkv(places.input / "a.mkv", "libx264", sound=True)
    video = VideoFromFile(places.input / "a.mkv")
    video.save_to(places.output / "a.mp4", metadata={"prompt": GRAPH["prompt"]})
    info = probe_video(places.output / "a.mp4")
    assert info.has_audio
    assert json.loads(info.metadata["prompt"]) == GRAPH["prompt"]
    saved = VideoFromFile(places.output / "a.mp4").get_components().images
    assert torch.equal(saved, video.get_components().images)


@pytest.mark.parametrize(("given", "codec"), [("libvpx", "auto"), ("mpeg4", "h264")])
def test_other_codecs_are_encoded_anew(places, given, codec):
    write_mkv(places.input / "a.mkv", given)
    video = VideoFromFile(places.input / "a.mkv")
    video.save_to(places.output / "a.mp4", codec=codec)
    info = probe_video(places.output / "a.mp4")
    assert (info.codec, info.frames, info.fps) == ("h264", 6, 10)


def test_videos_refuse_what_they_cannot_do(places):
    with pytest.raises(ValueError, match=r"audio of shape \(2, 1, 10\): use one clip"):
        VideoFromComponents(
            frames(), Fraction(8), {"waveform": torch.zeros(2, 1, 10), "sample_rate": 8000}
        )
    with pytest.raises(ValueError, match="are not a video"):
        VideoFromComponents(frames(0), Fraction(8))
    with pytest.raises(ValueError, match="use format"):
        VideoFromComponents(frames(), Fraction(8)).save_to(places.output / "x.mkv", format="mkv")


def test_images_go_round(places):
    images = torch.rand(2, 5, 6, 3, generator=torch.manual_seed(0))
    shown = run("SaveImage", images=images, filename_prefix="a/x%batch_num%").ui.as_dict()
    assert [item["filename"] for item in shown["images"]] == ["x0_00001_.png", "x1_00001_.png"]
    [pixels, mask] = run("LoadImage", image="a/x1_00001_.png [output]").args
    assert pixels.shape == (1, 5, 6, 3)
    assert torch.equal(pixels[0], (images[1] * 255).floor() / 255)  # ComfyUI cuts off, too
    assert mask.shape == (1, 64, 64)
    assert mask.max() == 0
    with Image.open(places.output / "a" / "x0_00001_.png") as image:
        assert json.loads(image.info["workflow"]) == WORKFLOW


def test_many_images_are_saved_without_a_look_at_all_for_each(places, monkeypatch):
    looks, look = [], Path.iterdir
    monkeypatch.setattr(Path, "iterdir", lambda self: looks.append(self) or look(self))
    places.output.mkdir()
    (places.output / "x_00004_.mp4").touch()
    shown = run("SaveImage", images=frames(30), filename_prefix="x").ui.as_dict()
    names = [item["filename"] for item in shown["images"]]
    assert names == [f"x_{number:05}_.png" for number in range(5, 35)]
    assert sorted(path.name for path in look(places.output)) == ["x_00004_.mp4", *names]
    assert len(looks) < 5


def test_mask_is_transparency(places):
    image = torch.full((4, 4, 4), 1.0)
    image[0, 0, 3] = 0
    save_image(places.input / "a.png", image)
    mask = run("LoadImage", image="a.png").args[1]
    assert mask.shape == (1, 4, 4)
    assert mask.sum() == mask[0, 0, 0] == 1


def test_an_animation_has_a_mask_per_picture(places):
    shown = [Image.new("RGB", (6, 4), (60 * n, 0, 0)) for n in range(3)]
    shown[0].save(places.input / "a.gif", save_all=True, append_images=shown[1:])
    clear = [Image.new("RGBA", (6, 4), (60 * n, 0, 0, 100 * n)) for n in range(3)]
    clear[0].save(places.input / "a.webp", save_all=True, append_images=clear[1:], lossless=True)
    clear[0].save(places.input / "b.png", save_all=True, append_images=clear[1:])
    assert run("LoadImage", image="a.gif").args[1].shape == (3, 64, 64)
    for name in ("a.webp", "b.png"):
        mask = run("LoadImage", image=name).args[1]
        assert (255 - mask[:, 0, 0] * 255).round().tolist() == [0, 100, 200]


def test_preview_goes_to_temp(places):
    shown = run("PreviewImage", images=frames(2)).ui.as_dict()["images"]
    assert [item["type"] for item in shown] == ["temp", "temp"]
    assert load_image(places.temp / shown[1]["filename"]).pixels.min() == 1
    assert not places.output.exists()


def test_combos_list_the_input_folder(places):
    for name in ("b.mp4", "a.webm", "x.png", "y.jpg", "notes.txt"):
        (places.input / name).touch()
    (places.input / "folder.png").mkdir()
    assert NODES["LoadVideo"].GET_SCHEMA().inputs[0].options == ["a.webm", "b.mp4"]
    assert NODES["LoadImage"].GET_SCHEMA().inputs[0].options == ["x.png", "y.jpg"]


def test_missing_files_are_said_with_what_is_there(places):
    check = NODES["LoadImage"].validate_inputs
    assert f"is not in {places.input}: put it there" in check(image="a.png")
    for index in range(12):
        save_image(places.input / f"{index:02}.png", torch.zeros(2, 2, 3))
    answer = check(image="a.png")
    assert "'a.png' is not in" in answer
    assert "00.png" in answer
    assert "7 more" in answer
    assert check(image="03.png") is True
    assert check(image=None) is True
    assert "is not in" in NODES["LoadVideo"].validate_inputs(file="a.mp4")
    with pytest.raises(FileNotFoundError):
        run("LoadImage", image="a.png")


@pytest.mark.parametrize("name", ["../secret.png", "/etc/passwd", "a/../../secret.png"])
def test_input_files_lie_in_the_folder(places, name):
    (places.input.parent / "secret.png").touch()
    assert "lies outside" in NODES["LoadImage"].validate_inputs(image=name)


def test_fingerprints_follow_the_file(places):
    save_image(places.input / "a.png", torch.zeros(2, 2, 3))
    write_video(places.input / "a.mp4", [frames(1)], fps=8)
    image, video = NODES["LoadImage"].fingerprint_inputs, NODES["LoadVideo"].fingerprint_inputs
    before = image(image="a.png"), video(file="a.mp4")
    assert before == (image(image="a.png"), video(file="a.mp4"))
    save_image(places.input / "a.png", torch.ones(2, 2, 3))
    os.utime(places.input / "a.mp4", (1, 1))
    assert image(image="a.png") != before[0]
    assert video(file="a.mp4") != before[1]


def test_a_video_that_replaces_another_of_its_size_and_time_is_a_new_one(places):
    first, second = places.input / "a.mp4", places.input / "b.mp4"
    for path in (first, second):
        write_video(path, [frames(1)], fps=8)
        os.utime(path, (1, 1))
    fingerprint = NODES["LoadVideo"].fingerprint_inputs
    before = fingerprint(file="a.mp4")
    second.replace(first)
    assert fingerprint(file="a.mp4") != before


def test_a_graph_runs(places):
    write_video(places.input / "a.mp4", [frames(4)], fps=8)
    prompt = {
        "1": {"class_type": "LoadVideo", "inputs": {"file": "a.mp4"}},
        "2": {"class_type": "GetVideoComponents", "inputs": {"video": ["1", 0]}},
        "3": {"class_type": "CreateVideo", "inputs": {"images": ["2", 0], "fps": ["2", 2]}},
        "4": {
            "class_type": "SaveVideo",
            "inputs": {
                "video": ["3", 0],
                "filename_prefix": "out",
                "format": "auto",
                "codec": "auto",
            },
        },
        "5": {"class_type": "PreviewImage", "inputs": {"images": ["2", 0]}},
    }
    result = Executor(Registry.from_nodes(stock_nodes())).run(prompt)
    assert result.outputs["4"]["images"][0]["filename"] == "out_00001_.mp4"
    assert len(result.outputs["5"]["images"]) == 4
    info = probe_video(places.output / "out_00001_.mp4")
    assert json.loads(info.metadata["prompt"]) == prompt
    prompt["1"]["inputs"]["file"] = "b.mp4"
    with pytest.raises(GraphError, match=r"input file: .*'b\.mp4' is not in .*choose a\.mp4"):
        Executor(Registry.from_nodes(stock_nodes())).run(prompt)


def test_folders_without_a_choice(places, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert folders() == places
    assert contextvars.Context().run(folders) == Folders()
    made = Folders.of(output="out")
    assert made.output == tmp_path / "out"
    assert made.input == tmp_path / "input"
    assert made.temp.is_absolute()
