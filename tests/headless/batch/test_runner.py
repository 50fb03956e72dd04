"""What the runner makes of whatever backends do."""

import threading
from dataclasses import dataclass, field

import pytest

from spacetime_video.headless.batch.backend import (
    BatchStopped,
    JobDone,
    JobFailed,
    JobNote,
    JobStarted,
    StepDone,
)
from spacetime_video.headless.batch.batches import begin_batch, find_batch
from spacetime_video.headless.batch.job import BatchJob
from spacetime_video.headless.batch.layout import Layout
from spacetime_video.headless.batch.manifest import DONE, FAILED, PLANNED, Manifest
from spacetime_video.headless.batch.restore import restore
from spacetime_video.headless.batch.runner import JobSaved, Runner


def jobs(count):
    return [
        BatchJob(id=f"{number}", name=f"clip_{number}", source="a.json", workflow={})
        for number in range(1, count + 1)
    ]


@dataclass
class Scripted:
    """A backend whose jobs write their ids into files, unless something else is said of them."""

    acts: dict = field(default_factory=dict)
    slots: int = 1
    ran: list = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)

    def groups(self, jobs):
        return [(job,) for job in jobs]

    def run(self, tasks, tell):
        self.ran.append([task.job.id for task in tasks])
        for task in tasks:
            tell(JobStarted(job=task.job.id))
            tell(StepDone(job=task.job.id, node="Sample", done=1, total=2))
            assert not [path for path in task.folder.iterdir() if path.name != "chunks"]
            act = self.acts.get(task.job.id, write)
            act(task, tell)

    def finish(self):
        pass

    def stop(self):
        self.stopped.set()

    def close(self):
        pass


def write(task, tell):
    (task.folder / "a_00001_.txt").write_text(task.job.id, encoding="utf-8")
    tell(JobDone(job=task.job.id, files=("a_00001_.txt",), seconds=1.0, details={"seeds": {}}))


def fail(task, tell):
    tell(JobFailed(job=task.job.id, message="too red", traceback="at line 1", node="Sample"))


@pytest.fixture
def begin(tmp_path):
    """Begin a batch of so many jobs, or go on with it, with a backend."""

    def run(backend, groups=None, retry_failed=False, max_failures=None, watch=lambda told: None):
        begun = groups is not None
        all_jobs = [job for group in groups or () for job in group]
        (tmp_path / ".spacetime_batch").mkdir(exist_ok=True)
        manifest = (
            begin_batch(tmp_path, all_jobs, groups, {})
            if begun
            else Manifest(find_batch(tmp_path, None))
        )
        layout = Layout(tmp_path, manifest.path.parent)
        try:
            restore(manifest, layout, retry_failed=retry_failed, tell=lambda text: None)
            runner = Runner(manifest, layout, backend, watch, max_failures)
            runner.run()
        finally:
            manifest.close("")
        return runner.outcome, manifest.records, layout

    return run


def alone(count):
    return [(job,) for job in jobs(count)]


def states(records):
    return [record.state for record in records.values()]


def names(folder):
    return sorted(path.name for path in folder.iterdir() if path.is_file())


@pytest.mark.parametrize("slots", [1, 3])
def test_a_failed_job_does_not_stop_the_rest(begin, tmp_path, slots):
    told = []
    backend = Scripted({"2": fail}, slots)
    outcome, records, layout = begin(backend, alone(4), watch=told.append)
    assert states(records) == [DONE, FAILED, DONE, DONE]
    assert outcome.failed == ["2"]
    assert names(tmp_path) == ["clip_1.txt", "clip_3.txt", "clip_4.txt"]
    assert (tmp_path / "clip_3.txt").read_text(encoding="utf-8") == "3"
    log = layout.log("2").read_text(encoding="utf-8")
    assert "failed: too red" in log
    assert "at line 1" in log
    kinds = [type(each) for each in told if each.job == "3"]
    assert kinds == [JobStarted, StepDone, JobSaved]


def test_only_failed_jobs_are_run_again_where_that_is_asked_for(begin):
    begin(Scripted({"2": fail}), alone(3))
    later = Scripted()
    _, records, _ = begin(later)
    assert (later.ran, states(records)) == ([], [DONE, FAILED, DONE])
    _, records, _ = begin(later, retry_failed=True)
    assert (later.ran, states(records)) == ([["2"]], [DONE, DONE, DONE])


def test_enough_failures_end_a_batch(begin):
    backend = Scripted(dict.fromkeys("1234", fail))
    outcome, records, _ = begin(backend, alone(4), max_failures=2)
    assert states(records) == [FAILED, FAILED, PLANNED, PLANNED]
    assert "2 jobs have failed" in outcome.stopped


