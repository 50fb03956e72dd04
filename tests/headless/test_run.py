"""`spacetime run` in this process: results, inputs from the command line, and every error."""

import json
from pathlib import Path

import av
import pytest
import torch
from typer.testing import CliRunner

from spacetime_video.headless.cli import app
from spacetime_video.media import probe_video, save_image
from spacetime_video.models.dit.network import VideoDiT
from spacetime_video.models.products import products_here

from .conftest import node


@pytest.fixture
def outcome(run, capsys):
    """Exit code, printed lines and error text of a run."""

    def run_and_read(workflow, *assignments, **options):
        code = run(workflow, *assignments, **options)
        printed = capsys.readouterr()
        return code, printed.out.splitlines(), printed.err

    return run_and_read


def metadata(path):
    with av.open(str(path)) as container:
        return dict(container.metadata)


def test_writes_a_video_and_prints_its_path(outcome, write, graph, tmp_path):
    code, lines, _ = outcome(write(graph))
    path = tmp_path / "output" / "clip_00001_.mp4"
    assert (code, lines) == (0, [str(path)])
    info = probe_video(path)
    assert (info.width, info.height, info.frames, info.fps) == (32, 32, 5, 8)
    assert json.loads(metadata(path)["prompt"]) == graph


def test_a_drawn_graph_comes_back_from_its_video(outcome, write, drawn, tmp_path):
    code, lines, _ = outcome(write(drawn))
    assert code == 0
    tags = metadata(lines[0])
    assert json.loads(tags["workflow"]) == drawn
    prompt = json.loads(tags["prompt"])
    assert prompt["1"]["class_type"] == "SpacetimeExampleClip"
    assert prompt["1"]["inputs"]["seed"] == 3


def test_one_line_for_programs(outcome, write, graph, tmp_path):
    code, (line,), _ = outcome(write(graph), json_line=True)
    result = json.loads(line)
    assert code == 0
    assert result["ok"] is True
    assert result["files"] == [str(tmp_path / "output" / "clip_00001_.mp4")]
    assert result["executed"][-1] == "14"
    assert result["seconds"] > 0
    assert result["outputs"]["14"]["images"][0]["filename"] == "clip_00001_.mp4"


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(outcome, write, drawn):
    file = write(drawn)
    given = ((), (), ("1.seed=4",))
    first, again, other = (Path(outcome(file, *each)[1][0]).read_bytes() for each in given)
    assert first == again
    assert first != other


@pytest.mark.parametrize(
    ("assignment", "node", "name", "value"),
    [
        ("Prompt.text=a blue cube = fun", "2", "text", "a blue cube = fun"),
        ("negative.text=", "3", "text", ""),
        ("9.seed=7", "9", "seed", 7),
        ("Size.fps=12", "4", "fps", 12.0),
    ],
)
def test_set_changes_an_input(outcome, write, graph, assignment, node, name, value):
    code, lines, _ = outcome(write(graph), assignment)
    assert code == 0
    prompt = json.loads(metadata(lines[0])["prompt"])
    assert prompt[node]["inputs"][name] == value


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("Promt.text=x", 'no node is titled "Promt" (did you mean "Prompt"?)'),
        ("Prompt.txt=x", "has no input txt"),
        ("Schedule.steps=many", '"many" is not a whole number'),
        ("Schedule.steps=0", "0 is below the minimum 1"),
        ("Prompt=x", "is not of the form node.input, and no node title"),
        ("Prompt.text=\ud800 cube", "contains half a character"),
        ("Save.filename_prefix=../x", '"Save" (#14, SaveVideo): input filename_prefix: file'),
        ("Save.filename_prefix=", "names no file"),
    ],
)
def test_set_says_what_is_wrong(outcome, write, graph, assignment, message, tmp_path):
    code, lines, err = outcome(write(graph), assignment)
    assert (code, lines) == (1, [])
    assert message in err
    assert not (tmp_path / "output").exists()


