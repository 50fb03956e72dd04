import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from spacetime_video import hosts
from spacetime_video.headless.batch.jobs.options import JobOptions
from spacetime_video.headless.check.command import CheckOptions, check_command

from ..conftest import node


@pytest.fixture
def check(tmp_path, models_dir, standalone, capsys):
    """Run the command here: exit code, lines and errors."""

    def run(*graphs, seeds="", **options):
        files = []
        for number, graph in enumerate(graphs):
            files.append(tmp_path / f"graph_{number}.json")
            files[-1].write_text(json.dumps(graph), encoding="utf-8")
        jobs = JobOptions(workflows=tuple(files), seeds=seeds, input_dir=tmp_path)
        code = check_command(
            CheckOptions(jobs=jobs, models_dir=models_dir, device="cpu", dtype="fp32", **options)
        )
        said = capsys.readouterr()
        return code, said.out.splitlines(), said.err

    yield run
    hosts.use(standalone)


def test_a_batch_that_can_run(check, examples):
    code, lines, err = check(examples("few_step_text_to_video"), seeds="1-3")

    assert (code, err) == (0, "")
    assert "graph_0.json: 3 jobs, 80 tokens in 4 evaluations, 0.1" in lines[0]
    assert " each, " in lines[0]
    assert lines[-1].startswith("spacetime ")


def test_programs_get_one_line(check, examples, model_names):
    missing = {
        "1": {"class_type": "VAELoader", "inputs": {"vae_name": "rnadom_vae.safetensors"}},
        "2": {"class_type": "VHS_VideoCombine", "inputs": {"vae": ["1", 0]}},
    }

    code, lines, err = check(examples("compare_schedules"), missing, json_line=True)

    (line,) = lines
    told = json.loads(line)
    assert (code, told["ok"], told["jobs"]) == (1, False, 0)
    assert len(told["problems"]) == 2
    assert all(problem in err for problem in told["problems"])
    graph = told["graphs"][1]
    assert graph["missing_nodes"][0]["class_type"] == "VHS_VideoCombine"
    assert graph["models"][0]["here"] == ""
    assert "choose one of random_vae.safetensors" in graph["models"][0]["instead"]
    assert set(told["versions"]) >= {"spacetime", "torch", "python"}


def test_a_model_of_another_machine_is_found_in_its_folder(check, model_names):
    name = model_names["vae"]
    loader = {"class_type": "VAELoader", "inputs": {"vae_name": f"D:\\models\\{name}"}}
    shown = {"class_type": "PreviewAny", "inputs": {"source": ["1", 0]}}

    code, lines, _ = check({"1": loader, "2": shown}, json_line=True)

    (model,) = json.loads(lines[0])["graphs"][0]["models"]
    assert (code, model["here"]) == (0, name)


def test_what_is_no_workflow_is_one_problem_of_all(check, examples):
    code, lines, err = check(examples("text_to_video"), {"prompt": "a cube"})

    assert code == 1
    assert "graph_1.json" in err
    assert "graph_0.json: 0 jobs" in lines[0]


CLIP = {
    "seed": 1, "width": 32, "height": 32, "frames": 5, "fps": 8.0, "shape": "any",
    "colour": "any", "motion": "any", "setting": "any",
}  # fmt: skip


def test_nodes_that_show_what_they_give_are_rehearsed(check, model_names):
    graph = {
        "1": node("SpacetimeExampleClip", **CLIP),
        "2": node("SpacetimeSoftEdges", images=["1", 0], softness=1.0, strength=2.0),
        "3": node("CreateVideo", images=["2", 0], fps=8.0),
        "4": node("SaveVideo", video=["3", 0], filename_prefix="a", format="auto", codec="auto"),
        "5": node("GetVideoComponents", video=["4", 0]),
        "6": node("VAELoader", vae_name=model_names["vae"]),
        "7": node("VAEEncode", pixels=["5", 0], vae=["6", 0]),
        "8": node("PreviewAny", source=["7", 0]),
    }

    code, lines, err = check(graph)

    assert (code, err) == (0, "")
    assert "graph_0.json: 1 job, 0.0" in lines[0]


def test_what_would_be_refused_is_a_problem_beside_what_is_known(check, examples):
    refused = examples("text_to_video")
    prompt = next(each for each in refused["nodes"] if each.get("title") == "Prompt")
    prompt["widgets_values"] = [""]

    code, lines, err = check(examples("few_step_text_to_video"), refused, json_line=True)

    told = json.loads(lines[0])
    (problem,) = told["problems"]
    assert (code, told["ok"], told["jobs"]) == (1, False, 2)
    assert problem in err
    assert "1 job cannot run (graph_1_1): " in problem
    assert "the positive prompt is empty" in problem
    assert [len(graph["estimates"]) for graph in told["graphs"]] == [1, 0]


def test_what_a_rehearsal_makes_up_is_no_problem(check, graph, monkeypatch):
    """A clip of zeros is none for FlowEdit, and what Encode Video gives here is zeros."""
    graph["20"] = node("SpacetimeExampleClip", **CLIP)
    graph["21"] = node("SpacetimeEncodeVideo", images=["20", 0], vae=["1", 2], fps=8.0)
    graph["22"] = node("SpacetimeFlowEdit", guider=["6", 0], source_positive=["2", 0],
                       source_guidance=1.0)  # fmt: skip
    graph["10"] = node("SpacetimeSample", guider=["22", 0], noise=["9", 0], sampler=["8", 0],
                       sigmas=["7", 0], latent=["21", 0])  # fmt: skip
    graph["12"]["inputs"]["latent"] = ["10", 0]
    del graph["5"], graph["11"]

    code, lines, err = check(graph)

    assert (code, err) == (0, "")
    assert lines[0].endswith("graph_0.json: 1 job")


def test_without_an_estimate(check, examples):
    code, lines, _ = check(examples("text_to_video"), estimate=False)

    assert code == 0
    assert lines[0].endswith("graph_0.json: 1 job")


@pytest.fixture
def server(monkeypatch):
    """An HTTP server that says of its nodes what a ComfyUI would say."""
    combo = {"required": {"vae_name": [["sub/wan_vae.safetensors"], {}]}}
    info = {
        "VAELoader": {"input": combo, "output": ["VAE"]},
        "PreviewAny": {"input": {"required": {"source": ["*", {}]}}, "output_node": True},
    }
    answers = {
        "/object_info": info,
        "/system_stats": {"system": {"comfyui_version": "0.33.0", "python_version": "3.11"}},
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = json.dumps(answers[self.path]).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    monkeypatch.setitem(sys.modules, "websocket", None)  # is needed for events alone
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as serving:
        thread = Thread(target=serving.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{serving.server_address[1]}"
        serving.shutdown()
        thread.join()


def test_a_server_is_asked(check, server):
    loader = {"class_type": "VAELoader", "inputs": {"vae_name": "D:\\models\\WAN_vae.safetensors"}}
    shown = {"class_type": "PreviewAny", "inputs": {"source": ["1", 0]}}
    other = {"class_type": "SpacetimeNoise", "inputs": {"seed": 1}}

    fits = check({"1": loader, "2": shown}, server=server)
    lacks = check({"1": loader, "2": shown, "3": other}, server=server)

    assert fits == (0, [fits[1][0], "comfyui 0.33.0, python 3.11"], "")
    assert lacks[0] == 1
    assert "needs node SpacetimeNoise (1)" in lacks[1][1]
    assert "1 node has an unknown type" in lacks[2]
