"""Lists of files end early, whatever is in the folder."""

import os

import pytest

from spacetime_video.media import files_below
from spacetime_video.media.folders import MOST_ENTRIES


def names(folder, **options):
    return [path.relative_to(folder).as_posix() for path in files_below(folder, **options)]


def test_files_of_all_levels_are_found(tmp_path):
    (tmp_path / "a/b").mkdir(parents=True)
    for name in ("x.txt", "y.png", ".hidden.txt", "a/z.txt", "a/b/w.txt"):
        (tmp_path / name).touch()
    assert names(tmp_path, suffix=".txt") == ["x.txt", "a/z.txt", "a/b/w.txt"]
    assert sorted(names(tmp_path, depth=1)) == ["x.txt", "y.png"]
    assert names(tmp_path / "none") == []


def test_links_to_nowhere_and_round_in_circles(tmp_path):
    (tmp_path / "gone.txt").symlink_to("/nonexistent")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "self.txt").symlink_to(tmp_path / "self.txt")
    (tmp_path / "x.txt").touch()
    assert names(tmp_path) == ["x.txt"]


def test_a_whole_disk_is_not_walked(tmp_path, monkeypatch):
    looked = []
    original = os.scandir
    monkeypatch.setattr("os.scandir", lambda path: looked.append(path) or original(path))
    monkeypatch.setattr("spacetime_video.media.folders.MOST_ENTRIES", 10)
    for first in range(20):
        (tmp_path / f"{first}/deep").mkdir(parents=True)
    assert names(tmp_path) == []
    assert len(looked) == 1
    assert MOST_ENTRIES < 100_000


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="needs a user who may not all")
def test_what_may_not_be_seen_is_left_out(tmp_path):
    (tmp_path / "closed").mkdir(mode=0)
    assert names(tmp_path) == []
