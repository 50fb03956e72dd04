"""Jobs in processes beside each other, which die, are stopped, and outlive nobody."""

import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from spacetime_video.headless.batch import workers
from spacetime_video.headless.batch.backend import (
    BatchStopped,
    JobDone,
    JobFailed,
    JobNote,
    JobStarted,
    StepDone,
    Task,
)
from spacetime_video.headless.batch.job import BatchJob
from spacetime_video.headless.batch.settings import BatchSettings
from spacetime_video.headless.batch.wire import (
    event_as_json,
    read_event,
    read_task,
    task_as_json,
)
from spacetime_video.headless.batch.workers import Workers

from .conftest import sampled
from .fake_comfyui import wait_until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


@pytest.fixture
def settings(models_dir):
    return BatchSettings(models_dir=str(models_dir), device="cpu", dtype="fp32")


@pytest.fixture(scope="module")
def shared(models_dir):
    """Two processes for the tests that leave them as they were."""
    backend = Workers(
        BatchSettings(models_dir=str(models_dir), device="cpu", dtype="fp32"), ["cpu", "cpu"]
    )
    yield backend
    backend.close()


@pytest.fixture
def task(tmp_path, graph):
    def of(name, **changes):
        nodes = {key: {**node, "inputs": dict(node["inputs"])} for key, node in graph.items()}
        for key, inputs in changes.items():
            nodes[key.removeprefix("n")]["inputs"] |= inputs
        folder = tmp_path / "jobs" / name
        folder.mkdir(parents=True)
        job = BatchJob(id=name, name=name, source="graph.json", workflow=nodes)
        return Task(job=job, folder=folder)

    return of


LONG = {"n7": {"steps": 1000}, "n4": {"width": 128, "height": 128, "frames": 17}}


class Told(list):
    """Events of a group, and the process that runs it."""

    def __init__(self):
        super().__init__()
        self.steps = threading.Event()

    def __call__(self, event):
        self.append(event)
        if isinstance(event, StepDone) and event.node == "Sample" and event.done:
            self.steps.set()


def begun(backend, tasks):
    """Run a group in a thread; gives what it tells, the thread, and what it has raised."""
    told, raised = Told(), []

    def run():
        try:
            backend.run(tasks, told)
        except BaseException as problem:
            raised.append(problem)

    thread = threading.Thread(target=run)
    thread.start()
    return told, thread, raised


def pids(backend):
    return [worker._process.pid for worker in backend._workers.values()]


def is_alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return state.rpartition(")")[2].split()[0] != "Z"


def test_two_groups_run_at_a_time_with_the_bytes_of_one_process(
    shared, task, run, write, graph, tmp_path
):
    groups = [
        begun(shared, [task(f"{group}{seed}", n9={"seed": seed}) for seed in (1, 2)])
        for group in "ab"
    ]
    ends = []
    for told, thread, raised in groups:
        thread.join(120)
        assert raised == []
        kinds = [type(each) for each in told if not isinstance(each, JobNote)]
        assert kinds.index(StepDone) < kinds.index(JobStarted, 1) < kinds.index(JobDone)
        ends += [each for each in told if isinstance(each, JobDone | JobFailed)]
    assert all(isinstance(each, JobDone) for each in ends), ends
    assert {each.details["device"] for each in ends} == {"cpu"}
    for seed in (1, 2):
        assert run(write(graph), f"Noise.seed={seed}", output_dir=tmp_path / f"{seed}") == 0
    for done in ends:
        (name,), (here,) = done.files, (tmp_path / done.job[1]).iterdir()
        assert (tmp_path / "jobs" / done.job / name).read_bytes() == here.read_bytes()


def test_an_error_is_told_and_the_next_job_of_the_group_runs(shared, task):
    told = Told()
    shared.run([task("bad", n10={"tokens": ["7", 0]}), task("good")], told)
    ends = [each for each in told if isinstance(each, JobDone | JobFailed)]
    assert [type(each) for each in ends] == [JobFailed, JobDone]
    assert "nothing was run" in ends[0].message


def kill_at_samples(backend, told, job, times, sent):
    wait_until(lambda: sampled(told, job, times), 60)
    os.kill(*pids(backend), sent)


