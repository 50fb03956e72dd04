"""Saved graphs on random weights, and the command that runs them in this process or another."""

import json
import os
import signal
import subprocess
import sys

import pytest

from spacetime_video import hosts
from spacetime_video.headless.run import RunOptions, run_command

COMMAND = [sys.executable, "-c", "from spacetime_video.headless.cli import main; main()"]


def node(class_type, title=None, **inputs):
    meta = {"_meta": {"title": title}} if title else {}
    return {"class_type": class_type, "inputs": inputs, **meta}


@pytest.fixture
def graph(model_names):
    """Prompt to video on patches, in API format."""
    return {
        "1": node("SpacetimeLoadModels", "Models", **model_names),
        "2": node("SpacetimeEncodePrompt", "Prompt", clip=["1", 1], text="a red sphere"),
        "3": node("SpacetimeEncodePrompt", "Negative", clip=["1", 1], text=""),
        "4": node("SpacetimeEmptyVideo", "Size", width=32, height=32, frames=5, fps=8.0),
        "5": node("SpacetimePatchify", latent=["4", 0]),
        "6": node(
            "SpacetimeDenoiser",
            model=["1", 0],
            positive=["2", 0],
            negative=["3", 0],
            guidance=2.0,
        ),
        "7": node("SpacetimeSchedule", "Schedule", steps=2, shift=3.0),
        "8": node("SpacetimeSolver", solver="euler"),
        "9": node("SpacetimeNoise", "Noise", seed=1),
        "10": node(
            "SpacetimeSamplePatches",
            "Sample",
            guider=["6", 0],
            noise=["9", 0],
            sampler=["8", 0],
            sigmas=["7", 0],
            tokens=["5", 0],
        ),
        "11": node("SpacetimeUnpatchify", tokens=["10", 0]),
        "12": node("SpacetimeDecodeVideo", latent=["11", 0], vae=["1", 2]),
        "13": node("CreateVideo", images=["12", 0], fps=["12", 1]),
        "14": save_video(["13", 0]),
    }


def save_video(video):
    return node(
        "SaveVideo", "Save", video=video, filename_prefix="clip", format="auto", codec="auto"
    )


@pytest.fixture
def drawn():
    """An example clip saved as a video, as the editor saves the graph."""
    frames = {"name": "images", "type": "IMAGE", "link": 1}
    video = {"name": "video", "type": "VIDEO", "link": 2}
    return {
        "version": 0.4,
        "last_node_id": 3,
        "last_link_id": 2,
        "nodes": [
            {
                "id": 1,
                "type": "SpacetimeExampleClip",
                "mode": 0,
                "inputs": [],
                "outputs": [{"name": "images", "type": "IMAGE", "links": [1]}],
                "widgets_values": [3, "fixed", 32, 32, 5, 8.0, "any", "any", "any", "any"],
            },
            {
                "id": 2,
                "type": "CreateVideo",
                "mode": 0,
                "inputs": [frames],
                "outputs": [{"name": "VIDEO", "type": "VIDEO", "links": [2]}],
                "widgets_values": [8.0],
            },
            {
                "id": 3,
                "type": "SaveVideo",
                "title": "Save",
                "mode": 0,
                "inputs": [video],
                "outputs": [],
                "widgets_values": ["clip", "auto", "auto"],
            },
        ],
        "links": [[1, 1, 0, 2, 0, "IMAGE"], [2, 2, 0, 3, 0, "VIDEO"]],
    }


@pytest.fixture
def write(tmp_path):
    """Save a graph as a workflow file."""

    def write_graph(graph, name="graph.json"):
        path = tmp_path / name
        path.write_text(graph if isinstance(graph, str) else json.dumps(graph), encoding="utf-8")
        return path

    return write_graph


@pytest.fixture
def run(tmp_path, models_dir, standalone):
    """Run a workflow file in this process; gives the exit code."""

    def run_here(workflow, *assignments, **options):
        chosen = {
            "output_dir": tmp_path / "output",
            "input_dir": tmp_path / "input",
            "models_dir": models_dir,
            "device": "cpu",
            "dtype": "fp32",
            "json_line": False,
            "verbose": False,
        }
        return run_command(
            RunOptions(workflow=workflow, assignments=assignments, **{**chosen, **options})
        )

    yield run_here
    hosts.use(standalone)


def hear_ctrl_c():
    """A job in the background ignores Ctrl-C, and so would what it starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture
def start(tmp_path, models_dir):
    """Start the command in a process of its own."""

    def start_command(workflow, *options):
        return subprocess.Popen(
            [*COMMAND, "run", str(workflow), "--models-dir", str(models_dir), *options],
            cwd=tmp_path,
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=None if sys.platform == "win32" else hear_ctrl_c,
        )

    return start_command


@pytest.fixture
def command(tmp_path):
    """Run the command in a process; gives exit code, output and error text."""

    def run_command(*arguments, before="", **options):
        words = " ".join(f"'{word}'" for word in (*COMMAND, *map(str, arguments)))
        ended = subprocess.run(
            ["sh", "-c", f"exec {words} {before}"],
            cwd=tmp_path,
            env={**os.environ, "OMP_NUM_THREADS": "1", **options.pop("env", {})},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return ended.returncode, ended.stdout, ended.stderr

    return run_command