def test_set_chooses_among_the_files_of_the_input_folder(outcome, write, tmp_path):
    save_image(tmp_path / "input" / "mine.png", torch.zeros(16, 16, 3))
    images = {
        "1": {"class_type": "LoadImage", "inputs": {"image": "none.png"}},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "X"}},
    }
    code, lines, err = outcome(write(images), "Load Image.image=mine.png")
    assert code == 0, err
    assert lines == [str(tmp_path / "output" / "X_00001_.png")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is not a workflow"),
        ("", "is not a workflow"),
        ("[" * 100_000, "is not a workflow"),
        ("[1, 2]", "contains a JSON list, not a workflow"),
        ("{}", "this JSON is not a workflow"),
        ('{"1": ' + "9" * 5000 + "}", "is not a workflow"),
    ],
    ids=["cut", "empty", "deep", "list", "no nodes", "long number"],
)
def test_files_that_are_no_workflow(outcome, write, content, message):
    code, lines, err = outcome(write(content))
    assert (code, lines) == (1, [])
    assert message in err


def test_a_missing_file(outcome, tmp_path):
    code, _, err = outcome(tmp_path / "none.json")
    assert code == 1
    assert "no workflow file" in err
    code, (line,), _ = outcome(tmp_path / "none.json", json_line=True)
    result = json.loads(line)
    assert (code, result["ok"], result["files"]) == (1, False, [])
    assert "no workflow file" in result["error"]


def test_all_unknown_nodes_are_named_at_once(outcome, write, graph, tmp_path):
    graph["5"]["class_type"], graph["8"]["class_type"] = "FancyPatches", "FancySolver"
    code, _, err = outcome(write(graph))
    assert code == 1
    assert "2 nodes have an unknown type" in err
    assert "(#5, FancyPatches)" in err
    assert "(#8, FancySolver)" in err
    assert not (tmp_path / "output").exists()


def test_samplers_of_comfyui_alone_are_refused_before_the_run(outcome, write, graph):
    graph["10"] = {
        "class_type": "KSampler",
        "inputs": {
            "model": ["1", 0],
            "seed": 1,
            "steps": 2,
            "cfg": 2.0,
            "sampler_name": "res_multistep",
            "scheduler": "simple",
            "positive": ["2", 0],
            "negative": ["3", 0],
            "latent_image": ["4", 0],
            "denoise": 1.0,
        },
    }
    graph["12"]["inputs"]["latent"] = ["10", 0]
    code, _, err = outcome(write(graph))
    assert code == 1
    assert "input sampler_name: this host does not have 'res_multistep'" in err
    assert "SpacetimeSolver" in err
    code, _, err = outcome(write(graph), "KSampler.sampler_name=heun")
    assert code == 0, err


def test_a_graph_of_stock_nodes_alone_runs(outcome, write, tmp_path):
    """Text to video as ComfyUI's own template for Wan 2.1 has it."""
    stock = {
        "1": ("UNETLoader", {"unet_name": "random_dit.safetensors", "weight_dtype": "default"}),
        "2": ("CLIPLoader", {"clip_name": "random_text.safetensors", "type": "wan"}),
        "3": ("VAELoader", {"vae_name": "random_vae.safetensors"}),
        "4": ("ModelSamplingSD3", {"model": ["1", 0], "shift": 8.0}),
        "5": ("CLIPTextEncode", {"clip": ["2", 0], "text": "a red sphere"}),
        "6": ("CLIPTextEncode", {"clip": ["2", 0], "text": ""}),
        "7": ("EmptyHunyuanLatentVideo", {"width": 32, "height": 32, "length": 5, "batch_size": 1}),
        "8": (
            "KSampler",
            {
                "model": ["4", 0], "seed": 1, "steps": 3, "cfg": 6.0, "sampler_name": "uni_pc",
                "scheduler": "simple", "positive": ["5", 0], "negative": ["6", 0],
                "latent_image": ["7", 0], "denoise": 1.0,
            },
        ),
        "9": ("VAEDecode", {"samples": ["8", 0], "vae": ["3", 0]}),
        "10": ("CreateVideo", {"images": ["9", 0], "fps": 16.0}),
        "11": (
            "SaveVideo",
            {"video": ["10", 0], "filename_prefix": "wan", "format": "auto", "codec": "auto"},
        ),
    }  # fmt: skip
    graph = {key: {"class_type": kind, "inputs": inputs} for key, (kind, inputs) in stock.items()}
    code, _, err = outcome(write(graph))
    assert code == 0, err
    assert len(list((tmp_path / "output").glob("wan*.mp4"))) == 1


