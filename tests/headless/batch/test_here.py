"""Jobs in this process: what stays between them, and what becomes of those that fail."""

import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from spacetime_video import hosts
from spacetime_video.headless.batch.backend import BatchStopped, JobDone, JobFailed, JobNote, Task
from spacetime_video.headless.batch.here import Here
from spacetime_video.headless.batch.job import BatchJob
from spacetime_video.headless.batch.peak import PeakMemory
from spacetime_video.headless.batch.settings import BatchSettings
from spacetime_video.hosts.standalone.models import StandaloneModels
from spacetime_video.media import write

from ..conftest import node, save_video


@pytest.fixture
def here(tmp_path, models_dir, standalone):
    """The backend, on random weights."""
    (tmp_path / "input").mkdir()
    settings = BatchSettings(
        input_dir=str(tmp_path / "input"),
        output_dir=str(tmp_path / "results"),
        models_dir=str(models_dir),
        device="cpu",
        dtype="fp32",
    )
    yield Here(settings)
    hosts.use(standalone)


@pytest.fixture
def run(here, tmp_path):
    """Run one job; gives what was told of it, its end last."""

    def run_job(graph, *assignments, id="1"):
        folder, told = tmp_path / "jobs" / id, []
        folder.mkdir(parents=True, exist_ok=True)
        job = BatchJob(id=id, name="clip", source="a", workflow=graph, assignments=assignments)
        here.run([Task(job=job, folder=folder)], told.append)
        here.finish()
        return told

    return run_job


def notes(told):
    return [each.text for each in told if isinstance(each, JobNote)]


def test_models_stay_and_every_job_saves(run, graph, tmp_path):
    first, second, same = (run(graph, f"Noise.seed={seed}", id=id) for seed, id in SEEDS_AND_IDS)
    for id, told in (("1", first), ("2", second), ("3", same)):
        assert told[-1].files == ("clip_00001_.mp4",)
        assert (tmp_path / "jobs" / id / "clip_00001_.mp4").is_file()
    assert "kept Models" not in notes(first)
    assert "kept Models" in notes(second)
    assert "kept Sample" not in notes(second)
    assert "kept Sample" in notes(same)
    contents = [(tmp_path / "jobs" / id / "clip_00001_.mp4").read_bytes() for id in "123"]
    assert contents[0] != contents[1] == contents[2]


SEEDS_AND_IDS = ((4, "1"), (5, "2"), (5, "3"))


def test_what_a_result_was_made_of_is_told(run, graph, models_dir):
    done = run(graph, "Noise.seed=7")[-1]
    assert isinstance(done, JobDone)
    assert done.details["seeds"] == {"Noise (#9).seed": 7}
    files = ("diffusion_models/random_dit", "text_encoders/random_text", "vae/random_vae")
    assert sorted(done.details["models"]) == [f"{name}.safetensors" for name in files]
    assert all(len(sha256) == 64 for sha256 in done.details["models"].values())
    assert done.details["device"] == "cpu"
    assert done.details["timings"]["Sample (#10)"] > 0
    if sys.platform == "linux":
        assert done.details["peak_memory"] > 50e6


def test_previews_are_kept_where_nothing_is_saved(run, graph, tmp_path):
    preview = node("PreviewImage", images=["12", 0])
    saved = run({**graph, "20": preview}, id="1")[-1]
    assert saved.files == ("clip_00001_.mp4",)
    del graph["14"], graph["13"]
    previews = run({**graph, "20": preview}, id="2")[-1].files
    assert len(previews) == 5
    assert all((tmp_path / "jobs" / "2" / name).is_file() for name in previews)
    text = node("PreviewAny", source=["4", 0])
    failed = run({"4": graph["4"], "20": text}, id="3")[-1]
    assert "the workflow has saved no file" in failed.message


def test_results_of_before_are_found(run, graph, tmp_path):
    """In the output folder of the batch, not in the job's own."""
    sampling = {key: each for key, each in graph["10"]["inputs"].items() if key != "tokens"}
    graph["10"] = node("SpacetimeSampleSteps", latent=["4", 0], stop_after=1, **sampling)
    state = node("SpacetimeSaveSamplingState", state=["10", 0], filename_prefix="deep/s")
    shared = {key: each for key, each in graph.items() if int(key) < 11 and key != "5"}
    stopped = run({**shared, "20": state}, id="1")[-1]
    name = "s_00001_.state.safetensors"
    assert stopped.files == (f"deep/{name}",)
    (tmp_path / "results").mkdir()
    (tmp_path / "jobs" / "1" / "deep" / name).rename(tmp_path / "results" / name)
    resumed = {
        **{key: graph[key] for key in ("1", "2", "3", "6", "8", "9", "12", "13", "14")},
        "21": node("SpacetimeLoadSamplingState", file=f"{name} [output]"),
        "22": node("SpacetimeResumeSampling", state=["21", 0], stop_after=0, **sampling),
    }
    del resumed["22"]["inputs"]["sigmas"]
    resumed["12"]["inputs"]["latent"] = ["22", 0]
    assert run(resumed, id="2")[-1].files == ("clip_00001_.mp4",)
    (tmp_path / "jobs" / "2" / "clip_00001_.mp4").rename(tmp_path / "results" / "c.mp4")
    video = node("LoadVideo", file="c.mp4 [output]")
    assert run({"1": video, "2": save_video(["1", 0])}, id="3")[-1].files == ("clip_00001_.mp4",)


