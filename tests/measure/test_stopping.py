"""A measurement that is interrupted ends with what it has."""

import json

import pytest

from spacetime_video.headless.streams import INTERRUPTED
from spacetime_video.measure import jobs
from spacetime_video.measure.cases import true_clips
from spacetime_video.measure.command import MeasureOptions, measure_command
from spacetime_video.measure.studio import Settings
from spacetime_video.measure.views import Reading


class Interrupted:
    """Makes so many batches of clips, until the user has had enough."""

    def __init__(self, most):
        self.left = most

    def make(self, cases):
        if not self.left:
            raise KeyboardInterrupt
        self.left -= 1
        return true_clips(cases).video


@pytest.mark.parametrize(
    ("most", "told"),
    [
        (0, []),
        (1, [("64x64", 16, ["text to video: 64x64: interrupted after 16 of 18 cases"])]),
        (2, [("64x64", 18, [])]),
        (
            3,
            [
                ("64x64", 18, []),
                ("80x48", 16, ["text to video: 80x48: interrupted after 16 of 18 cases"]),
            ],
        ),
    ],
)
def test_what_was_judged_is_written(tmp_path, monkeypatch, capsys, most, told):
    blind = Reading(lambda clip, fps: len(clip), lambda frames, wanted: {"setting": frames > 0})
    monkeypatch.setattr(jobs, "CLIP", blind)
    figures = tmp_path / "figures.json"
    options = MeasureOptions(
        prompts=18, only=("text",), settings=Settings(), jobs=1, json_file=figures,
        sheet_file=tmp_path / "sheet.png",
    )  # fmt: skip
    assert measure_command(options, Interrupted(most)) == INTERRUPTED
    assert capsys.readouterr().err.endswith("interrupted\n")
    tables = json.loads(figures.read_text())["tables"]
    assert [
        (table["title"], table["rows"]["setting"]["generated"]["of"], table["notes"])
        for table in tables
    ] == told
    assert (tmp_path / "sheet.png").exists() == bool(told)
