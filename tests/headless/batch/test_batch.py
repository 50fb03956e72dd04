"""`spacetime batch`: what it prints, its exit codes, and how it goes on."""

import json
import os
import platform
import signal
import subprocess
import sys
import time

import pytest

from spacetime_video.headless.batch.batches import batches_folder
from spacetime_video.headless.batch.lock import FolderLock
from spacetime_video.hosts.standalone import stock_image
from spacetime_video.media import probe_video

from ..conftest import COMMAND, hear_ctrl_c, node
from .conftest import results


@pytest.fixture
def outcome(batch, capfd):
    """Exit code, printed lines and error text of a batch."""

    def run_and_read(*workflows, **options):
        code = batch(*workflows, **options)
        printed = capfd.readouterr()
        return code, printed.out.splitlines(), printed.err

    return run_and_read


@pytest.fixture
def clip(write):
    """A workflow that takes no time."""
    images = node("SpacetimeExampleClip", "Clip", **CLIP)
    save = node("SaveImage", "Save", images=["1", 0], filename_prefix="frame")
    return write({"1": images, "2": save}, "clip.json")


@pytest.fixture
def failing(write, clip, monkeypatch):
    """Make workflows whose pictures cannot be saved while a list has something in it."""
    problems, save = [ValueError("too red")], stock_image.save_image

    def save_or_fail(path, *given, **options):
        if problems and "bad" in path.name:
            raise problems[0]
        save(path, *given, **options)

    monkeypatch.setattr(stock_image, "save_image", save_or_fail)
    graph = json.loads(clip.read_text(encoding="utf-8"))
    graph["2"]["inputs"]["filename_prefix"] = "bad"
    return problems, lambda name: write(graph, f"{name}.json")


CLIP = {
    "seed": 1, "width": 16, "height": 16, "frames": 1, "fps": 8.0,
    "shape": "any", "colour": "any", "motion": "any", "setting": "any",
    "kind": "single", "style": "shaded", "camera": "still",
}  # fmt: skip


def test_a_seed_each(outcome, write, graph, records, tmp_path):
    code, lines, told = outcome(write(graph, "video.json"), seeds="3-4")
    paths = [tmp_path / "output" / f"video_{number}.mp4" for number in (1, 2)]
    assert (code, lines) == (0, [str(path) for path in paths])
    (sheet,) = tmp_path.glob("output/.spacetime_batch/*/contact_sheet.html")
    assert f"2 done; see {sheet.as_uri()}" in told
    assert sheet.read_text(encoding="utf-8").count('data-kind="video"') == 2
    prompts = [json.loads(probe_video(path).metadata["prompt"]) for path in paths]
    assert [prompt["9"]["inputs"]["seed"] for prompt in prompts] == [3, 4]
    assert paths[0].read_bytes() != paths[1].read_bytes()
    details = [record.details["seeds"] for record in records().values()]
    assert details == [{"Noise (#9).seed": 3}, {"Noise (#9).seed": 4}]
    assert [record.job.seeds for record in records().values()] == [("3",), ("4",)]
    assert [record.details["prompts"] for record in records().values()] == 2 * [["a red sphere"]]


def test_lines_for_programs(outcome, clip, failing, tmp_path):
    code, lines, _ = outcome(clip, failing[1]("bad"), json_lines=True)
    events = [json.loads(line) for line in lines]
    assert code == 1
    kinds = [(event["event"], event.get("name")) for event in events]
    assert ("started", "clip_1") in kinds
    done = events[kinds.index(("done", "clip_1"))]
    assert done["files"] == [str(tmp_path / "output" / "clip_1.png")]
    failed = events[kinds.index(("failed", "bad_1"))]
    assert (failed["node"], failed["error"].endswith("failed: too red")) == ("Save", True)
    end = events[-1]
    assert (end["event"], end["ok"], end["done"], end["failed"], end["left"]) == (
        "end", False, 1, 1, 0
    )  # fmt: skip
    assert end["manifest"].endswith("manifest.jsonl")
    assert end["contact_sheet"].endswith("contact_sheet.html")