def test_a_failing_node_names_itself_and_keeps_what_was_saved(
    outcome, write, model_names, tmp_path
):
    save_image(tmp_path / "input" / "odd.png", torch.zeros(30, 30, 3))
    clip = {"seed": 1, "width": 32, "height": 32, "frames": 5, "fps": 8.0}
    failing = {
        "1": {"class_type": "SpacetimeExampleClip", "inputs": clip},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "X"}},
        "3": {"class_type": "LoadImage", "inputs": {"image": "odd.png"}},
        "4": {"class_type": "SpacetimeLoadModels", "inputs": model_names},
        "5": {
            "class_type": "SpacetimeEncodeVideo",
            "inputs": {"images": ["3", 0], "vae": ["4", 2], "fps": 8.0},
            "_meta": {"title": "Encode"},
        },
        "6": {
            "class_type": "SpacetimeDecodeVideo",
            "inputs": {"latent": ["5", 0], "vae": ["4", 2]},
        },
        "7": {"class_type": "SaveImage", "inputs": {"images": ["6", 0], "filename_prefix": "Y"}},
    }
    for key in ("shape", "colour", "motion", "setting"):
        clip[key] = "any"
    code, (line,), err = outcome(write(failing), json_line=True)
    result = json.loads(line)
    kept = [str(tmp_path / "output" / f"X_0000{number}_.png") for number in range(1, 6)]
    assert (code, result["ok"], result["files"]) == (1, False, kept)
    assert (result["node"], result["title"]) == ("5", "Encode")
    assert '"Encode" (#5, SpacetimeEncodeVideo) failed: the VAE cannot encode 1 frames' in err
    assert "float32" not in err
    assert "height 30 does not fit" in err
    assert "width 30 does not fit" in err
    assert sorted(map(str, (tmp_path / "output").iterdir())) == kept


def test_an_output_folder_that_cannot_be_made_is_refused_first(outcome, write, graph, tmp_path):
    (tmp_path / "taken").write_text("a file")
    code, _, err = outcome(write(graph), output_dir=tmp_path / "taken" / "deeper")
    assert code == 1
    assert "taken is not a folder" in err
    assert "Sample" not in err


def test_an_unknown_device_is_refused(outcome, write, graph):
    code, _, err = outcome(write(graph), device="abacus")
    assert code == 1
    assert "no device 'abacus' on this machine" in err


def test_verbose_shows_the_traceback(outcome, tmp_path):
    _, _, err = outcome(tmp_path / "none.json", verbose=True)
    assert "Traceback" in err


def test_verbose_tells_what_computes(outcome, write, graph):
    _, _, err = outcome(write(graph), verbose=True)
    assert f"computing on cpu; {products_here()}" in err


def test_help_names_the_options():
    shown = CliRunner().invoke(app, ["run", "--help"], env={"COLUMNS": "200", "NO_COLOR": "1"})
    assert shown.exit_code == 0
    for option in ("--set", "--output-dir", "--json", "--device", "--dtype"):
        assert option in shown.output


@pytest.mark.parametrize("dry_run", [False, True])
def test_what_a_node_would_refuse_is_refused_at_once(
    outcome, write, graph, tmp_path, monkeypatch, dry_run
):
    monkeypatch.setattr(VideoDiT, "forward", None)  # is not called
    graph["22"] = node("SpacetimeViewTimeline", "View", latent=["11", 0])
    code, (line,), told = outcome(write(graph), json_line=True, dry_run=dry_run)
    result = json.loads(line)
    assert (code, result["node"], result["title"]) == (1, "22", "View")
    assert '"View" (#22, SpacetimeViewTimeline) failed: this latent has no given frames' in told
    assert not (tmp_path / "output").exists()
