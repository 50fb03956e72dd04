"""Decode Video -> Create Video -> Save Video needs no more memory for a longer clip."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("long_video.py")
FRAME = 64 * 64 * 3 * 4
"""Bytes."""


def peak(latent_frames, places):
    """Bytes at most; frames are 1 + 4 (latent frames - 1)."""
    command = [sys.executable, str(SCRIPT), str(latent_frames), str(places)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout) * 1024


@pytest.mark.skipif(sys.platform != "linux", reason="reads ru_maxrss in KiB")
def test_more_frames_are_not_held(tmp_path):
    more = 4 * (121 - 25) * FRAME
    assert peak(121, tmp_path) - peak(25, tmp_path) < more / 2


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads ru_maxrss in KiB")
def test_ten_minutes_need_the_memory_of_one(tmp_path):
    assert peak(2401, tmp_path) == pytest.approx(peak(241, tmp_path), rel=0.1)
