"""Results: their names, and how they get there."""

import os
import tempfile
from hashlib import sha256
from pathlib import Path

import pytest

from spacetime_video.headless.batch.manifest import SavedFile
from spacetime_video.headless.batch.results import (
    Names,
    can_move,
    emptied,
    move_results,
    settled,
    suffix_of,
)

from .conftest import child


def file_of(saved, name, content):
    return SavedFile(saved=saved, name=name, sha256=sha256(content).hexdigest(), bytes=len(content))


@pytest.mark.parametrize(
    ("saved", "suffix"),
    [
        ("video/clip_00001_.mp4", ".mp4"),
        ("a_00002_.state.safetensors", ".state.safetensors"),
        ("v1.5_00001_.png", ".png"),
        ("Animate_00003.webm", ".webm"),
        ("v1.5/plain", ""),
        ("v1.5.gif", ".gif"),
    ],
)
def test_what_a_name_ends_in(saved, suffix):
    assert suffix_of(saved) == suffix


def test_names_are_used_once(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "clip.png").touch()
    names = Names(tmp_path, ["deep/clip_2.png"])
    saved = ["x_00001_.png", "x_00002_.png", "y_00001_.mp4"]
    chosen = names.choose("deep/clip", saved, ())
    assert chosen == ["deep/clip_3.png", "deep/clip_4.png", "deep/clip.mp4"]
    assert names.choose("deep/clip", ["z_00001_.mp4"], ()) == ["deep/clip_2.mp4"]
    before = [file_of(each, name, b"") for each, name in zip(saved, chosen, strict=True)]
    assert names.choose("deep/clip", saved, before) == chosen, "made again, they keep theirs"
    assert names.choose("deep/clip", saved[:1], before) == ["deep/clip_5.png"]


NOBODY = 65534


@pytest.mark.skipif(os.name == "nt", reason="no such rights there")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize(("rights", "told"), [(0o444, "4"), (0o000, "cannot be read")])
def test_a_file_that_was_saved_without_rights(rights, told):
    """As a user whom rights bind."""
    with tempfile.TemporaryDirectory() as name:
        folder, said = Path(name), Path(name, "said")
        (folder / "a.mp4").write_bytes(b"clip")

        def look():
            if os.geteuid() == 0:
                os.setuid(NOBODY)
            try:
                said.write_text(str(settled(folder, "a.mp4")[1]))
            except FileNotFoundError as problem:
                said.write_text(str(problem))
            return 0

        said.touch()
        for path, mode in ((folder, 0o755), (said, 0o666), (folder / "a.mp4", rights)):
            path.chmod(mode)
        if os.geteuid() == 0:
            os.chown(folder / "a.mp4", NOBODY, NOBODY)
        os.waitpid(child(look), 0)
        assert told in said.read_text()


@pytest.mark.parametrize("state", ["before", "linked", "moved", "claimed"])
def test_a_move_is_finished_from_wherever_it_was(tmp_path, state):
    folder, output = tmp_path / "job", tmp_path / "output"
    folder.mkdir()
    (output / "deep").mkdir(parents=True)
    source, target = folder / "a_00001_.mp4", output / "deep" / "one.mp4"
    source.write_bytes(b"clip")
    if state == "linked":
        os.link(source, target)
    elif state == "moved":
        source.rename(target)
    elif state == "claimed":  # on a file system without links
        target.touch()
    files = [file_of("a_00001_.mp4", "deep/one.mp4", b"clip")]
    assert can_move(files, folder, output)
    assert list(move_results(files, folder, output, tmp_path / "aside")) == []
    assert target.read_bytes() == b"clip"
    assert not source.exists()


def test_a_file_of_another_content_is_put_aside(tmp_path):
    for number, content in enumerate((b"mine", b"his"), 1):
        (tmp_path / "one.mp4").write_bytes(content)
        (tmp_path / "a.mp4").write_bytes(b"clip")
        files = [file_of("a.mp4", "one.mp4", b"clip")]
        (place,) = move_results(files, tmp_path, tmp_path, tmp_path / "aside")
        assert place == tmp_path / "aside" / f"{number}_one.mp4"
        assert place.read_bytes() == content
        assert (tmp_path / "one.mp4").read_bytes() == b"clip"


def test_what_is_lost_or_changed_cannot_be_moved(tmp_path):
    files = [file_of("a.mp4", "one.mp4", b"clip")]
    assert not can_move(files, tmp_path, tmp_path)
    (tmp_path / "a.mp4").write_bytes(b"cl")
    assert not can_move(files, tmp_path, tmp_path)


def test_only_files_of_the_job_are_results(tmp_path):
    folder = tmp_path / "job"
    folder.mkdir()
    (tmp_path / "other").write_bytes(b"x")
    (folder / "a").write_bytes(b"clip")
    assert settled(folder, "a") == (sha256(b"clip").hexdigest(), 4)
    for name in ("../other", str(tmp_path / "other"), "none"):
        with pytest.raises(FileNotFoundError, match="the job has saved no file"):
            settled(folder, name)


def test_chunks_stay_where_a_job_begins_again(tmp_path):
    for name in ("chunks/run/00000.safetensors", "video/a.mp4", "b.png"):
        path = Path(tmp_path / name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    emptied(tmp_path)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["00000.safetensors"]
    assert emptied(tmp_path / "new").is_dir()
