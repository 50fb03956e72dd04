"""The host's own folders."""

import os
import sys

import pytest

from spacetime_video.hosts.standalone.folders import own_temp


@pytest.mark.skipif(sys.platform == "win32", reason="the temporary folder is a user's own there")
@pytest.mark.parametrize("taken", ["nothing", "own", "open to others", "a link", "a file"])
def test_the_temporary_folder_is_the_users_own(tmp_path, monkeypatch, taken):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    name = tmp_path / f"spacetime-{os.getuid()}"
    if taken in ("own", "open to others"):
        name.mkdir(mode=0o700)
        name.chmod(0o777 if taken == "open to others" else 0o700)
    elif taken == "a link":
        name.symlink_to("/")
    elif taken == "a file":
        name.touch()
    folder = own_temp.__wrapped__()
    assert (folder == name) == (taken in ("nothing", "own"))
    assert folder.stat().st_mode & 0o777 == 0o700
    assert not folder.is_symlink()