def test_what_a_node_warns_of_is_told(run, graph, caplog):
    graph["8"]["inputs"]["solver"] = "lcm"
    told = run(graph)
    warnings = [each for each in told if isinstance(each, JobNote) and each.warning]
    assert any(each.text.startswith("Sample: LCM needs") for each in warnings)
    assert isinstance(told[-1], JobDone)


def no_memory():
    yield MemoryError()
    yield torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")
    try:
        torch.empty(2**50)
    except RuntimeError as problem:
        yield problem


@pytest.mark.parametrize("problem", [*no_memory()], ids=lambda problem: type(problem).__name__)
def test_a_job_without_memory_is_tried_once_more(run, graph, monkeypatch, problem, tmp_path):
    """Everything is made anew then, and the result is that of a job that had enough."""
    graph |= {"15": node("SaveImage", images=["16", 0], filename_prefix="first")}
    graph |= {"16": node("SpacetimeExampleClip", **CLIP)}
    whole = run(graph, "Noise.seed=2", id="1")[-1]
    run(graph, id="4")
    raised = [problem]
    decode = StandaloneModels.decode_stream

    def decode_or_raise(self, *given, **options):
        if raised:
            raise raised.pop()
        return decode(self, *given, **options)

    monkeypatch.setattr(StandaloneModels, "decode_stream", decode_or_raise)
    told = run(graph, "Noise.seed=2", id="2")
    assert isinstance(told[-1], JobDone)
    assert told[-1].files == whole.files
    assert told[-1].details["lean"] is True
    assert any("it runs again with nothing else in memory" in text for text in notes(told))
    for name in whole.files:
        one, other = (tmp_path / "jobs" / id / name for id in "12")
        assert one.read_bytes() == other.read_bytes()
    assert "kept Models" not in notes(run(graph, id="3")), "nothing is kept of a lean run"


CLIP = {
    "seed": 1, "width": 16, "height": 16, "frames": 1, "fps": 8.0,
    "shape": "any", "colour": "any", "motion": "any", "setting": "any",
    "kind": "single", "style": "shaded", "camera": "still",
}  # fmt: skip


def test_a_job_that_never_fits_fails_with_advice(run, graph, monkeypatch):
    def raise_always(*given, **options):
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr(StandaloneModels, "decode_stream", raise_always)
        failed = run(graph)[-1]
    assert isinstance(failed, JobFailed)
    assert "this happened with nothing else in memory: use a smaller size" in failed.message
    assert isinstance(run(graph, id="2")[-1], JobDone), "the next one runs"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_stops_the_batch(run, graph, monkeypatch):
    @contextmanager
    def full(path):
        yield Path("/dev/full")

    monkeypatch.setattr(write, "replacing", full)
    with pytest.raises(BatchStopped, match=r"the disk is full: .*No space left.*--resume"):
        run(graph)


def test_a_missing_model_is_named(run, graph):
    failed = run(graph, "Models.vae=gone.safetensors")[-1]
    assert isinstance(failed, JobFailed)
    assert "gone.safetensors" in failed.message
    assert "random_vae.safetensors" in failed.message


@pytest.mark.parametrize("content", [None, b"", b"\x89PNG\r\n\x1a\n broken"])
def test_an_input_that_cannot_be_read_is_named(run, tmp_path, content):
    if content is not None:
        (tmp_path / "input" / "a.png").write_bytes(content)
    graph = {
        "1": node("LoadImage", image="a.png"),
        "2": node("SaveImage", "Save", images=["1", 0], filename_prefix="b"),
    }
    failed = run(graph)[-1]
    assert isinstance(failed, JobFailed)
    assert "a.png" in failed.message


def test_a_node_that_fails_is_named(run, graph, monkeypatch):
    def refuse(*given, **options):
        raise ValueError("too red")

    monkeypatch.setattr(StandaloneModels, "decode_stream", refuse)
    failed = run(graph)[-1]
    assert isinstance(failed, JobFailed)
    assert (failed.node, failed.message.endswith("failed: too red")) == ("Decode Video", True)
    assert "in refuse" in failed.traceback


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says it of a process")
def test_the_most_memory_of_jobs_that_overlap():
    first = PeakMemory(torch.device("cpu"))
    taken = bytearray(200_000_000)
    del taken
    second = PeakMemory(torch.device("cpu"), first)
    assert first.bytes > second.bytes + 100_000_000
