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
    look_at_drag,
    way_of,
)
from spacetime_video.measure.control.tables import TRUTH
from spacetime_video.measure.timeline.cases import travelling


def test_a_cut_out_is_on_its_path_and_a_frozen_picture_is_not() -> None:
    passed = []
    for case in travelling(50, 3, 17):
        clip = true_clips([case])
        way = way_of(case, clip)
        still = clip.video[0, :1].expand(17, -1, -1, -1)
        found = look_at_drag(torch.stack([clip.video[0], cut_out(clip, way).frames, still]), way)
        assert found[0][1] < NEAR / 4
        assert found[0][1] < found[2][1]
        passed.append([near for near, _ in found])
    assert passed == [[True, True, False]] * 3


def test_a_small_run_needs_no_control_weights(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    arguments = ("--cases", "2", "--steps", "4", "--jobs", "1", "--only", "drag")
    done = CliRunner().invoke(app, ["measure", "control", *arguments, "--json", str(figures)])
    assert done.exit_code == 0, done.output
    (table,) = json.loads(figures.read_text())["tables"]
    assert list(table["rows"][ON_PATH]) == [DRAGGED, STILL, CUT_OUT, TRUTH]
    assert table["rows"][OFF][TRUTH]["mean"] < table["rows"][OFF][STILL]["mean"]
    share = table["rows"][ON_PATH][DRAGGED]["right"] / 2
    (note,) = table["notes"]
    assert note.startswith("PASS" if share >= 0.8 else "FAIL")
    assert note.endswith(f"{100 * share:.0f} % of clips, 80 % are wanted")
