"""Jobs on ComfyUI servers that do their work, refuse it, fail, forget it and die."""

import json
import threading
import time
from pathlib import Path

import pytest

from spacetime_video.headless.batch import comfyui_pool, comfyui_server
from spacetime_video.headless.batch.backend import (
    BatchStopped,
    JobDone,
    JobFailed,
    JobStarted,
    StepDone,
    Task,
)
from spacetime_video.headless.batch.comfyui_client import Unreachable, read_headers
from spacetime_video.headless.batch.comfyui_server import ComfyUIServers
from spacetime_video.headless.batch.job import BatchJob

from .fake_comfyui import STEPS, FakeComfyUI, Run, succeed, wait_until

GRAPH = {
    "1": {"class_type": "Seed", "inputs": {"seed": 1}, "_meta": {"title": "Noise"}},
    "2": {"class_type": "Save", "inputs": {"value": ["1", 0], "prefix": "clip"}},
}
DRAWN = {
    "nodes": [
        {"id": 1, "type": "Seed", "title": "Noise", "outputs": [{"type": "INT", "links": [1]}],
         "widgets_values": [1, "fixed"]},
        {"id": 2, "type": "Save", "inputs": [{"name": "value", "type": "*", "link": 1}],
         "widgets_values": ["clip"]},
    ],
    "links": [[1, 1, 0, 2, 0, "INT"]],
}  # fmt: skip


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr(comfyui_pool, "FIRST_PAUSE", 0.05)
    monkeypatch.setattr(comfyui_pool, "LONGEST_PAUSE", 0.1)
    monkeypatch.setattr(comfyui_pool, "RETURN_SECONDS", 0.5)
    monkeypatch.setattr(comfyui_server, "LISTEN_SECONDS", 0.1)


@pytest.fixture
def serve():
    """Start servers, each with what its prompts do in turn."""
    started = []

    def start(*script):
        started.append(FakeComfyUI(*script))
        return started[-1]

    yield start
    for each in started:
        each.die()


@pytest.fixture
def backend(tmp_path):
    def over(*servers, patience=10.0, headers=()):
        urls = [server.url for server in servers]
        return ComfyUIServers(urls, read_headers(headers), patience, tmp_path / "input")

    return over


@pytest.fixture
def task(tmp_path):
    def of(name="job", workflow=None, *assignments):
        folder = tmp_path / "jobs" / name
        folder.mkdir(parents=True, exist_ok=True)
        job = BatchJob(
            id=name,
            name=name,
            source="graph.json",
            workflow=workflow or GRAPH,
            assignments=assignments,
        )
        return Task(job=job, folder=folder)

    return of


def ended(backend, task):
    """How a job ends, with all that is told before."""
    told = []
    backend.run([task], told.append)
    assert told[0] == JobStarted(job=task.job.id)
    assert [each for each in told if isinstance(each, JobDone | JobFailed)] == told[-1:]
    return told[-1], told


def contents(task):
    files = [file for file in task.folder.rglob("*") if file.is_file()]
    return {file.relative_to(task.folder).as_posix(): file.read_bytes() for file in files}


@pytest.mark.parametrize("graph", [GRAPH, DRAWN], ids=["api", "drawn"])
def test_files_of_every_kind_come_here(serve, backend, task, graph):
    server, job = serve(), task("job", graph, "Noise.seed=7")
    done, told = ended(backend(server), job)
    (post,) = server.posts
    names = [f"video/clip_00001_.{suffix}" for suffix in ("mp4", "webp", "flac", "glb")]
    assert isinstance(done, JobDone)
    assert list(done.files) == names
    assert sorted(contents(job)) == sorted(names)
    assert contents(job)[names[0]] == f"images of {post['prompt_id']}".encode()
    assert done.details["versions"] == {"comfyui": "0.0.1", "python": "3.11"}
    steps = [each for each in told if isinstance(each, StepDone)]
    assert [(step.node, step.done, step.total) for step in steps] == [
        ("Noise", step, STEPS) for step in range(1, STEPS + 1)
    ]
    assert post["prompt"]["1"]["inputs"]["seed"] == 7
    drawn = post["extra_data"]["extra_pnginfo"].get("workflow")
    assert (drawn or {"nodes": [{"widgets_values": [7]}]})["nodes"][0]["widgets_values"][0] == 7
    assert bool(drawn) == (graph is DRAWN)


def test_previews_come_where_nothing_is_saved(serve, backend, task):
    def preview(run):
        run.save()
        run.outputs = {"preview": run.outputs["preview"]}
        run.end()

    done, _ = ended(backend(serve(preview)), task())
    assert done.files == ("preview.png",)