def test_going_on_with_what_was_begun(outcome, clip, tmp_path):
    """Neither the workflow nor the settings are needed again; those that are given are compared."""
    folder = tmp_path / "output"
    assert outcome(clip, seeds="1-3", settings={"metadata": False})[0] == 0
    whole = results(folder)
    (folder / "clip_2.png").unlink()
    clip.rename(clip.with_name("moved.json"))
    code, lines, told = outcome(resume=True)
    assert (code, lines) == (0, [str(folder / "clip_2.png")])
    assert "clip_2 runs again" not in told, "as quiet as it was asked to be"
    assert results(folder) == whole
    clip.with_name("moved.json").rename(clip)
    code, lines, told = outcome(clip, seeds="1-3", resume=True)
    assert (code, lines) == (0, [])
    assert "3 done, 3 of them earlier" in told
    code, lines, told = outcome(clip, seeds="1-4", resume=True)
    assert (code, lines) == (1, [])
    assert "no batch in" in told
    assert "has exactly the 4 jobs given" in told


def test_the_same_batch_again_is_another_one(outcome, clip, tmp_path):
    for name in ("clip_1.png", "clip_1_2.png"):
        assert outcome(clip)[1] == [str(tmp_path / "output" / name)]
    first, second = results(tmp_path / "output").values()
    assert first == second


def test_failed_jobs_are_run_again_once_they_can(outcome, clip, failing, tmp_path):
    problems, workflow = failing
    code, lines, told = outcome(clip, workflow("bad"))
    assert (code, lines) == (1, [str(tmp_path / "output" / "clip_1.png")])
    assert 'bad_1 failed: "Save" (#2, SaveImage) failed: too red' in told
    problems.clear()
    assert outcome(resume=True)[:2] == (1, [])
    code, lines, told = outcome(retry_failed=True)
    assert (code, lines) == (0, [str(tmp_path / "output" / "bad_1.png")])
    assert "2 done, 1 of them earlier" in told


def test_enough_failures(outcome, clip, failing):
    bad = [failing[1](f"bad{number}") for number in range(3)]
    code, _, told = outcome(*bad, clip, max_failures=2)
    assert code == 1
    assert "2 jobs have failed (--max-failures)" in told
    assert "0 done, 2 failed, 2 left" in told


def test_other_versions_are_told(outcome, clip, tmp_path):
    outcome(clip)
    (manifest,) = tmp_path.glob("output/.spacetime_batch/*/manifest.jsonl")
    text = manifest.read_text(encoding="utf-8")
    manifest.write_text(text.replace('"python": "', '"python": "2.7, not '), encoding="utf-8")
    told = outcome(resume=True, quiet=False)[2]
    assert f"continues with python {platform.python_version()} (before: 2.7, not " in told
    assert "results may differ" in told
    assert "continues with" not in outcome(resume=True, quiet=False)[2]


def test_a_second_batch_in_a_folder_is_refused(outcome, clip, tmp_path):
    with FolderLock(batches_folder(tmp_path / "output")):
        code, lines, told = outcome(clip)
    assert (code, lines) == (1, [])
    assert told.startswith("another batch runs in")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "there is no workflow to run"),
        ({"resume": True}, "there is no batch in"),
        ({"settings": {"device": "cuda:99"}}, "no device 'cuda:99' on this machine"),
    ],
)
def test_what_cannot_be_begun_leaves_nothing(outcome, clip, tmp_path, given, message):
    workflows = [clip] if "settings" in given else []
    code, lines, told = outcome(*workflows, **given)
    assert (code, lines) == (1, [])
    assert message in told
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path != clip]


