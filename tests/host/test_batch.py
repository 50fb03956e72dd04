"""Batches on a real server: our conversion of saved graphs, files, uploads, errors and stopping."""

import json
import re
import shutil
import subprocess
import threading
import time

import av
import pytest

from spacetime_video.graph.server_nodes import server_nodes
from spacetime_video.headless.batch.backend import JobDone, JobFailed, StepDone, Task
from spacetime_video.headless.batch.comfyui_server import ComfyUIServers
from spacetime_video.headless.batch.job import BatchJob
from spacetime_video.headless.prompt import prompt_of

from ..headless.conftest import COMMAND
from ..headless.test_readme import BATCHES
from .test_server import EXAMPLES, TEXT_TO_VIDEO, comfy


@pytest.fixture
def backend(server, tmp_path):
    return ComfyUIServers([f"http://127.0.0.1:{server.port}"], {}, 60, tmp_path / "input")


@pytest.fixture
def task(tmp_path):
    def of(workflow, *assignments, name="job"):
        folder = tmp_path / "jobs" / name
        folder.mkdir(parents=True, exist_ok=True)
        job = BatchJob(
            id=name, name=name, source="example", workflow=workflow, assignments=assignments
        )
        return Task(job=job, folder=folder)

    return of


def example(name):
    return json.loads(TEXT_TO_VIDEO.with_name(f"{name}.json").read_text(encoding="utf-8"))


def ended(backend, task):
    told = []
    backend.run([task], told.append)
    return told[-1], told


def tags_of(file):
    with av.open(str(file)) as opened:
        assert sum(1 for _ in opened.decode(video=0)) > 1
        return dict(opened.metadata)


def test_a_saved_graph_runs_with_what_was_set(backend, task):
    job = task(example("text_to_video"), "Noise.seed=11", "Schedule.steps=3", "Save.codec=h264")
    done, told = ended(backend, job)
    assert isinstance(done, JobDone), done
    (name,) = done.files
    tags = tags_of(job.folder / name)
    assert '"seed": 11' in tags["prompt"]
    assert 11 in [
        value
        for node in json.loads(tags["workflow"])["nodes"]
        for value in node.get("widgets_values") or ()
    ]
    steps = [(each.node, each.done, each.total) for each in told if isinstance(each, StepDone)]
    assert steps[-1][1:] == (3, 3) or ("Sample", 3, 3) in steps
    assert set(done.details["versions"]) == {"comfyui", "torch", "python"}


def test_a_local_video_is_uploaded(backend, task, server, tmp_path):
    made = task(example("text_to_video"), "Noise.seed=12", "Schedule.steps=2", name="made")
    done, _ = ended(backend, made)
    (tmp_path / "input").mkdir()
    (made.folder / done.files[0]).rename(tmp_path / "input" / "mine.mp4")
    graph = {
        "1": {"class_type": "LoadVideo", "inputs": {"file": "mine.mp4"}},
        "2": {
            "class_type": "SaveVideo",
            "inputs": {
                "video": ["1", 0],
                "filename_prefix": "copy",
                "format": "auto",
                "codec": "auto",
            },
        },
    }
    done, _ = ended(backend, task(graph, name="copied"))
    assert isinstance(done, JobDone), done
    assert (server.base / "input/mine.mp4").exists()


def test_what_the_server_refuses_and_what_fails_on_it_is_told(backend, task, server):
    refused, _ = ended(
        backend, task({**PICTURE, "1": {**PICTURE["1"], "inputs": {"image": "no.png"}}})
    )
    assert isinstance(refused, JobFailed)
    assert "nothing was run" in refused.message
    assert "no.png" in refused.message
    graph = {**example_api("text_to_video", server)}
    for node in graph.values():
        if node["class_type"] == "SpacetimeEmptyVideo":
            node["inputs"]["frames"] = 18
    failed, _ = ended(backend, task(graph, name="failing"))
    assert isinstance(failed, JobFailed), failed
    assert failed.message


PICTURE = {
    "1": {"class_type": "LoadImage", "inputs": {"image": "no.png"}},
    "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "a"}},
}


def example_api(name, server):
    registry = server_nodes(server.get("/object_info"))
    return dict(prompt_of(example(name), (), registry).nodes)


def test_stopping_interrupts_the_run_and_the_server_goes_on(backend, task, server):
    long = task(example("text_to_video"), "Schedule.steps=1000", name="long")
    seen, stopped = threading.Event(), []

    def run():
        with pytest.raises(KeyboardInterrupt):
            backend.run([long], lambda event: seen.set() if isinstance(event, StepDone) else None)
        stopped.append(time.monotonic())

    thread = threading.Thread(target=run)
    thread.start()
    assert seen.wait(120)
    asked = time.monotonic()
    backend.stop()
    thread.join(60)
    assert stopped
    assert stopped[0] - asked < 10
    end = time.monotonic() + 30
    while server.get("/queue")["queue_running"]:
        assert time.monotonic() < end
        time.sleep(0.1)


def test_the_commands_of_the_page_on_batches_run(server, tmp_path):
    """Every server of the page is this one."""
    shutil.copytree(TEXT_TO_VIDEO.parent, tmp_path / "example_workflows")
    calls = [arguments for arguments in BATCHES if "--server" in arguments]
    assert [arguments[0] for arguments in calls] == ["check", "batch"]
    for arguments in calls:
        words = [
            re.sub(r"^http://.*", f"http://127.0.0.1:{server.port}", word) for word in arguments
        ]
        quick = [] if arguments[0] == "check" else ["--set", "Schedule.steps=1"]
        done = subprocess.run(
            [*COMMAND, *words, *quick], cwd=tmp_path, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "overnight").glob("*/*.mp4"))) == 12
    (page,) = (tmp_path / "overnight").glob(".spacetime_batch/*/contact_sheet.html")
    assert page.read_text(encoding="utf-8").count('data-kind="video"') == 12


def test_examples_convert_as_comfy_cli_does(server):
    registry = server_nodes(server.get("/object_info"))
    unlike = {}
    for name in sorted(EXAMPLES):
        file = TEXT_TO_VIDEO.with_name(f"{name}.json")
        theirs = comfy(server, file, "--print-prompt")["prompt"]
        ours = prompt_of(json.loads(file.read_text(encoding="utf-8")), (), registry).nodes
        if plain(ours) != plain(theirs):
            unlike[name] = (plain(ours), plain(theirs))
    assert unlike == {}


def plain(prompt):
    return {key: (node["class_type"], node["inputs"]) for key, node in prompt.items()}
