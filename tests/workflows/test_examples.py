"""Every example workflow runs on the shipped weights, from its UI-format file to its outputs."""

import copy
import json
from itertools import combinations
from pathlib import Path

import pytest
import torch

from spacetime_video.graph.errors import GraphError
from spacetime_video.graph.executor import Executor
from spacetime_video.graph.workflow import to_api
from spacetime_video.hosts.standalone.folders import Folders, use_folders
from spacetime_video.measure.scores.alignment import judge, read_clip
from spacetime_video.media import load_image, probe_video, read_video
from spacetime_video.toyworld import parse_caption

from .conftest import SHORTENED

EXAMPLES = Path(__file__).parents[2] / "example_workflows"
GRIDS = {"solvers", "seeds_at_step_8"}
"""Files of four clips in a grid, three times as large, with labels above."""

NAMES = sorted(path.stem for path in EXAMPLES.glob("*.json"))
PICTURES = {"compare_schedules": (690, 900, 3)}
"""Shapes of pictures that are none of a clip."""

LENGTHS = {
    "animated": 33,
    "branch": 33,
    "connected": 50,
    "converging": 34,
    "extended": 33,
    "keyframes": 33,
    "long_compared": 129,
    "long_controlled": SHORTENED,
    "loop": 33,
    "one_minute": SHORTENED,
    "prequel": 33,
    "seamless_loop": 32,
}
"""Frames of files that have not 17."""

COMPARED = {"depth_compared", "edges_compared", "long_compared", "restyle_compared"}
"""Files of a clip, its hint and the result, three times as large, with labels above."""

SIZES = {"outpainted": (160, 96)} | dict.fromkeys(COMPARED, (584, 218))
"""Width and height of files that are not 64x64."""

SEVERAL = {"branch": 3, "converge_three_clips": 3}
"""How many clips a graph makes with one Save node."""

BYPASSED = 4
"""Mode of a node that the editor leaves out."""


def prompt_of(name: str, registry) -> dict:
    workflow = json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))
    return to_api(workflow, registry)


def test_the_examples_are_all_there() -> None:
    assert NAMES == [
        "animate_image",
        "branch",
        "close_an_existing_clip",
        "compare_samplers",
        "compare_schedules",
        "connect_two_clips",
        "control_a_long_video",
        "control_with_depth",
        "control_with_edges",
        "converge_three_clips",
        "drag_and_animate",
        "draw_the_motion",
        "explore_the_world",
        "extend_backward",
        "extend_forward",
        "few_step_text_to_video",
        "guided_sampling",
        "inpaint_region",
        "keyframes",
        "one_minute_video",
        "outpaint",
        "overnight_batch",
        "reconstruct_video",
        "restyle_video",
        "restyle_with_control",
        "resume_from_step",
        "seamless_loop",
        "text_to_image",
        "text_to_video",
        "text_to_video_short",
    ]


@pytest.mark.parametrize("name", NAMES)
def test_each_has_a_thumbnail(name: str) -> None:
    pixels = load_image(EXAMPLES / f"{name}.jpg").pixels
    assert min(pixels.shape[:2]) >= 128


@pytest.mark.parametrize("name", NAMES)
def test_each_runs(name: str, registry, run) -> None:
    files = run(prompt_of(name, registry))
    assert len(files) >= SEVERAL.get(name, 1)
    for path in files:
        if path.suffix == ".png":
            assert load_image(path).pixels.shape == PICTURES.get(name, (64, 64, 3))
        else:
            _check_video(path)


def _check_video(path: Path) -> None:
    info, kind = probe_video(path), path.stem[: -len("_00001_")]
    assert (info.frames, info.fps) == (LENGTHS.get(kind, 17), 16)
    if kind in GRIDS:
        assert info.width == 388 < info.height
    else:
        assert (info.width, info.height) == SIZES.get(kind, (64, 64))
    frames = next(read_video(path, chunk=64))
    assert frames.std() > 0.02


