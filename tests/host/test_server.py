"""The pack dropped into ``custom_nodes`` of a running ComfyUI, driven by ``comfy run``."""

import json
import os
import subprocess
import time
from itertools import islice
from pathlib import Path

import av
import pytest

from spacetime_video.graph.object_info import object_info
from spacetime_video.tools.nodes import pack_nodes

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
STEPS = 1000
INTERRUPTED = 130
LATER_FIELDS = {
    "dev_only",
    "essentials_category",
    "has_intermediate_output",
    "is_input_list",
    "output_matchtypes",
    "price_badge",
    "search_aliases",
}
"""What hosts after 0.3.64 tell of a node beside the fields that the pack describes it by."""

TEXT_TO_VIDEO = Path(__file__).parents[2] / "example_workflows" / "text_to_video.json"
EXAMPLES = {file.stem for file in TEXT_TO_VIDEO.parent.glob("*.json")}
SEVERAL_CLIPS = ["branch", "converge_three_clips"]


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
        told = theirs[node]
        for _, options in specs(told):
            options.pop("advanced", None)
        assert json.loads(json.dumps(description)) == {key: told[key] for key in description}, node
        assert set(told) - set(description) <= LATER_FIELDS, node


def specs(described):
    """Names and options of a node's inputs."""
    for group in ("required", "optional"):
        for name, (_, options) in described["input"].get(group, {}).items():
            yield name, options


def test_hosts_that_know_advanced_inputs_are_told_of_ours(server):
    theirs = server.get("/object_info")
    known = "search_aliases" in theirs["KSampler"]
    for node in pack_nodes():
        schema = node.GET_SCHEMA()
        told = [name for name, options in specs(theirs[schema.node_id]) if "advanced" in options]
        ours = [spec.id for spec in schema.inputs if getattr(spec, "advanced", None)]
        assert told == (ours if known else []), schema.node_id


def test_newer_hosts_find_the_blueprints(server):
    if "search_aliases" not in server.get("/object_info/KSampler")["KSampler"]:
        pytest.skip("this host looks for blueprints in the user's folder only")
    found = {
        entry["name"]
        for entry in server.get("/global_subgraphs").values()
        if entry["info"]["node_pack"] == "custom_nodes.spacetime-video"
    }
    assert found == {path.stem for path in (TEXT_TO_VIDEO.parents[1] / "subgraphs").glob("*.json")}


def test_example_workflows_are_templates(server):
    assert set(server.get("/workflow_templates")["spacetime-video"]) == EXAMPLES


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


@pytest.mark.parametrize("name", sorted(EXAMPLES - {"text_to_video", *SEVERAL_CLIPS}))
def test_the_other_examples_run(server, name):
    ran = comfy(server, TEXT_TO_VIDEO.with_name(f"{name}.json"), "--wait")
    assert ran["status"] == "completed"
    assert ran["outputs"]


@pytest.mark.parametrize("name", SEVERAL_CLIPS)
def test_each_clip_of_a_list_is_saved_once(server, name):
    ran = comfy(server, TEXT_TO_VIDEO.with_name(f"{name}.json"), "--wait")
    assert ran["status"] == "completed"
    videos = [file for file in map(str, ran["outputs"]) if ".mp4" in file]
    assert len(videos) == 3, ran["outputs"]


def test_a_run_stops_within_two_steps_and_the_host_stays_usable(server, api_workflow, tmp_path):
    prompt = json.loads(api_workflow.read_text())
    change(prompt, "SpacetimeSchedule", "steps", STEPS)
    for side in ("width", "height"):  # steps that take longer than comfy-cli is silent between two
        change(prompt, "SpacetimeEmptyVideo", side, 256)
    long = tmp_path / "long.json"
    long.write_text(json.dumps(prompt))
    ticks = followed(server, long)
    seen = list(islice(ticks, 6))
    server.post("/interrupt", {})
    asked = time.time()
    (first, start), *_, (last, end) = seen
    further = [step for step, _ in ticks]
    assert max(further, default=last) <= last + 2
    messages = dict(_last_run(server)["status"]["messages"])
    stopped = messages["execution_interrupted"]["timestamp"] / 1000
    assert stopped - asked < 2 * (end - start) / (last - first) + 1
    assert comfy(server, api_workflow, "--wait")["status"] == "completed"


def followed(server, workflow):
    """Steps of the sampling as they are done, with the times at which they were told."""
    command = [os.environ.get("COMFY_CLI", "comfy"), "--skip-prompt", "--json-stream", "run"]
    command += ["--workflow", str(workflow), "--port", str(server.port), "--wait"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as running:
        for line in running.stdout:
            event = json.loads(line)
            if event.get("type") == "progress" and event["total"] == STEPS:
                yield event["completed"], time.time()
    assert running.returncode == INTERRUPTED


def _last_run(server):
    return max(server.get("/history").values(), key=lambda run: run["prompt"][0])
