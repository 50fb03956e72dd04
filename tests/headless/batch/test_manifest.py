"""The manifest of a batch: whole lines, whatever happens while they are written."""

import json
import os

import pytest

from spacetime_video.headless.batch.job import BatchJob
from spacetime_video.headless.batch.manifest import (
    DONE,
    FAILED,
    FILE,
    PLANNED,
    RUNNING,
    SAVING,
    Manifest,
    ManifestError,
    SavedFile,
    read_manifest,
    write_plan,
)

from .conftest import child

GRAPH = {"1": {"class_type": "A", "inputs": {"text": "ä"}}}
FILES = (SavedFile(saved="a_00001_.mp4", name="one.mp4", sha256="0" * 64, bytes=3),)


def job(number, **more):
    given = {"name": f"clip_{number}", "source": "a.json", "workflow": GRAPH, **more}
    return BatchJob(id=f"{number:05}", **given)


@pytest.fixture
def path(tmp_path):
    """A manifest of three jobs, the first two in one group."""
    path = tmp_path / "batch" / FILE
    one, three = job(1, prompts=("ä",), seeds=("7",)), job(3, workflow={"2": {}})
    two = job(2, assignments=("1.text=b",))
    write_plan(path, {"batch": "batch", "digest": "d"}, [[one, two], [three]])
    return path


def test_a_plan_is_read_back(path):
    contents = read_manifest(path)
    assert contents.header["batch"] == "batch"
    assert [[record.job for record in group] for group in contents.groups] == [
        [job(1, prompts=("ä",), seeds=("7",)), job(2, assignments=("1.text=b",))],
        [job(3, workflow={"2": {}})],
    ]
    assert {record.state for record in contents.records.values()} == {PLANNED}
    first = contents.records["00001"].job.workflow
    assert contents.records["00002"].job.workflow is first
    assert path.read_text(encoding="utf-8").count("class_type") == 1, "a graph is written once"
    assert [each.name for each in path.parent.parent.iterdir()] == ["batch"]


def test_a_manifest_cut_anywhere_has_its_whole_lines(path, tmp_path):
    planned = len(path.read_bytes())
    manifest = Manifest(path)
    manifest.session({"torch": "1"})
    manifest.change("00001", RUNNING)
    manifest.change("00001", SAVING, files=FILES, seconds=1.5, details={"seeds": {"a": 1}})
    manifest.change("00001", DONE)
    manifest.change("00002", FAILED, error="no", node="Save", details={})
    assert read_manifest(path).ended is None
    manifest.close("ended")
    data, states = path.read_bytes(), []
    for end in range(planned, len(data) + 1):
        cut = tmp_path / "cut" / FILE
        cut.parent.mkdir(exist_ok=True)
        cut.write_bytes(data[:end])
        contents = read_manifest(cut)
        now = tuple(record.state for record in contents.records.values())
        if now not in states:
            states.append(now)
        again = Manifest(cut)
        again.change("00003", FAILED)
        again.close("")
        assert read_manifest(cut).records["00003"].state == FAILED
        assert all(json.loads(line) for line in cut.read_bytes().splitlines())
    assert states == [
        (PLANNED, PLANNED, PLANNED), (RUNNING, PLANNED, PLANNED), (SAVING, PLANNED, PLANNED),
        (DONE, PLANNED, PLANNED), (DONE, FAILED, PLANNED),
    ]  # fmt: skip
    assert read_manifest(path).ended == "ended"
    failed = read_manifest(path).records["00002"]
    assert (failed.error, failed.node, failed.seconds) == ("no", "Save", None)
    record = read_manifest(path).records["00001"]
    assert manifest.records == read_manifest(path).records
    assert record.at > failed.at[:10]
    assert record.seconds == 1.5
    assert record.files == FILES
    assert record.details == {"seeds": {"a": 1}}
    assert record.versions == {"torch": "1"}


@pytest.mark.parametrize("remains", [b"\0\0\0\n", b'{"job": "00\n', b"7\n"])
def test_a_last_line_that_did_not_reach_the_disk_is_left_out(path, remains):
    whole = path.read_bytes()
    path.write_bytes(whole + remains)
    assert read_manifest(path).end == len(whole)
    Manifest(path).close("")
    assert path.read_bytes().startswith(whole + b'{"session"')


def test_a_damaged_line_is_told(path):
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], b"{\n", *lines[2:]]))
    with pytest.raises(ManifestError, match=r"line 3 of .* is damaged"):
        read_manifest(path)


def test_another_format_is_refused(path):
    path.write_bytes(path.read_bytes().replace(b'"format": 1', b'"format": 2'))
    with pytest.raises(ManifestError, match="format 2, 1 was expected"):
        read_manifest(path)


@pytest.mark.skipif(os.name == "nt", reason="no limits there")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_line_without_room_leaves_nothing(path):
    """The disk takes a part of the line."""
    import resource

    size = len(path.read_bytes())

    def work():
        manifest = Manifest(path)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20, size + 20))
        try:
            manifest.change("00001", RUNNING)
        except OSError:
            return 0
        return 1

    assert os.WEXITSTATUS(os.waitpid(child(work), 0)[1]) == 0
    assert len(path.read_bytes()) == size
