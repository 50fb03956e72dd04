"""Every example workflow runs on the shipped weights, from its UI-format file to its outputs."""

import json
from pathlib import Path

import pytest

from spacetime_video import hosts
from spacetime_video.headless.run import standalone_registry
from spacetime_video.hosts.standalone.errors import GraphError
from spacetime_video.hosts.standalone.executor import Executor
from spacetime_video.hosts.standalone.folders import Folders, use_folders
from spacetime_video.hosts.standalone.host import StandaloneHost
from spacetime_video.hosts.standalone.workflow import to_api
from spacetime_video.media import load_image, probe_video, read_video

EXAMPLES = Path(__file__).parents[2] / "example_workflows"
NAMES = sorted(path.stem for path in EXAMPLES.glob("*.json"))


@pytest.fixture(scope="module")
def registry():
    host = StandaloneHost(device="cpu", dtype="fp32")
    hosts.use(host)
    return standalone_registry(host)


def prompt_of(name: str, registry) -> dict:
    workflow = json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))
    return to_api(workflow, registry)


def run(prompt: dict, registry, folder: Path) -> list[Path]:
    folders = Folders.of(input=folder / "input", output=folder / "output")
    with use_folders(folders):
        result = Executor(registry).run(prompt)
    return [
        folders.output / item["subfolder"] / item["filename"]
        for ui in result.outputs.values()
        for item in ui["images"]
    ]


def test_the_examples_are_all_there() -> None:
    assert NAMES == ["reconstruct_video", "text_to_image", "text_to_video", "text_to_video_short"]


@pytest.mark.parametrize("name", NAMES)
def test_each_has_a_thumbnail(name: str) -> None:
    pixels = load_image(EXAMPLES / f"{name}.jpg").pixels
    assert min(pixels.shape[:2]) >= 128


@pytest.mark.parametrize("name", NAMES)
def test_each_runs(name: str, registry, tmp_path: Path) -> None:
    prompt = prompt_of(name, registry)
    for node in prompt.values():
        if node["class_type"] == "SpacetimeSchedule":
            node["inputs"]["steps"] = 3
    files = run(prompt, registry, tmp_path)
    assert files
    for path in files:
        if path.suffix == ".png":
            assert load_image(path).pixels.shape == (64, 64, 3)
        else:
            info = probe_video(path)
            assert (info.width, info.height, info.frames, info.fps) == (64, 64, 17, 16)
            frames = next(read_video(path, chunk=17))
            assert frames.std() > 0.02


def test_without_patchify_it_does_not_run(registry) -> None:
    prompt = prompt_of("text_to_video", registry)
    patchify = next(k for k, n in prompt.items() if n["class_type"] == "SpacetimePatchify")
    latent = prompt[patchify]["inputs"]["latent"]
    del prompt[patchify]
    for node in prompt.values():
        for name, value in node["inputs"].items():
            if isinstance(value, list) and value[0] == patchify:
                node["inputs"][name] = latent
    with pytest.raises(GraphError, match="SPACETIME_TOKENS"):
        Executor(registry).run(prompt)


def test_titles_make_good_addresses(registry) -> None:
    for name in NAMES:
        titles = [node["_meta"]["title"] for node in prompt_of(name, registry).values()]
        assert len(set(titles)) == len(titles)
        assert "Save" in titles
