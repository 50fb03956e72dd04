"""Batches are begun, refused and found again."""

import json
import os
from itertools import count

import pytest

from spacetime_video.headless.batch.batches import (
    batches_folder,
    begin_batch,
    digest_of_jobs,
    find_batch,
    find_result,
    manifests,
)
from spacetime_video.headless.batch.job import BatchJob
from spacetime_video.headless.batch.manifest import DONE, SAVING, SavedFile
from spacetime_video.headless.batch.results import digest_of


def job(number, name=None, **more):
    given = {"source": "a.json", "workflow": {"1": {}}, **more}
    return BatchJob(id=f"{number}", name=name or f"clip_{number}", **given)


@pytest.fixture
def begin(tmp_path):
    batches_folder(tmp_path).mkdir()
    seconds = count(1)

    def begin_jobs(*jobs):
        manifest = begin_batch(tmp_path, jobs, [(each,) for each in jobs], {})
        manifest.close("")
        os.utime(manifest.path, (now := next(seconds), now))
        return manifest.path

    return begin_jobs


@pytest.mark.parametrize(
    ("jobs", "message"),
    [
        ([], "the batch has no jobs"),
        ([job(1), job(1, "other")], "several jobs are called 1:"),
        ([job(1, "a"), job(2, "a")], "several jobs are called a:"),
        ([job(1, "../a")], "leads out of"),
        ([job(1, "a" * 300)], "has a name of 300 bytes"),
    ],
)
def test_jobs_that_cannot_be_told_apart_or_saved_are_refused(begin, tmp_path, jobs, message):
    with pytest.raises(ValueError, match=message):
        begin(*jobs)
    assert not list(batches_folder(tmp_path).iterdir())


def test_the_last_batch_with_the_same_jobs_is_found(begin, tmp_path):
    first, second = begin(job(1)), begin(job(1), job(2))
    assert find_batch(tmp_path, None) == second
    assert find_batch(tmp_path, [job(1, source="moved.json", workflow={"1": {}})]) == first
    third = begin(job(1))
    assert find_batch(tmp_path, [job(1)]) == third != first
    assert manifests(tmp_path) == [third, second, first]
    for other in ([job(1, "a")], [job(1, assignments=("1.a=2",))], [job(1, workflow={"2": {}})]):
        with pytest.raises(FileNotFoundError, match="has exactly the 1 job given"):
            find_batch(tmp_path, other)
    with pytest.raises(FileNotFoundError, match="there is no batch in"):
        find_batch(tmp_path / "elsewhere", None)


def test_a_damaged_manifest_of_another_batch_is_passed_over(begin, tmp_path):
    first, second = begin(job(1)), begin(job(2))
    second.write_bytes(b"{\n")
    assert find_batch(tmp_path, [job(1)]) == first


def test_the_order_of_jobs_counts():
    assert digest_of_jobs([job(1), job(2)]) != digest_of_jobs([job(2), job(1)])


def test_what_was_killed_before_it_was_recorded_is_removed(begin, tmp_path):
    folder = batches_folder(tmp_path)
    (folder / "20200101-000000-00000000").mkdir()
    (folder / "20200101-000000-00000001.part").touch()
    path = begin(job(1))
    assert list(folder.iterdir()) == [path.parent]


def test_a_result_is_known_by_its_content(begin, tmp_path):
    path = begin(job(1))
    result = tmp_path / "moved" / "renamed.mp4"
    result.parent.mkdir()
    result.write_bytes(b"clip")
    assert find_result(result) is None
    file = {"saved": "a.mp4", "name": "clip_1.mp4", "sha256": digest_of(result), "bytes": 4}
    lines = [
        {"session": "begin", "versions": {"torch": "1"}},
        {"job": "1", "state": SAVING, "files": [file], "details": {}},
        {"job": "1", "state": DONE},
        {"session": "begin", "versions": {"torch": "2"}},
    ]
    with path.open("a", encoding="utf-8") as manifest:
        manifest.writelines(f"{json.dumps(line)}\n" for line in lines)
    (batches_folder(tmp_path) / "damaged").mkdir()
    (batches_folder(tmp_path) / "damaged" / "manifest.jsonl").write_text("{", encoding="utf-8")
    contents, record = find_result(result)
    assert record.files == (SavedFile(**file),)
    assert record.versions == {"torch": "1"}, "of the session in which it was made"
    assert contents.versions == {"torch": "2"}