def test_every_log_tells_its_job(outcome, clip, tmp_path):
    outcome(clip, assignments=("Clip.seed=5",))
    (log,) = tmp_path.glob("output/.spacetime_batch/*/logs/*.log")
    text = log.read_text(encoding="utf-8")
    assert f"started: {clip} Clip.seed=5" in text
    assert "Save" in text
    assert "clip_1.png" in text


def test_a_long_video_goes_on_behind_its_last_chunk(outcome, write, graph, tmp_path, monkeypatch):
    sampling = {key: each for key, each in graph["10"]["inputs"].items() if key != "tokens"}
    sampling |= {"chunk": 13, "context": 5, "anchor": True, "match": 0.0, "resumable": True}
    graph["4"]["inputs"]["frames"] = 45
    graph["10"] = node("SpacetimeSampleLongVideo", "Sample", latent=["4", 0], **sampling)
    graph["12"]["inputs"]["latent"] = ["10", 0]
    del graph["5"], graph["11"]
    from spacetime_video.model_loaders.files import is_measuring
    from spacetime_video.nodes.helpers.long_runs import LongRun

    sampled, runs, last = LongRun._run, [], [None]

    def run(self, *given):
        if is_measuring():  # a rehearsal
            return sampled(self, *given)
        if len(runs) == last[0]:
            raise KeyboardInterrupt
        runs.append(given)
        return sampled(self, *given)

    monkeypatch.setattr(LongRun, "_run", run)
    workflow = write(graph, "long.json")
    assert outcome(workflow, output="whole")[0] == 0
    whole, count = results(tmp_path / "whole"), len(runs)
    assert count > 4
    runs.clear()
    last[0] = 3  # the step that tells the run, and two chunks
    assert outcome(workflow)[0] == 130
    runs.clear()
    last[0] = None
    assert outcome(resume=True)[0] == 0
    assert len(runs) == count - 2
    assert results(tmp_path / "output") == whole


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for another process")
def test_ctrl_c_stops_within_a_step_and_the_manifest_is_closed(write, graph, models_dir, tmp_path):
    """As a process; what was done before is there."""
    quick = write(graph, "quick.json")
    graph["7"]["inputs"]["steps"] = 1000  # many times longer than stopping may take
    graph["4"]["inputs"] |= {"width": 128, "height": 128, "frames": 17}
    slow = write(graph, "slow.json")
    options = ["--models-dir", models_dir, "--dtype", "fp32", "--json"]
    process = begin(["batch", quick, slow, *options], tmp_path)
    events = []
    for line in process.stdout:
        events.append(json.loads(line))
        is_saved = any(event["event"] == "done" for event in events)
        if is_saved and events[-1]["event"] == "step" and events[-1]["total"] == 1000:
            break
    stopped = time.monotonic()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert time.monotonic() - stopped < 30, "a thousand steps take minutes"
    end = json.loads(out.splitlines()[-1])
    assert (end["ok"], end["error"], end["done"], end["left"]) == (False, "interrupted", 1, 1)
    assert "Traceback" not in err
    (manifest,) = tmp_path.glob("output/.spacetime_batch/*/manifest.jsonl")
    lines = [json.loads(line) for line in manifest.read_bytes().splitlines()]
    assert [line["state"] for line in lines if line.get("job") == "00002"] == [
        "planned", "running", "planned"
    ]  # fmt: skip
    assert (tmp_path / "output" / "quick_1.mp4").is_file()
    assert lines[-1]["reason"] == "interrupted"
    assert not (manifest.parent.parent / "lock").exists()


def begin(words, folder):
    return subprocess.Popen(
        [*COMMAND, *map(str, words)],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=hear_ctrl_c,
    )


def test_wrong_words_are_told_to_programs(command):
    code, out, _ = command("batch", "--json", "--nothing")
    assert code == 2
    assert json.loads(out) == {
        "event": "end",
        "ok": False,
        "error": "invalid arguments: see standard error",
    }
