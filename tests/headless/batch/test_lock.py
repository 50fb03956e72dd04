"""One batch at a time in an output folder, and none for ever."""

import os
import signal
import sys
import time

import pytest

from spacetime_video.headless.batch.lock import FolderInUse, FolderLock

from .conftest import child

pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


def test_a_second_one_is_refused(tmp_path):
    folder = tmp_path / "output" / "batches"
    with FolderLock(folder):
        with pytest.raises(FolderInUse, match=r"another batch runs in .*output: wait"):
            FolderLock(folder)
        assert list(folder.iterdir()), "the refused one has left the file alone"
    assert not list(folder.iterdir())
    with FolderLock(folder):
        pass


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork and no SIGKILL")
def test_a_killed_process_holds_nothing(tmp_path):
    def hold():
        with FolderLock(tmp_path):
            (tmp_path / "held").touch()
            time.sleep(60)
        return 0

    number = child(hold)
    while not (tmp_path / "held").exists():
        time.sleep(0.01)
    with pytest.raises(FolderInUse):
        FolderLock(tmp_path)
    os.kill(number, signal.SIGKILL)
    os.waitpid(number, 0)
    assert (tmp_path / "lock").exists()
    with FolderLock(tmp_path):
        pass


@pytest.mark.skipif(sys.platform == "win32", reason="no open file can be removed there")
def test_a_lock_that_its_last_holder_removed_is_made_anew(tmp_path, monkeypatch):
    """Opened by the next one before, and locked after it was removed."""
    opened, removed = os.open, []

    def open_late(path, *given):
        handle = opened(path, *given)
        if not removed:
            removed.append(path.unlink())
        return handle

    monkeypatch.setattr(os, "open", open_late)
    with FolderLock(tmp_path), pytest.raises(FolderInUse):
        FolderLock(tmp_path)
