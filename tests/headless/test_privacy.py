"""Results are shared: nothing in them tells where their maker keeps files, or who it is."""

import getpass
import re
import socket
from fractions import Fraction
from pathlib import Path

import pytest
import torch

from spacetime_video import hosts
from spacetime_video.headless.batch.batches import FOLDER
from spacetime_video.headless.batch.command import BatchOptions, batch_command
from spacetime_video.headless.batch.jobs.options import JobOptions
from spacetime_video.headless.reproduce import ReproduceOptions, reproduce_command
from spacetime_video.headless.source import read_graphs
from spacetime_video.media import image_tags, probe_video, save_image, write_video
from spacetime_video.media.probe import content_tags

from .conftest import node

ROOT = Path(__file__).parents[2]

SOMEONE = "someone_at_home"
SHORTEST = 5
"""Of names that no bytes hold by chance."""

SECRET = "Made at a kitchen table"


@pytest.fixture
def elsewhere(tmp_path):
    """A video, with a tag of its own, and a picture that lie in somebody's own folder."""
    folder = tmp_path / SOMEONE
    frames = [torch.rand(5, 32, 32, 3)]
    write_video(folder / "walk.mp4", frames, fps=Fraction(8), metadata={"comment": SECRET})
    save_image(folder / "dog.png", torch.rand(32, 32, 3))
    return folder


@pytest.fixture
def shared(graph):
    """A graph with every kind of result: a copied video, a new one, pictures and a state."""
    steps = {key: graph["10"]["inputs"][key] for key in ("guider", "noise", "sampler", "sigmas")}
    return graph | {
        "30": node("LoadVideo", "Clip", file="walk.mp4"),
        "31": node(
            "SaveVideo", video=["30", 0], filename_prefix="copy", format="auto", codec="auto"
        ),
        "32": node("LoadImage", "Picture", image="dog.png"),
        "33": node("SaveImage", images=["32", 0], filename_prefix="picture"),
        "34": node("SpacetimeSampleSteps", **steps, latent=["4", 0], stop_after=1),
        "35": node("SpacetimeSaveSamplingState", state=["34", 0], filename_prefix="state"),
        "36": node("SpacetimeDecodeToFile", latent=["11", 0], vae=["1", 2], crf=18.0),
        "37": node(
            "SaveVideo", video=["36", 0], filename_prefix="long", format="auto", codec="auto"
        ),
    }


def results(folder):
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path for path in files if FOLDER not in path.parts]


def check_private(files, tmp_path):
    """No file, by its name or in its bytes, tells of the folder, the user or the machine."""
    maker = [name for name in (getpass.getuser(), socket.gethostname()) if len(name) > SHORTEST]
    told = [str(tmp_path), SOMEONE, tmp_path.name, *maker]
    found = [
        (path.name, word)
        for path in files
        for word in told
        if word.encode() in path.read_bytes() or word in path.name
    ]
    assert not found


def named(elsewhere):
    return (f"Clip.file={elsewhere / 'walk.mp4'}", f"Picture.image={elsewhere / 'dog.png'}")


def test_results_tell_names_of_files_and_not_their_places(run, write, shared, elsewhere, tmp_path):
    assert run(write(shared), *named(elsewhere)) == 0

    files = results(tmp_path / "output")
    assert len(files) == 5
    check_private(files, tmp_path)
    for path in files:
        nodes = read_graphs(path)["prompt"]
        assert nodes["30"]["inputs"]["file"] == "walk.mp4"
        assert nodes["32"]["inputs"]["image"] == "dog.png"


def test_drawn_graphs_too(run, write, elsewhere, tmp_path):
    drawn = {
        "nodes": [
            {"id": 1, "type": "LoadImage", "title": "Picture", "widgets_values": ["a.png", "image"],
             "outputs": [{"name": "IMAGE", "type": "IMAGE", "links": [1]}]},
            {"id": 2, "type": "SaveImage", "widgets_values": ["p"],
             "inputs": [{"name": "images", "type": "IMAGE", "link": 1}]},
        ],
        "links": [[1, 1, 0, 2, 0, "IMAGE"]],
    }  # fmt: skip
    assert run(write(drawn), f"Picture.image={elsewhere / 'dog.png'}") == 0

    (file,) = results(tmp_path / "output")
    check_private([file], tmp_path)
    workflow = read_graphs(file)["workflow"]
    assert workflow["nodes"][0]["widgets_values"][0] == "dog.png"


def test_without_metadata_nothing_but_pictures_and_sound_is_left(
    run, write, shared, elsewhere, tmp_path
):
    assert run(write(shared), *named(elsewhere), metadata=False) == 0

    files = {path.name.partition("_")[0]: path for path in results(tmp_path / "output")}
    check_private(files.values(), tmp_path)
    assert image_tags(files["picture"]) == {}
    for name in ("clip", "copy", "long"):
        assert content_tags(probe_video(files[name]).metadata) == {}
    assert not [path for path in files.values() if SECRET.encode() in path.read_bytes()]
    assert b"class_type" not in files["state"].read_bytes()


def test_tags_of_a_clip_are_kept_otherwise(run, write, shared, elsewhere, tmp_path):
    assert run(write(shared), *named(elsewhere)) == 0

    (copy,) = (tmp_path / "output").glob("copy*")
    assert probe_video(copy).metadata["comment"] == SECRET


def test_a_batch_over_files_of_another_place(
    write, shared, elsewhere, tmp_path, models_dir, standalone, capfd
):
    kept = {key: shared[key] for key in ("30", "31", "32", "33")}
    settings = {"models_dir": str(models_dir), "device": "cpu", "dtype": "fp32"}
    settings |= {"input_dir": str(tmp_path / "input")}
    options = BatchOptions(
        jobs=JobOptions(
            workflows=(write(kept),),
            each=(f"Clip.file={elsewhere}/*.mp4", f"Picture.image={elsewhere}/*.png"),
            name="{Clip.file} with {Picture.image}",
            input_dir=tmp_path / "input",
            output_dir=tmp_path / "output",
        ),
        output_dir=tmp_path / "output",
        settings=settings,
        quiet=True,
    )
    assert batch_command(options) == 0

    files = results(tmp_path / "output")
    assert {path.name for path in files} == {"walk_with_dog.mp4", "walk_with_dog.png"}
    check_private(files, tmp_path)
    for path in files:
        code = reproduce_command(ReproduceOptions(file=path, settings={}, quiet=True))
        lines = capfd.readouterr().out.splitlines()
        assert (code, lines[-2:]) == (
            0,
            ["equal, byte for byte", "versions, models and inputs are unchanged"],
        )
    hosts.use(standalone)


def test_files_of_the_pack_tell_of_nobody():
    folders = ("example_workflows", "subgraphs", "weights", "locales")
    paths = [path for name in folders for path in (ROOT / name).rglob("*")]
    files = [path for path in paths if path.is_file() and path.suffix != ".pyc"]
    own = re.compile(rb"/home/|/Users/|/root/|/tmp/|[A-Z]:\\\\Users")
    assert [path.name for path in files if own.search(path.read_bytes())] == []
    assert len(files) > 40