def test_a_group_is_run_again_whole_and_keeps_what_it_has(begin, tmp_path):
    one, two, three = jobs(3)

    def stop(task, tell):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        begin(Scripted({"2": stop}), [(one, two), (three,)])
    assert names(tmp_path) == ["clip_1.txt"]
    before = (tmp_path / "clip_1.txt").stat().st_ino
    told, later = [], Scripted()
    outcome, records, layout = begin(later, watch=told.append)
    assert later.ran == [["1", "2"], ["3"]]
    assert states(records) == [DONE, DONE, DONE]
    assert (tmp_path / "clip_1.txt").stat().st_ino == before
    assert names(tmp_path) == ["clip_1.txt", "clip_2.txt", "clip_3.txt"]
    assert set(outcome.saved) == {"2", "3"}
    assert not list(layout.jobs.iterdir())


def test_what_was_stopped_is_planned_again_and_its_chunks_stay(begin, tmp_path):
    def stop(task, tell):
        (task.folder / "chunks").mkdir()
        (task.folder / "chunks" / "0").touch()
        (task.folder / "half.txt").touch()
        raise BatchStopped("no server")

    with pytest.raises(BatchStopped, match="no server"):
        begin(Scripted({"1": stop}), alone(2))

    def look(task, tell):
        assert [path.name for path in (task.folder / "chunks").iterdir()] == ["0"]
        write(task, tell)

    _, records, layout = begin(Scripted({"1": look}))
    assert states(records) == [DONE, DONE]
    assert not list(layout.jobs.iterdir())
    assert "stopped" in layout.log("1").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda task, tell: None, "it ended without a result"),
        (lambda task, tell: 1 / 0, "ZeroDivisionError: division by zero"),
        (
            lambda task, tell: tell(JobDone(job=task.job.id, files=("b.txt",), seconds=1.0)),
            "the job has saved no file 'b.txt'",
        ),
    ],
)
def test_a_backend_that_fails_fails_its_group(begin, act, message):
    told = []
    _, records, _ = begin(Scripted({"1": act}), alone(2), watch=told.append)
    assert states(records) == [FAILED, DONE]
    (failed,) = (each for each in told if isinstance(each, JobFailed))
    assert failed.message.startswith(message)


def test_one_of_several_slots_stops_all(begin):
    """The others hear of it, and what they were at is planned again."""
    backend = Scripted(slots=2)

    def wait(task, tell):
        assert backend.stopped.wait(30)
        raise KeyboardInterrupt

    def stop(task, tell):
        raise BatchStopped("the disk is full")

    backend.acts = {"1": wait, "2": stop}
    with pytest.raises(BatchStopped, match="the disk is full"):
        begin(backend, alone(6))
    later = Scripted()
    _, records, _ = begin(later)
    assert states(records) == [DONE] * 6
    assert {"1", "2"} <= {job for group in later.ran for job in group}


@pytest.mark.parametrize(
    ("problem", "told"),
    [
        (OSError(28, "No space left on device"), r"No space left.*: free some space, .*--resume"),
        (OSError(5, "Input/output error"), r"Input/output error.*: fix the cause, .*--resume"),
    ],
)
def test_a_batch_ends_where_nothing_can_be_recorded(begin, monkeypatch, problem, told):
    def refuse(*given, **facts):
        raise problem

    def act(task, tell):
        monkeypatch.setattr(Manifest, "change", refuse)
        write(task, tell)

    with pytest.raises(BatchStopped, match=f"cannot be recorded .*{told}"):
        begin(Scripted({"2": act}), alone(3))
    monkeypatch.undo()
    later = Scripted()
    _, records, _ = begin(later)
    assert later.ran == [["2"], ["3"]]
    assert states(records) == [DONE] * 3


@pytest.mark.parametrize("change", ["removed", "edited"])
def test_what_is_not_as_it_was_recorded_is_made_again(begin, tmp_path, change):
    begin(Scripted(), alone(2))
    result = tmp_path / "clip_1.txt"
    result.unlink() if change == "removed" else result.write_text("mine", encoding="utf-8")
    later = Scripted()
    _, _, layout = begin(later)
    assert later.ran == [["1"]]
    assert result.read_text(encoding="utf-8") == "1"
    assert names(tmp_path) == ["clip_1.txt", "clip_2.txt"]
    aside = list(layout.aside.rglob("*"))
    assert [path.read_text(encoding="utf-8") for path in aside] == (
        [] if change == "removed" else ["mine"]
    )


def test_files_of_others_are_never_overwritten(begin, tmp_path):
    (tmp_path / "clip_1.txt").write_text("mine", encoding="utf-8")
    begin(Scripted(), alone(1))
    assert (tmp_path / "clip_1.txt").read_text(encoding="utf-8") == "mine"
    assert (tmp_path / "clip_1_2.txt").read_text(encoding="utf-8") == "1"


def test_notes_are_in_the_log_of_their_job(begin):
    def warn(task, tell):
        tell(JobNote(job="1", text="two\nlines", warning=True))
        write(task, tell)

    told = []
    _, _, layout = begin(Scripted({"1": warn}), alone(1), watch=told.append)
    lines = layout.log("1").read_text(encoding="utf-8").splitlines()
    assert [line.split(" ", 2)[2] for line in lines[:3]] == ["started: a.json", "two", "lines"]
    assert [each.text for each in told if isinstance(each, JobNote)] == ["two\nlines"]
