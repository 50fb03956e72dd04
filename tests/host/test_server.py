"""The pack dropped into ``custom_nodes`` of a running ComfyUI, driven by ``comfy run``."""

import json
import os
import subprocess
import time
from pathlib import Path

import av
import pytest

from spacetime_video.headless.editor.nodes import pack_nodes
from spacetime_video.hosts.standalone.object_info import object_info

NODES = {
    "SpacetimeLoadModels",
    "SpacetimeEncodePrompt",
    "SpacetimeEmptyVideo",
    "SpacetimePatchify",
    "SpacetimeUnpatchify",
    "SpacetimeDenoiser",
    "SpacetimeSchedule",
    "SpacetimeSolver",
    "SpacetimeNoise",
    "SpacetimeSamplePatches",
    "SpacetimeSample",
    "SpacetimeEncodeVideo",
    "SpacetimeDecodeVideo",
    "SpacetimeExampleClip",
}
TEXT_TO_VIDEO = Path(__file__).parents[2] / "example_workflows" / "text_to_video.json"


def comfy(server, workflow, *options):
    """What ``comfy run`` says at its end, with the server's log where it fails."""
    command = [os.environ.get("COMFY_CLI", "comfy"), "--skip-prompt", "--json", "run"]
    command += ["--workflow", str(workflow), "--port", str(server.port), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr + server.log.read_text()[-4000:]
    return json.loads(done.stdout.splitlines()[-1])["data"]


@pytest.fixture(scope="module")
def api_workflow(server, tmp_path_factory):
    """The example in API form, as comfy-cli converts it, with another seed."""
    prompt = comfy(server, TEXT_TO_VIDEO, "--print-prompt")["prompt"]
    change(prompt, "SpacetimeNoise", "seed", 5)
    file = tmp_path_factory.mktemp("api") / "text_to_video.json"
    file.write_text(json.dumps(prompt))
    return file


def change(prompt, node_id, name, value):
    for node in prompt.values():
        if node["class_type"] == node_id:
            node["inputs"][name] = value


def test_every_node_appears(server):
    known = server.get("/object_info")
    assert set(known) >= NODES
    assert all(known[node]["category"].startswith("Spacetime/") for node in NODES)
    assert "IMPORT FAILED" not in server.log.read_text()


def test_both_hosts_describe_every_node_alike(server):
    ours = object_info(pack_nodes(), module="custom_nodes.spacetime-video")
    theirs = server.get("/object_info")
    assert set(ours) >= NODES
    for node, description in ours.items():
        assert json.loads(json.dumps(description)) == theirs[node], node


def test_example_workflows_are_templates(server):
    names = {file.stem for file in TEXT_TO_VIDEO.parent.glob("*.json")}
    assert set(server.get("/workflow_templates")["spacetime-video"]) == names


@pytest.mark.parametrize("form", ["ui", "api"])
def test_text_to_video_runs(server, api_workflow, form):
    workflow = api_workflow if form == "api" else TEXT_TO_VIDEO
    before = set(server.base.glob("output/**/*.mp4"))
    assert comfy(server, workflow, "--wait")["status"] == "completed"
    (video,) = set(server.base.glob("output/**/*.mp4")) - before
    with av.open(str(video)) as file:
        frames = [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]
        assert "prompt" in file.metadata
    assert len(frames) == 17
    assert frames[0].std() > 1


@pytest.mark.parametrize("name", ["text_to_video_short", "text_to_image", "reconstruct_video"])
def test_the_other_examples_run(server, name):
    ran = comfy(server, TEXT_TO_VIDEO.with_name(f"{name}.json"), "--wait")
    assert ran["status"] == "completed"
    assert ran["outputs"]


def test_a_run_stops_when_interrupted_and_the_host_stays_usable(server, api_workflow):
    prompt = json.loads(api_workflow.read_text())
    change(prompt, "SpacetimeSchedule", "steps", 1000)
    run = json.loads(server.post("/prompt", {"prompt": prompt}))["prompt_id"]
    time.sleep(3)  # into the sampling, which takes many times as long
    assert run in json.dumps(server.get("/queue")["queue_running"])
    server.post("/interrupt", {})
    start = time.monotonic()
    messages = _finished(server, run)["status"]["messages"]
    assert time.monotonic() - start < 10
    assert "execution_interrupted" in [name for name, _ in messages]
    assert comfy(server, api_workflow, "--wait")["status"] == "completed"


def _finished(server, run):
    for _ in range(600):
        history = server.get(f"/history/{run}")
        if run in history:
            return history[run]
        time.sleep(0.1)
    pytest.fail("the run never ended")
