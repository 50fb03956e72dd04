"""Icon and banner as the Comfy registry wants them, and a lean archive."""

import tomllib
from pathlib import Path

from spacetime_video.media import load_image
from spacetime_video.tools.artwork import BANNER_SIZE, ICON_SIZE

ROOT = Path(__file__).parents[2]


def comfy_table():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return project["tool"]["comfy"]


def test_the_pictures_are_there_in_their_sizes():
    table = comfy_table()
    assert load_image(ROOT / table["Icon"]).pixels.shape[:2] == ICON_SIZE
    assert load_image(ROOT / table["Banner"]).pixels.shape[:2] == BANNER_SIZE
    assert BANNER_SIZE[1] * 9 == BANNER_SIZE[0] * 21


def test_the_publish_workflow_finds_the_two_addresses():
    """It puts the repository's address before them, by the beginning of their lines."""
    lines = (ROOT / "pyproject.toml").read_text(encoding="utf-8").splitlines()
    assert sum(line.startswith(('Icon = "docs/', 'Banner = "docs/')) for line in lines) == 2


def test_the_archive_leaves_out_what_exists_and_no_package():
    lines = (ROOT / ".comfyignore").read_text(encoding="utf-8").splitlines()
    left_out = [line for line in lines if line and not line.startswith("#")]
    later = {"benchmarks/"}
    assert [name for name in left_out if name not in later and not (ROOT / name).exists()] == []
    assert [name for name in left_out if (ROOT / name / "__init__.py").exists()] == []
