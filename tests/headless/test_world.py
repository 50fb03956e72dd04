"""`spacetime world`: what it writes can be read back, and mistakes are told before any work."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from spacetime_video.headless.cli import app
from spacetime_video.headless.world import WorldOptions, draw_scenes, world_command
from spacetime_video.media import load_image, read_video
from spacetime_video.toyworld import caption, detailed_caption, render

SIZE = {"frames": 5, "height": 32, "width": 48, "fps": 8.0}


def options(folder, **given):
    chosen = {"count": 1, "kind": "three", "seed": 0, "style": None, "camera": None, "loop": False}
    return WorldOptions(folder=folder, **{**SIZE, **chosen, **given})


@pytest.fixture
def write(tmp_path, capsys):
    """Write clips; gives the exit code, the printed lines and the error text."""

    def write_clips(**given):
        code = world_command(options(tmp_path / "clips", **given))
        printed = capsys.readouterr()
        return code, printed.out.splitlines(), printed.err

    return write_clips


@pytest.fixture
def written(write, tmp_path):
    """The folder of a clip of three objects, its description, its scene and its render."""
    code, _, _ = write()
    assert code == 0
    (folder,) = (tmp_path / "clips").glob("three_*")
    (scene,) = draw_scenes(options(tmp_path))
    description = json.loads((folder / "scene.json").read_text(encoding="utf-8"))
    return folder, description, scene, render([scene], **SIZE)


def pictures(folder):
    return np.stack([np.array(Image.open(path)) for path in sorted(folder.glob("*.png"))])


def test_the_video_is_the_clip(written):
    folder, _, _, clip = written
    (frames,) = read_video(folder / "video.mp4", chunk=16)
    assert frames.shape == clip.video[0].shape
    assert (frames - clip.video[0]).abs().mean() < 0.02


def test_masks_are_exact(written):
    folder, _, scene, clip = written
    numbers = torch.from_numpy(pictures(folder / "masks"))
    assert len(scene.objects) == 3
    for index in range(3):
        assert torch.equal(numbers == index + 1, clip.masks[0, :, index])


def test_depth_is_to_the_step(written):
    folder, description, _, clip = written
    numbers = torch.from_numpy(pictures(folder / "depth").astype(np.float64))
    depth = clip.depth[0].double()
    seen = depth < 65
    assert seen.any()
    assert (numbers * description["depth_step"] - depth)[seen].abs().max() <= 0.0005
    assert (numbers[depth.isinf()] == 65535).all()


def test_the_description_is_the_scenes(written):
    _, description, scene, _ = written
    assert description["caption"] == caption(scene)
    assert description["detailed_caption"] == detailed_caption(scene)
    assert description["size"] == SIZE
    assert description["scene"]["seed"] == scene.seed
    assert [thing["colour"] for thing in description["scene"]["objects"]] == [
        thing.colour for thing in scene.objects
    ]


def test_every_frame_says_what_is_where(written):
    _, description, _, clip = written
    assert [frame["seconds"] for frame in description["frames"]] == [0, 0.125, 0.25, 0.375, 0.5]
    told = [frame["objects"] for frame in description["frames"]]
    for name in ("centre", "rotation", "velocity"):
        values = torch.tensor([[thing[name] for thing in frame] for frame in told])
        torch.testing.assert_close(values, getattr(clip.states, name)[0].float())
    tracks = [[[thing["x"], thing["y"], thing["visible"]] for thing in frame] for frame in told]
    torch.testing.assert_close(torch.tensor(tracks), clip.tracks[0])
    floor = [[thing["on_floor"] for thing in frame] for frame in told]
    assert torch.equal(torch.tensor(floor), clip.states.contacts[0, :, :, -1])


def test_touching_objects_are_told_by_their_ids(write, tmp_path):
    write(kind="pushes", frames=9)
    (file,) = (tmp_path / "clips").glob("pushes_*/scene.json")
    frames = json.loads(file.read_text(encoding="utf-8"))["frames"]
    pairs = [[thing["touches"] for thing in frame["objects"]] for frame in frames]
    assert (pairs[0], pairs[-1]) == ([[], []], [[2], [1]])


def test_a_moving_camera_is_told(write, tmp_path):
    write(kind="single", camera="orbits left")
    (file,) = (tmp_path / "clips").glob("*/scene.json")
    cameras = [frame["camera"] for frame in json.loads(file.read_text("utf-8"))["frames"]]
    assert cameras[0] == {"eye": [0, 2, 0], "yaw": 0, "pitch": pytest.approx(0.19198621)}
    assert cameras[-1]["eye"][0] < 0 < cameras[-1]["yaw"]


def test_clips_are_named_by_kind_and_seed_and_listed(write, tmp_path):
    code, lines, _ = write(count=3, kind="single", seed=7)
    folder = tmp_path / "clips"
    names = ["single_000007", "single_000008", "single_000009"]
    assert code == 0
    assert sorted(path.name for path in folder.iterdir()) == ["overview.png", *names]
    scenes = draw_scenes(options(folder, count=3, kind="single", seed=7))
    told = [f"{folder / name}  {caption(s)}" for name, s in zip(names, scenes, strict=True)]
    assert lines[:3] == told
    assert lines[3].startswith(str(folder / "overview.png"))
    pixels = load_image(folder / "overview.png").pixels
    assert pixels.shape[0] > 3 * 128
    assert pixels.shape[1] > 3 * 128


def test_a_loop_returns_to_its_beginning(tmp_path):
    for scene in draw_scenes(options(tmp_path, count=8, loop=True, kind="single", frames=16)):
        clip = render([scene], frames=17, height=32, width=32, fps=8.0)
        torch.testing.assert_close(clip.video[0, 16], clip.video[0, 0], atol=1e-3, rtol=0)


def test_style_and_mixture_reach_the_scenes(tmp_path):
    scenes = draw_scenes(options(tmp_path, count=20, kind="any", style="cartoon", fps=4.0))
    assert {scene.style for scene in scenes} == {"cartoon"}
    assert len({scene.kind for scene in scenes}) > 2


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"kind": "dance"}, "unknown kind 'dance': use one of single"),
        ({"fps": 0.0}, "0.0 frames per second"),
        ({"style": "oil"}, "unknown style 'oil'"),
        ({"kind": "single", "camera": "flies"}, "unknown camera motion 'flies'"),
        ({"loop": True, "kind": "hits"}, "--loop cannot be combined with --kind hits"),
    ],
)
def test_mistakes_are_told_before_anything_is_written(write, tmp_path, given, message):
    code, lines, error = write(**given)
    assert (code, lines) == (1, [])
    assert message in error
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_clips_that_are_there_stay(write, tmp_path):
    write()
    (video,) = (tmp_path / "clips").glob("*/video.mp4")
    before = video.stat().st_mtime_ns
    code, _, error = write(count=2)
    assert code == 1
    assert "already holds three_000000: use another folder or another --seed" in error
    assert video.stat().st_mtime_ns == before
    assert not (tmp_path / "clips" / "three_000001").exists()


def test_a_file_in_place_of_the_folder_is_named(write, tmp_path):
    (tmp_path / "clips").write_text("here")
    code, _, error = write()
    assert code == 1
    assert "is not a folder" in error


def test_what_stops_half_way_leaves_no_half_clip(write, tmp_path, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("spacetime_video.headless.world_files._write_depth", stop)
    code, lines, error = write()
    assert (code, lines, error) == (130, [], "interrupted\n")
    assert list((tmp_path / "clips").iterdir()) == []


def test_the_command_line(tmp_path):
    words = ["world", str(tmp_path / "clips"), "--count", "1", "--frames", "1", "--seed", "5"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    assert "single_000005" in result.stdout
    assert CliRunner().invoke(app, ["world", str(tmp_path), "--count", "0"]).exit_code == 2