def test_what_ends_processes_is_found_among_the_jobs_of_a_group(settings, task):
    """What has ended stays, what is innocent is done, and gives what it gives in another group."""
    backend = Workers(settings, ["cpu"])
    jobs = [task("short"), task("deadly", **LONG), task("next", n7={"steps": 300})]
    told, thread, raised = begun(backend, jobs)
    wait_until(lambda: any(isinstance(each, JobDone) for each in told), 60)
    kill_at_samples(backend, told, "deadly", 1, signal.SIGKILL)
    kill_at_samples(backend, told, "deadly", 2, signal.SIGSEGV)
    thread.join(120)
    assert raised == []
    ends = [each for each in told if isinstance(each, JobDone | JobFailed)]
    assert [(type(each), each.job) for each in ends] == [
        (JobDone, "short"), (JobFailed, "deadly"), (JobDone, "next"),
    ]  # fmt: skip
    failed = ends[1]
    assert (
        'was killed by SIGSEGV at "Sample", for the second time (peak memory 0.' in failed.message
    )
    assert failed.node == "Sample"
    assert failed.details["signal"] == "SIGSEGV"
    assert failed.details["peak_memory"] > 50e6
    notes = [each for each in told if isinstance(each, JobNote) and each.warning]
    assert [each.job for each in notes] == ["deadly", "next"]
    for note in notes:
        assert 'with 1 other job was killed by SIGKILL at "Sample" (peak memory 0.' in note.text
        assert note.text.endswith(" GB): it runs again alone in a new process")
    started = [each.job for each in told if isinstance(each, JobStarted)]
    assert started == ["short", "deadly", "next", "deadly", "next"]
    told, thread, raised = begun(backend, [task("alone", n7={"steps": 300}, n9={"seed": 2})])
    kill_at_samples(backend, told, "alone", 1, signal.SIGKILL)
    thread.join(120)
    assert isinstance(told[-1], JobDone)
    (note,) = [each.text for each in told if isinstance(each, JobNote) and each.warning]
    assert note.endswith(": it runs again in a new process")
    again = task("again", n7={"steps": 300})
    backend.run([again], told)
    backend.close()
    contents = [(each.folder / told[-1].files[0]).read_bytes() for each in (jobs[2], again)]
    assert contents[0] == contents[1]
    assert not any(is_alive(pid) for pid in pids(backend))


def test_a_process_that_dies_between_groups_is_replaced(settings, task):
    backend, told = Workers(settings, ["cpu"]), Told()
    os.kill(*pids(backend), signal.SIGKILL)
    wait_until(lambda: all(worker.has_ended for worker in backend._workers.values()))
    backend.run([task("a"), task("b")], told)
    backend.close()
    assert [each.job for each in told if isinstance(each, JobDone)] == ["a", "b"]
    assert not [each.text for each in told if isinstance(each, JobNote) and each.warning]


WITH_ANOTHER_DECODER = """
from spacetime_video.headless.batch.worker import main
from spacetime_video.headless.batch.working import tell_step
from spacetime_video.hosts.standalone.models import StandaloneModels
decode_stream, begun = StandaloneModels.decode_stream, []
def decode(self, *given, **options):
    {before}
    return decode_stream(self, *given, **options)
StandaloneModels.decode_stream = decode
main()
"""


def test_a_job_without_memory_runs_again_when_those_of_its_group_have_ended(
    settings, task, monkeypatch
):
    before = "if not begun: begun.append(1); raise MemoryError"
    monkeypatch.setattr(workers, "_MAIN", WITH_ANOTHER_DECODER.format(before=before))
    backend, told, jobs = Workers(settings, ["cpu"]), Told(), [task("short"), task("other")]
    backend.run(jobs, told)
    backend.close()
    ends = [each for each in told if isinstance(each, JobDone | JobFailed)]
    assert [(each.job, each.details.get("lean")) for each in ends] == [
        ("other", None), ("short", True),
    ]  # fmt: skip
    contents = [(job.folder / ends[0].files[0]).read_bytes() for job in jobs]
    assert contents[0] == contents[1]


def test_a_group_is_stopped_in_the_middle_of_what_one_of_its_jobs_does(settings, task, monkeypatch):
    before = "import time; [(tell_step(1, 2), time.sleep(0.1)) for _ in range(600)]"
    monkeypatch.setattr(workers, "_MAIN", WITH_ANOTHER_DECODER.format(before=before))
    monkeypatch.setattr(workers, "STOP_SECONDS", 120)
    backend = Workers(settings, ["cpu"])
    told, thread, raised = begun(backend, [task("a"), task("b")])
    wait_until(lambda: any(isinstance(each, StepDone) and each.total == 2 and
                           each.node == "Decode Video" for each in told), 60)  # fmt: skip
    backend.stop()
    thread.join(20)
    backend.close()
    assert [type(each) for each in raised] == [KeyboardInterrupt]


def test_stopping_stops_the_runs_and_leaves_nothing_unfinished(settings, task):
    backend = Workers(settings, ["cpu", "cpu"])
    jobs = [task(name, **LONG) for name in "abc"]
    runs = [begun(backend, jobs[:2]), begun(backend, jobs[2:])]
    assert all(told.steps.wait(60) for told, *_ in runs)
    backend.stop()
    for _, thread, raised in runs:
        thread.join(20)
        assert [type(each) for each in raised] == [KeyboardInterrupt]
    backend.close()
    assert [list(job.folder.iterdir()) for job in jobs] == [[], [], []]


