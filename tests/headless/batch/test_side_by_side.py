"""Jobs of a group in this process: together they give the files that each of them gives alone."""

import signal
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from spacetime_video import hosts
from spacetime_video.headless.batch.backend import (
    BatchStopped,
    JobDone,
    JobFailed,
    JobNote,
    JobStarted,
    StepDone,
    Task,
)
from spacetime_video.headless.batch.here import Here
from spacetime_video.headless.batch.job import BatchJob
from spacetime_video.headless.batch.settings import BatchSettings
from spacetime_video.headless.batch.working import tell_step
from spacetime_video.hosts.standalone.models import StandaloneModels
from spacetime_video.hosts.standalone.together import EncodedPrompt, NetworkCall
from spacetime_video.media import write

TEXTS = ("a red sphere", "a blue cube", "a red cube moves")


@pytest.fixture
def here(tmp_path, models_dir, standalone):
    settings = BatchSettings(
        input_dir=str(tmp_path), models_dir=str(models_dir), device="cpu", dtype="fp32"
    )
    yield Here(settings)
    hosts.use(standalone)


@pytest.fixture
def run(here, tmp_path):
    """Run jobs as one group; gives what was told of each, and the bytes of its file."""

    def run_groups(name, graph, *each):
        (told,), (files,) = run_in_groups(here, tmp_path, {name: each}, graph)
        return told, files

    return run_groups


def run_in_groups(here, tmp_path, groups, graph):
    """Run groups one after the other; gives of each what was told of its jobs, and their files."""
    told, made = {}, []
    for name, each in groups.items():
        tasks = []
        for number, assignments in enumerate(each):
            id, folder = f"{name}{number}", tmp_path / "jobs" / f"{name}{number}"
            folder.mkdir(parents=True)
            job = BatchJob(
                id=id, name=id, source="a", workflow=graph, assignments=tuple(assignments)
            )
            tasks.append(Task(job=job, folder=folder))
        here.run(tasks, lambda event: told.setdefault(event.job, []).append(event))
        made.append(tasks)
    here.finish()
    events = [[told[task.job.id] for task in tasks] for tasks in made]
    return events, [[contents(task.folder / "clip_00001_.mp4") for task in tasks] for tasks in made]


def contents(path):
    return path.read_bytes() if path.is_file() else None


def ways(*seeds):
    return [(f"Noise.seed={seed}", f"Prompt.text={TEXTS[seed % 3]}") for seed in seeds]


def alone(run, graph, each):
    return [run(f"alone{number}-", graph, way)[1][0] for number, way in enumerate(each)]


def count_calls(monkeypatch, kind):
    sizes, together = [], kind.together

    def counted(self, questions, kept):
        sizes.append(len(questions))
        return together(self, questions, kept)

    monkeypatch.setattr(kind, "together", counted)
    return sizes


def texts(told):
    return [each.text for each in told if isinstance(each, JobNote)]


def test_files_are_those_of_jobs_alone(run, graph, monkeypatch):
    evaluations, prompts = (count_calls(monkeypatch, kind) for kind in (NetworkCall, EncodedPrompt))
    told, files = run("group", graph, *ways(1, 2, 3, 4, 4))
    assert evaluations == [4, 4], "of five jobs, two of them the same"
    assert prompts == [2]
    assert files == alone(run, graph, ways(1, 2, 3, 4, 4))
    assert len(set(files)) == 4
    for events in told:
        assert isinstance(events[0], JobStarted)
        assert isinstance(events[-1], JobDone)
        assert sum(isinstance(event, JobDone | JobFailed) for event in events) == 1
    for events in told[:4]:
        steps = [event for event in events if isinstance(event, StepDone) and event.total]
        sampled = [(step.done, step.total) for step in steps if step.node == "Sample"]
        assert sampled == [(0, 2), (1, 2), (2, 2)]
    assert ["kept Models" in texts(events) for events in told] == [False, True, True, True, True]
    assert "kept Sample" in texts(told[4])
    assert {event.job for event in told[2]} == {"group2"}


def test_one_that_fails_leaves_the_others_whole(run, graph):
    each = ways(1, 2, 3)
    told, files = run("group", graph, each[0], ("Models.vae=gone.safetensors",), *each[1:])
    assert isinstance(told[1][-1], JobFailed)
    assert "gone.safetensors" in told[1][-1].message
    expected = alone(run, graph, each)
    assert files == [expected[0], None, *expected[1:]]


def test_jobs_that_turn_out_to_be_different_are_done_as_well(run, graph, monkeypatch):
    sizes = count_calls(monkeypatch, NetworkCall)
    each = [*ways(1, 2), ("Size.width=64",), ("Schedule.steps=3",), ("Denoiser.guidance=1",)]
    told, files = run("group", graph, *each)
    assert sizes == [3, 2], "schedules of two and of three steps begin at one level"
    assert all(isinstance(events[-1], JobDone) for events in told)
    assert files == alone(run, graph, each)


def test_one_whose_prompt_was_kept_gets_not_ahead(here, graph, monkeypatch, tmp_path):
    evaluations = count_calls(monkeypatch, NetworkCall)
    run_in_groups(here, tmp_path, {"first": ways(1, 2), "second": ways(4, 3)}, graph)
    assert evaluations == [2, 2, 2, 2]