def test_local_files_are_uploaded_once(serve, backend, task, tmp_path):
    server = serve()
    (tmp_path / "input/sub").mkdir(parents=True)
    (tmp_path / "input/sub/söme.mp4").write_bytes(b"\r\n--frames--\r\n" * 1000)
    (tmp_path / "secret.mp4").write_bytes(b"secret")
    names = ["sub/söme.mp4", "there.mp4", "../secret.mp4", "sub\\söme.mp4 [input]"]
    graph = {
        str(key): {"class_type": "LoadVideo", "inputs": {"file": name}}
        for key, name in enumerate(names)
    }
    over = backend(server)
    ended(over, task("a", graph))
    assert server.uploads == {"söme.mp4": b"\r\n--frames--\r\n" * 1000}
    used = [node["inputs"]["file"] for node in server.posts[0]["prompt"].values()]
    assert used == ["sub/söme.mp4", "there.mp4", "../secret.mp4", "sub/söme.mp4"]
    server.uploads["söme.mp4"] = b"of another person"
    ended(over, task("b", graph))
    assert server.uploads == {"söme.mp4": b"of another person"}
    ended(backend(server), task("c", graph))
    assert server.posts[-1]["prompt"]["0"]["inputs"]["file"] == "sub/again söme.mp4"


def test_errors_of_nodes_carry_title_and_traceback(serve, backend, task):
    server = serve(Run.fail)
    failed, _ = ended(backend(server), task())
    assert failed.message == (
        f'"Noise" (#1, Seed) failed on {server.url}: RuntimeError: the seed is unlucky'
    )
    assert (failed.node, failed.traceback) == ("Noise", "Traceback\n  of the server\n")


NODE_ERRORS = {
    "2": {
        "class_type": "Save",
        "errors": [{"message": "Value not in list", "details": "prefix: 'clip' not in []"}],
    }
}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"node_errors": NODE_ERRORS}, '"Save" (#2, Save): Value not in list: prefix'),
        ({"error": {"message": "Bad"}, "node_errors": NODE_ERRORS}, "Value not in list: prefix"),
        ({"error": {"message": "No outputs", "details": "none"}}, "No outputs: none"),
        ({"error": "no room"}, "no room"),
    ],
)
def test_what_a_server_refuses_has_failed(serve, backend, task, answer, said):
    server = serve(lambda run: run.cancelled.wait(20))
    server.answer = answer
    failed, _ = ended(backend(server), task())
    assert isinstance(failed, JobFailed)
    assert failed.message.startswith("the workflow has 1 problem; nothing was run")
    assert failed.traceback == ""
    assert said in failed.message
    wait_until(lambda: not server.running)


def test_a_run_without_files_has_failed(serve, backend, task):
    failed, _ = ended(backend(serve(Run.end)), task())
    assert "lists no file" in failed.message


def test_nodes_that_are_missing_are_told_before_anything_is_queued(serve, backend, task):
    servers = [serve(), serve()]
    graph = {**GRAPH, "3": {"class_type": "VHS_Combine", "inputs": {}}}
    failed, _ = ended(backend(*servers), task("job", graph))
    assert "has no VHS_Combine" in failed.message
    assert [server.posts for server in servers] == [[], []]


def test_a_broken_connection_is_taken_up_again(serve, backend, task):
    def interrupted(run):
        run.start()
        run.server.asked.clear()
        run.server.hang_up()
        wait_until(lambda: "/queue" in run.server.asked and run.server.sockets)
        succeed(run)

    server = serve(interrupted)
    done, told = ended(backend(server), task())
    assert isinstance(done, JobDone)
    assert len(server.posts) == 1
    assert [each.done for each in told if isinstance(each, StepDone)] == [1, 2, 3]


def test_what_ends_while_nobody_listens_is_found(serve, backend, task):
    def alone(run):
        run.start()
        run.server.hang_up()
        run.client = "nobody"
        succeed(run)

    server = serve(alone)
    done, _ = ended(backend(server), task())
    assert isinstance(done, JobDone)
    assert len(server.posts) == 1


def killed(run):
    run.start()
    run.server.die()
    run.server.start()


def test_a_server_that_was_started_anew_gets_its_job_again(serve, backend, task):
    server = serve(killed)
    done, _ = ended(backend(server), task())
    assert isinstance(done, JobDone)
    assert len(server.posts) == 2


def test_a_job_that_ends_its_server_twice_has_failed(serve, backend, task):
    server = serve(killed, killed)
    failed, _ = ended(backend(server), task())
    assert "went away while it ran this job" in failed.message
    assert len(server.posts) == 2
    done, _ = ended(backend(server), task("next"))
    assert isinstance(done, JobDone)


def test_another_server_gets_the_job_of_one_that_is_gone(serve, backend, task):
    gone, other = serve(lambda run: (run.start(), run.server.die())), serve()
    done, _ = ended(backend(gone, other), task())
    assert isinstance(done, JobDone)
    assert (len(gone.posts), len(other.posts)) == (1, 1)
    gone.start()


