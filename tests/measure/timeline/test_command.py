"""`spacetime measure timeline`: a small run of the shipped weights, and refused options."""

import json

import pytest
from typer.testing import CliRunner

from spacetime_video.headless.cli import app
from spacetime_video.headless.streams import INTERRUPTED
from spacetime_video.measure import cases
from spacetime_video.measure.timeline import tasks
from spacetime_video.measure.timeline.plot import Steps, steps_plot
from spacetime_video.media import load_image


def test_a_small_run_is_written_and_printed(tmp_path):
    figures, plot = tmp_path / "figures.json", tmp_path / "plot.png"
    done = CliRunner().invoke(
        app,
        [
            *("measure", "timeline", "--cases", "2", "--steps", "1", "--jobs", "1"),
            *("--only", "connect", "--only", "loop"),
            *("--markdown", "--json", str(figures), "--plot", str(plot)),
        ],
    )
    assert done.exit_code == 0, done.output
    assert "| connect: all joins |" in done.stdout
    connect, loop = json.loads(figures.read_text())["tables"]
    assert connect["rows"]["all joins"]["true clips"]["of"] == 4
    columns = list(connect["rows"]["all joins"])
    assert columns[0] == "generated"
    assert columns[-3:] == ["hard cut", "cross-fade", "hold, then cut"]
    for row in ("all joins", "all of these"):
        true, cut = (connect["rows"][row][name]["right"] for name in ("true clips", "hard cut"))
        assert true > cut
    assert loop["rows"]["closes"]["open clips"]["right"] == 0
    assert loop["rows"]["wrap relative to inner steps, median"]["true loops"]["number"] < 2
    assert load_image(plot).pixels.shape == (880, 1440, 3)


def test_an_interrupted_part_keeps_the_cases_that_were_judged(tmp_path, monkeypatch):
    figures, judge, judged = tmp_path / "figures.json", tasks.judge_versions, []

    def judge_once(clips, question):
        if judged:
            raise KeyboardInterrupt
        judged.append(question)
        return judge(clips, question)

    monkeypatch.setattr(cases, "BATCH", 1)
    monkeypatch.setattr(tasks, "judge_versions", judge_once)
    only = ("--only", "connect", "--only", "windows")
    arguments = ("--cases", "2", "--steps", "1", "--jobs", "1", *only, "--json", str(figures))
    done = CliRunner().invoke(app, ["measure", "timeline", *arguments])
    assert done.exit_code == INTERRUPTED
    (connect,) = json.loads(figures.read_text())["tables"]
    assert connect["rows"]["all joins"]["true clips"]["of"] == 2
    assert connect["notes"] == ["timeline: connect: interrupted after 1 of 2 cases"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--only", "bridge"), "unknown part bridge: use calibration, animate"),
        (("--cases", "1"), "1 cases: use at least 2"),
        (("--jobs", "0"), "0 jobs: use at least 1"),
        (("--weights", "nowhere"), "nowhere"),
    ],
)
def test_wrong_options_are_told_in_one_line(arguments, message):
    done = CliRunner().invoke(app, ["measure", "timeline", *arguments])
    assert done.exit_code == 1
    assert message in done.stderr
    assert "Traceback" not in done.output


def test_every_panel_is_drawn():
    steps = Steps()
    with pytest.raises(ValueError, match="nothing to plot"):
        steps_plot(steps)
    steps.add("connect", {"generated": [float("nan"), 1.0, 2.0]}, (1,))
    one = steps_plot(steps)
    steps.add("animate", {"generated": [float("nan"), 1.0, 2.0]}, (1,))
    assert len(steps_plot(steps)) == 2 * len(one)
