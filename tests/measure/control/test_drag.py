"""Objects that are dragged: their cut-outs follow the path, and others are seen not to."""

import json
from pathlib import Path

import torch
from typer.testing import CliRunner

from spacetime_video.headless.cli import app
from spacetime_video.measure.cases import true_clips
from spacetime_video.measure.control.drag import (
    CUT_OUT,
    DRAGGED,
    NEAR,
    OFF,
    ON_PATH,
    STILL,
    cut_out,
    drag_cases,
    look_at_drag,
    way_of,
)


def test_a_cut_out_is_on_its_path_and_a_frozen_picture_is_not() -> None:
    passed = []
    for case in drag_cases(3):
        clip = true_clips([case])
        way = way_of(case, clip)
        found = look_at_drag(torch.stack([cut_out(clip, way).frames, clip.video[0]]), way)
        assert found[0][1] < NEAR / 4
        passed.append([near for near, _ in found])
    assert passed == [[True, False]] * 3


def test_paths_stay_in_the_picture() -> None:
    ways = [way_of(case, true_clips([case])) for case in drag_cases(12)]
    assert all(min(each) > 3 and max(each) < 61 for way in ways for each in (way.x, way.y))
    assert all(abs(way.x[-1] - way.x[0]) > 2 * NEAR * 64 for way in ways)


def test_a_small_run_needs_no_control_weights(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    arguments = ("--cases", "2", "--steps", "4", "--jobs", "1", "--only", "drag")
    done = CliRunner().invoke(app, ["measure", "control", *arguments, "--json", str(figures)])
    assert done.exit_code == 0, done.output
    (table,) = json.loads(figures.read_text())["tables"]
    assert list(table["rows"][ON_PATH]) == [DRAGGED, STILL, CUT_OUT]
    assert table["rows"][OFF][CUT_OUT]["mean"] < table["rows"][OFF][STILL]["mean"]
    share = table["rows"][ON_PATH][DRAGGED]["right"] / 2
    (note,) = table["notes"]
    assert note.startswith("PASS" if share >= 0.8 else "FAIL")
    assert note.endswith(f"{100 * share:.0f} % of clips, 80 % required")
