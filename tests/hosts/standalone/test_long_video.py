"""Decode Video -> Create Video -> Save Video needs no more memory for a longer clip."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("long_video.py")
FRAME = 64 * 64 * 3 * 4
"""Bytes."""


def peaks(places, *latent_frames):
    """Bytes at most, after each clip; it has 1 + 4 (latent frames - 1) frames."""
    command = [sys.executable, str(SCRIPT), str(places), *map(str, latent_frames)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [int(number) * 1024 for number in done.stdout.split()]


@pytest.mark.skipif(sys.platform != "linux", reason="reads ru_maxrss in KiB")
def test_more_frames_are_not_held(tmp_path):
    short, long = peaks(tmp_path, 97, 321)
    assert long - short < 4 * (321 - 97) * FRAME


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads ru_maxrss in KiB")
def test_ten_minutes_need_the_memory_of_one(tmp_path):
    (one,), (ten,) = peaks(tmp_path, 241), peaks(tmp_path, 2401)
    assert ten == pytest.approx(one, rel=0.1)