def test_a_server_that_lets_nobody_in_any_more_counts_as_gone(serve, backend, task):
    def lock(run):
        run.start()
        run.server.locked = True
        run.server.hang_up()

    first, second = serve(lock), serve()
    done, _ = ended(backend(first, second), task())
    assert isinstance(done, JobDone)
    assert done.details["server"] == second.url


def test_a_server_is_one_however_its_url_is_written(serve, backend):
    server = serve()
    urls = [server.url, f"{server.url}/"]
    assert ComfyUIServers(urls, {}, 10.0, Path("input")).slots == 1


def test_a_job_that_went_elsewhere_is_cancelled_where_it_was(serve, backend, task):
    """The server lives, but cannot be reached for a while."""
    runs = []

    def unreachable(run):
        run.start()
        runs.append(run)
        run.server.close()

    gone, other = serve(unreachable), serve()
    over = backend(gone, other)
    ended(over, task("a"))
    kept = dict(gone.running)
    gone.start()
    gone.running = kept
    over._pool.slots[1].is_there = False  # so that the first one is asked before the other
    over._pool.slots[1].next_try = time.monotonic() + 60
    ended(over, task("b"))
    assert runs[0].cancelled.is_set()
    assert len(gone.posts) == 2


def test_the_batch_ends_when_no_server_is_there_for_too_long(serve, backend, task):
    server = serve(lambda run: (run.start(), run.server.die()))
    over = backend(server, patience=0.5)
    with pytest.raises(BatchStopped, match="no ComfyUI server has answered"):
        over.run([task()], lambda event: None)
    server.start()


def test_a_batch_that_was_killed_finds_what_its_server_went_on_with(serve, backend, task):
    server, before = serve(lambda run: run.cancelled.wait(0.5) or succeed(run)), task()
    threading.Thread(target=backend(server).run, args=([before], lambda event: None)).start()
    wait_until(lambda: server.posts)
    done, _ = ended(backend(server), before)
    again, _ = ended(backend(server), before)
    assert isinstance(done, JobDone)
    assert again.files == done.files
    assert len(server.posts) == 1


def test_a_job_that_had_failed_is_run_anew(serve, backend, task):
    server = serve(Run.fail)
    assert isinstance(ended(backend(server), task())[0], JobFailed)
    assert isinstance(ended(backend(server), task())[0], JobDone)
    first, second = (post["prompt_id"] for post in server.posts)
    assert first != second


def test_stopping_interrupts_our_prompt_and_no_other(serve, backend, task):
    def long(run):
        run.start()
        run.cancelled.wait(20)

    server, raised = serve(long, long), []
    over = backend(server)
    foreign = {"prompt": {}, "prompt_id": "foreign", "client_id": "x", "extra_data": {}}
    server.run(foreign)

    def run():
        with pytest.raises(KeyboardInterrupt):
            over.run([task()], lambda event: None)
        raised.append(True)

    thread = threading.Thread(target=run)
    thread.start()
    wait_until(lambda: len(server.posts) == 2)
    over.stop()
    thread.join(20)
    assert raised
    assert list(server.running) == ["foreign"]
    server.interrupt("foreign")


def test_a_file_is_there_whole_or_not_at_all(serve, backend, task, monkeypatch):
    server, job, broken = serve(), task(), []
    view = server.http.RequestHandlerClass.view

    def cut(handler, content):
        if broken:
            return view(handler, content)
        broken.append(True)
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content[:5])
        assert not [name for name in contents(job) if not name.endswith(".part")]
        handler.close_connection = True
        return None

    monkeypatch.setattr(server.http.RequestHandlerClass, "view", cut)
    done, _ = ended(backend(server), job)
    assert broken
    assert contents(job)[done.files[0]].startswith(b"images of")
    assert len(contents(job)) == 4
    assert len(server.posts) == 1


def test_headers_are_sent_with_everything_and_told_to_nobody(serve, backend, task, caplog):
    server = serve(Run.fail, killed)
    over = backend(server, headers=["Authorization: Bearer s3cret"])
    told = [ended(over, task(name)) for name in ("a", "b")]
    assert {headers.get("Authorization") for headers in server.headers} == {"Bearer s3cret"}
    assert "s3cret" not in caplog.text + repr(told) + json.dumps(server.posts)


def test_servers_that_are_not_there_are_told_at_once(serve, backend, caplog):
    there, gone = serve(), serve()
    gone.die()
    with pytest.raises(Unreachable, match="no ComfyUI server answers"):
        backend(gone)
    assert backend(there, gone).slots == 2
    assert gone.url in caplog.text
    gone.start()