def test_what_listens_may_end_the_batch(settings, task):
    def full(event):
        if isinstance(event, StepDone) and event.done:
            raise BatchStopped("no room")

    backend = Workers(settings, ["cpu"])
    with pytest.raises(BatchStopped, match="no room"):
        backend.run([task("long", **LONG)], full)
    told = Told()
    backend.run([task("next")], told)
    backend.close()
    assert {each.job for each in told} == {"next"}
    assert isinstance(told[-1], JobDone)


HALF_A_LINE = """
import sys
print('{"kind": "ready"}', flush=True)
for line in sys.stdin:
    if "tasks" in line:
        print('{"kind": "JobNo', end="", flush=True)
        sys.exit(3)
"""


def test_a_process_that_dies_in_the_middle_of_a_word_has_died(settings, task, monkeypatch):
    monkeypatch.setattr(workers, "_MAIN", HALF_A_LINE)
    backend, told = Workers(settings, ["cpu"]), Told()
    backend.run([task("deadly")], told)
    backend.close()
    assert "exited with code 3, for the second time" in told[-1].message


BEGINS_ONCE = """
import json, sys
from pathlib import Path
device = json.loads(sys.stdin.readline())["device"]
before = Path({folder!r}, device)
if device == "bad" and before.exists():
    print(json.dumps(dict(kind="refused", message="the device is lost")), flush=True)
    sys.exit()
before.touch()
print(json.dumps(dict(kind="ready")), flush=True)
for line in sys.stdin:
    order = json.loads(line)
    if device == "bad":
        sys.exit(3)
    for task in order["tasks"]:
        done = dict(kind="JobDone", job=task["job"]["id"], files=[], seconds=1.0, details=dict())
        print(json.dumps(done), flush=True)
    print(json.dumps(dict(kind="ended")), flush=True)
"""


def test_where_no_process_begins_any_more_no_job_is_lost(settings, task, monkeypatch, tmp_path):
    monkeypatch.setattr(workers, "_MAIN", BEGINS_ONCE.format(folder=str(tmp_path)))
    backend, told = Workers(settings, ["bad", "good"]), Told()
    for number in range(3):
        backend.run([task(f"{number}")], told)
    assert [each.job for each in told if isinstance(each, JobDone)] == ["0", "1", "2"]
    backend.close()


def test_a_batch_ends_where_no_process_begins_at_all(settings, task, monkeypatch, tmp_path):
    monkeypatch.setattr(workers, "_MAIN", BEGINS_ONCE.format(folder=str(tmp_path)))
    backend = Workers(settings, ["bad"])
    for name in ("a", "b"):
        with pytest.raises(
            BatchStopped, match="no worker process starts any more: bad: the device is lost"
        ):
            backend.run([task(name)], Told())
    backend.close()


def test_a_device_that_is_not_there_is_told_before_any_job(settings):
    with pytest.raises(ValueError, match="no device 'cuda:99'"):
        Workers(settings, ["cuda:99"])


PARENT = """
import json, sys
from spacetime_video.headless.batch.settings import BatchSettings
from spacetime_video.headless.batch.wire import read_task
from spacetime_video.headless.batch.workers import Workers
backend = Workers(BatchSettings(models_dir=sys.argv[1], device="cpu", dtype="fp32"), ["cpu", "cpu"])
print(*[worker._process.pid for worker in backend._workers.values()], flush=True)
backend.run([read_task(json.loads(sys.argv[2]))], lambda event: print(event, flush=True))
"""


def test_no_process_outlives_the_one_that_started_it(task, models_dir):
    job = json.dumps(task_as_json(task("long", **LONG)))
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(models_dir), job], stdout=subprocess.PIPE, text=True
    )
    workers = [int(pid) for pid in parent.stdout.readline().split()]
    assert len(workers) == 2
    assert any("StepDone" in line and "done=5," in line for line in parent.stdout)
    assert all(map(is_alive, workers))
    parent.kill()
    parent.communicate(timeout=20)
    wait_until(lambda: not any(map(is_alive, workers)))


def test_tasks_and_events_come_through_as_they_were(task):
    sent = task("a")
    sent = replace(sent, job=replace(sent.job, prompts=("x",), seeds=("1", "2")))
    assert read_task(json.loads(json.dumps(task_as_json(sent)))) == sent
    for event in (
        JobStarted(job="a"),
        JobNote(job="a", text="x", warning=True),
        StepDone(job="a", node="Sample", done=1, total=2),
        JobDone(job="a", files=("a.mp4", "b.png"), seconds=1.5, details={"seeds": {"x": 1}}),
        JobFailed(job="a", message="no", traceback="t", node="n", details={"signal": "SIGKILL"}),
    ):
        assert read_event(json.loads(json.dumps(event_as_json(event)))) == event
    assert read_event({"kind": "ended"}) is None
