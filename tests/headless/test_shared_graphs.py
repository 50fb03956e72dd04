"""Graphs that were saved on other machines: other slashes, folders, drives and cases."""

import logging
import shutil

import numpy as np
import pytest
from PIL import Image

from spacetime_video import hosts
from spacetime_video.graph.errors import GraphError
from spacetime_video.headless.engine import Engine, Job
from spacetime_video.hosts.standalone.folders import Folders
from spacetime_video.hosts.standalone.host import StandaloneHost

LOADERS = {
    "SpacetimeLoadModels": ("model", "diffusion_models", "random_dit.safetensors"),
    "UNETLoader": ("unet_name", "diffusion_models", "random_dit.safetensors"),
    "CLIPLoader": ("clip_name", "text_encoders", "random_text.safetensors"),
    "VAELoader": ("vae_name", "vae", "random_vae.safetensors"),
    "ControlNetLoader": ("control_net_name", "controlnet", "random_control.safetensors"),
    "SpacetimeLoadControlNet": ("control_net", "controlnet", "random_control.safetensors"),
}
OTHERS = {
    "UNETLoader": {"weight_dtype": "default"},
    "CLIPLoader": {"type": "wan"},
    "SpacetimeLoadControlNet": {"dtype": "auto"},
}


@pytest.fixture
def engine(models_dir, tmp_path, standalone):
    """Weights in folders of their own below ComfyUI's."""
    for _, folder, name in LOADERS.values():
        place = tmp_path / "models" / folder / "video"
        place.mkdir(parents=True, exist_ok=True)
        shutil.copy(models_dir / folder / name, place / name)
    yield Engine(StandaloneHost(models=tmp_path / "models", device="cpu", dtype="fp32"))
    hosts.use(standalone)


def job(tmp_path, nodes, *assignments):
    folders = Folders.of(input=tmp_path / "input", output=tmp_path / "output")
    shown = {"class_type": "PreviewAny", "inputs": {"source": ["1", 0]}}
    return Job(workflow={"1": nodes, "2": shown}, folders=folders, assignments=assignments)


def loader(kind, name, model_names):
    widget, _, _ = LOADERS[kind]
    rest = model_names if kind == "SpacetimeLoadModels" else OTHERS.get(kind, {})
    return {"class_type": kind, "inputs": {**rest, widget: name}}


@pytest.mark.parametrize("kind", LOADERS)
def test_models_are_found_as_they_are_called_here(engine, tmp_path, model_names, kind, caplog):
    widget, _, name = LOADERS[kind]
    names = [
        f"video\\{name}",
        f"Video\\{name.title()}",
        name,
        f"D:\\AI\\ComfyUI\\models\\old\\{name}",
        f"/home/someone/models/{name}",
    ]
    with caplog.at_level(logging.WARNING):
        plans = [engine.plan(job(tmp_path, loader(kind, each, model_names))) for each in names]

    assert {plan.nodes["1"].inputs[widget] for plan in plans} == {f"video/{name}"}
    told = [record.message for record in caplog.records if f"input {widget}: " in record.message]
    assert len(told) == 3
    assert f"{name} not found, using video/{name}" in told[0]


def test_two_files_of_a_name_are_not_chosen_from(engine, tmp_path, model_names):
    name = LOADERS["VAELoader"][2]
    other = tmp_path / "models/vae/other" / name
    other.parent.mkdir()
    shutil.copy(tmp_path / "models/vae/video" / name, other)

    with pytest.raises(GraphError, match=f"choose one of other/{name}, video/{name}"):
        engine.plan(job(tmp_path, loader("VAELoader", f"mine\\{name}", model_names)))


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("shots\\a.png", "shots\\a.png"),
        ("B.PNG", "b.png"),
        ("C:\\Users\\me\\Pictures\\b.png", "b.png"),
        ("/home/me/b.png", "b.png"),
    ],
)
def test_pictures_are_found_as_they_are_called_here(engine, tmp_path, name, kept):
    (tmp_path / "input/shots").mkdir(parents=True)
    for place in ("shots/a.png", "b.png"):
        Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "input" / place)
    picture = {"class_type": "LoadImage", "inputs": {"image": name}}

    result = engine.run(job(tmp_path, picture))

    assert engine.plan(job(tmp_path, picture)).nodes["1"].inputs["image"] == kept
    assert result.executed == ["1", "2"]


def test_a_file_elsewhere_is_read_where_it_is_set_by_name(engine, tmp_path):
    (tmp_path / "input").mkdir()
    place = tmp_path / "elsewhere.png"
    for path in (place, tmp_path / "input/elsewhere.png"):
        Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(path)
    picture = {"class_type": "LoadImage", "inputs": {"image": "elsewhere.png"}}
    stranger = {"class_type": "LoadImage", "inputs": {"image": str(place)}}

    set_by_name = engine.plan(job(tmp_path, picture, f"1.image={place}"))

    assert set_by_name.nodes["1"].inputs["image"] == str(place)
    with pytest.raises(GraphError, match="lies outside"):
        engine.plan(job(tmp_path, stranger))
