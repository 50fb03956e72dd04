"""What is told of the jobs of a group whose process has died, and which of them run again."""

import pytest

from spacetime_video.headless.batch.backend import JobDone, JobFailed, JobNote, JobStarted, Task
from spacetime_video.headless.batch.deaths import Course, WorkerDiedError
from spacetime_video.headless.batch.job import BatchJob

DEATH = WorkerDiedError("was killed by SIGKILL", "Killed", {"peak_memory": 3e9})


@pytest.fixture
def course(tmp_path):
    """A group of three jobs, what is told of it, and the ids of those that run next."""
    told = []
    jobs = [BatchJob(id=id, name=id, source="a", workflow={}) for id in "abc"]
    of = Course([Task(job=job, folder=tmp_path / job.id) for job in jobs], told.append)
    return of, told, lambda: "".join(task.job.id for task in of.next)


def done(job, device="cpu"):
    return JobDone(job=job, files=(), seconds=1.0, details={"device": device})


def texts(told):
    return [(each.job, each.text) for each in told if isinstance(each, JobNote)]


def test_only_jobs_that_had_begun_may_have_ended_a_process(course):
    """One that had not begun has two more tries, and what was ended before has none."""
    of, told, following = course
    assert following() == "abc"
    for event in (JobStarted(job="a"), JobStarted(job="b"), done("a")):
        of.hear(event)
    of.died(DEATH)
    text = "the process that ran it was killed by SIGKILL (peak memory 3.0 GB)"
    assert texts(told) == [("b", f"{text}: it runs again alone in a new process")]
    assert following() == "b"
    of.hear(JobStarted(job="b"))
    of.died(DEATH)
    assert isinstance(told[-1], JobFailed)
    assert "for the second time (peak memory 3.0 GB)" in told[-1].message
    for tries in range(2):
        assert following() == "c", tries
        of.hear(JobStarted(job="c"))
        of.died(DEATH)
    assert following() == ""
    assert [each.job for each in told if isinstance(each, JobFailed)] == ["b", "c"]


def test_a_group_whose_process_dies_before_any_job_begins_ends(course):
    of, told, following = course
    for _ in range(6):
        of.died(DEATH)
    of.died(DEATH)
    assert following() == ""
    assert [each.job for each in told if isinstance(each, JobFailed)] == ["a", "b", "c"]


@pytest.mark.parametrize(("device", "is_told"), [("cpu", False), ("cuda:1", True)])
def test_other_rounding_is_told_where_there_is_any(course, device, is_told):
    of, told, _ = course
    of.hear(JobStarted(job="a"))
    of.hear(JobStarted(job="b"))
    of.hear(done("a", device))
    of.died(DEATH)
    of.hear(done("b", device))
    of.hear(done("c", device))
    rounding = [job for job, text in texts(told) if f"on {device} the result may differ" in text]
    assert rounding == (["b", "c"] if is_told else [])