def test_a_group_is_sampled_while_the_one_before_is_decoded_and_saved(
    here, run, graph, monkeypatch, tmp_path
):
    decode, together, order, sampled = StandaloneModels.decode_stream, NetworkCall.together, [], []
    next_is_sampled = threading.Event()

    def evaluate(self, questions, kept):
        sampled.append(len(questions))
        if len(sampled) == 3:  # the second group's first evaluation
            order.append("sampled")
            next_is_sampled.set()
        return together(self, questions, kept)

    def wait_then_decode(self, *given, **options):
        order.append("decodes")
        assert next_is_sampled.wait(30), "it has to wait for what is being decoded"
        return decode(self, *given, **options)

    groups = {"first": ways(1, 2), "second": ways(3, 4)}
    with monkeypatch.context() as patched:
        patched.setattr(NetworkCall, "together", evaluate)
        patched.setattr(StandaloneModels, "decode_stream", wait_then_decode)
        told, files = run_in_groups(here, tmp_path, groups, graph)
    assert order[:2] == ["decodes", "sampled"]
    assert [file for group in files for file in group] == alone(run, graph, ways(1, 2, 3, 4))
    assert all(isinstance(events[-1], JobDone) for group in told for events in group)


def test_ctrl_c_stops_what_is_saved_beside_the_next_group(here, graph, monkeypatch, tmp_path):
    evaluations, stopped = NetworkCall.alone, []

    def interrupted(self):
        if stopped:
            signal.raise_signal(signal.SIGINT)
        return evaluations(self)

    def save_for_ever(*given, **options):
        try:
            stopped.append(False)
            while True:
                tell_step(1, 2)
                time.sleep(0.01)
        except KeyboardInterrupt:
            stopped[:] = [True]
            raise

    monkeypatch.setattr(NetworkCall, "alone", interrupted)
    monkeypatch.setattr(StandaloneModels, "decode_stream", save_for_ever)
    before = threading.active_count()
    unheard = signal.signal(signal.SIGINT, signal.default_int_handler)  # as in the background
    try:
        with pytest.raises(KeyboardInterrupt):
            run_in_groups(here, tmp_path, {"first": ways(1), "second": ways(2)}, graph)
    finally:
        signal.signal(signal.SIGINT, unheard)
    assert stopped == [True]
    assert threading.active_count() == before


def test_where_there_is_no_memory_for_several_they_are_alone(run, graph, monkeypatch):
    calls = []

    def too_large(self, questions, kept):
        calls.append(len(questions))
        raise torch.OutOfMemoryError("CUDA out of memory")

    with monkeypatch.context() as patched:
        patched.setattr(NetworkCall, "together", too_large)
        told, files = run("group", graph, *ways(1, 2, 3))
    assert calls == [3], "that is tried once"
    for events in told:
        (note,) = [event for event in events if isinstance(event, JobNote) and event.warning]
        assert note.text.startswith("computed alone from here on, because the group failed: ")
        assert note.text.endswith("CUDA out of memory")
        assert isinstance(events[-1], JobDone)
        assert "lean" not in events[-1].details
    assert files == alone(run, graph, ways(1, 2, 3))


def test_a_job_without_memory_is_tried_once_more_when_the_others_have_ended(
    here, run, graph, monkeypatch, tmp_path
):
    expected, decode, raised = alone(run, graph, ways(1, 2, 3)), StandaloneModels.decode_stream, []

    def decode_or_raise(self, *given, **options):
        if not raised:
            raised.append(MemoryError())
            raise raised[0]
        return decode(self, *given, **options)

    monkeypatch.setattr(StandaloneModels, "decode_stream", decode_or_raise)
    groups = {"first": ways(1, 2), "second": ways(3)}
    told, files = run_in_groups(here, tmp_path, groups, graph)
    lean = [events[-1].details.get("lean", False) for group in told for events in group]
    assert lean == [True, False, False]
    assert [file for group in files for file in group] == expected


def test_a_warning_is_that_of_the_job_that_has_it(run, graph):
    each = [*ways(1), ("Noise.seed=2", "Prompt.text=a (red sphere")]
    told, _ = run("group", graph, *each)
    warned = [any("parenthesis" in text for text in texts(events)) for events in told]
    assert warned == [False, True]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_stops_all(run, graph, monkeypatch):
    @contextmanager
    def full(path):
        yield Path("/dev/full")

    monkeypatch.setattr(write, "replacing", full)
    with pytest.raises(BatchStopped, match=r"the disk is full: .*No space left.*--resume"):
        run("group", graph, *ways(1, 2))


def test_ctrl_c_stops_all_within_a_step(run, graph, monkeypatch):
    together, calls = NetworkCall.together, []

    def interrupted(self, questions, kept):
        calls.append(len(questions))
        signal.raise_signal(signal.SIGINT)
        return together(self, questions, kept)

    monkeypatch.setattr(NetworkCall, "together", interrupted)
    before = threading.active_count()
    unheard = signal.signal(signal.SIGINT, signal.default_int_handler)  # as in the background
    try:
        with pytest.raises(KeyboardInterrupt):
            run("group", graph, *ways(1, 2, 3))
    finally:
        signal.signal(signal.SIGINT, unheard)
    assert calls == [3]
    assert threading.active_count() == before


def test_time_is_shared_out(run, graph, monkeypatch):
    together = NetworkCall.together

    def slow(self, questions, kept):
        time.sleep(0.4)
        return together(self, questions, kept)

    monkeypatch.setattr(NetworkCall, "together", slow)
    began = time.monotonic()
    told, _ = run("group", graph, *ways(1, 2))
    whole = time.monotonic() - began
    sampled = [events[-1].details["timings"]["Sample (#10)"] for events in told]
    for seconds, events in zip(sampled, told, strict=True):
        assert 0.4 <= seconds < events[-1].seconds
    assert sum(sampled) <= whole