@pytest.mark.parametrize("name", SEVERAL)
def test_each_clip_of_a_list_is_saved_once(name: str, registry, run) -> None:
    files = run(prompt_of(name, registry), steps=2)
    assert [path.stem[-7:] for path in files] == ["_00001_", "_00002_", "_00003_"]
    clips = [next(read_video(path, chunk=64)) for path in files]
    apart = [(one - other).abs().mean() for one, other in combinations(clips, 2)]
    assert min(apart) > 0.002


def test_the_world_is_shown_with_its_truth(registry, tmp_path: Path) -> None:
    prompt = prompt_of("explore_the_world", registry)
    with use_folders(Folders.of(input=tmp_path / "input", output=tmp_path / "output")):
        shown = Executor(registry).run(prompt).outputs.values()
    (short,), (detailed,) = (ui["text"] for ui in shown if "text" in ui)
    wanted, details = parse_caption(short), parse_caption(detailed)
    assert len(wanted.objects) == len(details.objects) == 2
    assert {thing.size for thing in details.objects} <= {"small", "large"}
    files = sorted(path.stem for path in (tmp_path / "output").rglob("*.mp4"))
    assert files == ["clip_00001_", "depth_00001_", "objects_00001_"]
    (objects,) = (next(read_video(p, chunk=17)) for p in tmp_path.rglob("objects*.mp4"))
    assert (objects.amax(dim=(0, 1, 2)) > 0.8).tolist() == [True, True, False]


def test_every_node_of_guidance_counts(registry, run) -> None:
    workflow = json.loads((EXAMPLES / "guided_sampling.json").read_text(encoding="utf-8"))
    (file,) = run(to_api(workflow, registry), steps=12)
    guided = next(read_video(file, chunk=17))
    for title in ("Interval", "Projected", "Skip Layers", "Cache"):
        less = copy.deepcopy(workflow)
        (node,) = (node for node in less["nodes"] if node["title"] == title)
        node["mode"] = BYPASSED
        (file,) = run(to_api(less, registry), steps=12)
        assert (next(read_video(file, chunk=17)) - guided).abs().mean() > 1e-4, title


def test_the_resumed_run_is_the_uninterrupted_one(registry, run) -> None:
    prompt = prompt_of("resume_from_step", registry)
    titles = {node["_meta"]["title"]: key for key, node in prompt.items()}
    (resumed,) = (path for path in run(prompt) if path.stem.startswith("resumed"))
    steps = prompt[titles["Steps 4"]]["inputs"]
    whole = {name: value for name, value in steps.items() if name != "stop_after"}
    prompt[titles["Resume"]] = {"class_type": "SpacetimeSample", "inputs": whole}
    (plain,) = (path for path in run(prompt) if path.stem.startswith("resumed_00002"))
    frames = [next(read_video(path, chunk=17)) for path in (resumed, plain)]
    assert torch.equal(*frames)


def test_four_steps_are_enough_with_the_lora_alone(registry, run, caplog) -> None:
    workflow = json.loads((EXAMPLES / "few_step_text_to_video.json").read_text(encoding="utf-8"))
    nodes = {node["title"]: node for node in workflow["nodes"]}
    (file,) = run(to_api(workflow, registry))
    clip, info = next(read_video(file, chunk=17)), probe_video(file)
    wanted = parse_caption(nodes["Prompt"]["widgets_values"][0])
    assert judge(read_clip(clip, float(info.fps)), wanted)["all"]
    assert "not distilled" not in caplog.text
    nodes["Few-Step LoRA"]["mode"] = BYPASSED
    (file,) = run(to_api(workflow, registry))
    assert "not distilled" in caplog.text
    assert (next(read_video(file, chunk=17)) - clip).abs().mean() > 0.01


@pytest.mark.parametrize("name", ["connect_two_clips", "seamless_loop"])
def test_no_seam_is_measured(name: str, registry, tmp_path: Path) -> None:
    prompt = prompt_of(name, registry)
    titles = {node["_meta"]["title"]: key for key, node in prompt.items()}
    with use_folders(Folders.of(input=tmp_path / "input", output=tmp_path / "output")):
        outputs = Executor(registry).run(prompt).outputs
    assert outputs[titles["Verdict"]]["text"] == ["True"]


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
