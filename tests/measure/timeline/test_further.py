"""Edits, holes, keyframes and shared endings: true clips pass, and what is spoiled does not."""

import pytest

from spacetime_video.measure.readers import Readers
from spacetime_video.measure.studio import ClipMaker, Settings
from spacetime_video.measure.timeline.converging import INDEPENDENT
from spacetime_video.measure.timeline.edits import BOTH
from spacetime_video.measure.timeline.plot import Steps
from spacetime_video.measure.timeline.tasks import timeline_tasks

LOSERS = {
    ("edit of the setting", BOTH): ("unchanged", "played backwards", "more changed than asked"),
    ("edit of the colour", BOTH): ("unchanged", "played backwards", "more changed than asked"),
    ("inpaint", "border lines"): ("another clip", "shifted by 3 px", "mean colour"),
    ("inpaint", "all of the object"): ("another clip", "mean colour", "empty hole"),
    ("outpaint", "border lines"): ("another clip", "shifted by 3 px", "mean colour"),
    ("keyframes", "both sides"): ("cut-in", "frozen"),
    ("converge", "approaches"): (INDEPENDENT, "held"),
}
"""What of a table's row must be below true clips."""

UNCHANGED = {
    "change of the given part": ("generated", "plain noise mask", "true clips"),
    "change of the image": ("generated", "true clips"),
    "change of the ending's pixels": ("generated, pasted", "true clips, pasted"),
    "change of the ending's latents": ("generated",),
}
"""Which columns of a row are exactly 0."""


def tables(names, count):
    maker = ClipMaker(Settings(guidance=1.0, steps=1, device="cpu"))
    tasks = timeline_tasks(names, count, maker, Steps())
    return {
        table.title: table.rows
        for table in (task.run(maker, Readers(1), lambda cases, clips: None) for task in tasks)
    }


def rate(share):
    return share.right / share.trials


def check(found, least, most):
    for (title, row), losers in LOSERS.items():
        if title in found:
            figures = found[title][row]
            assert rate(figures["true clips"]) >= least, title
            passed = {name: rate(figures[name]) for name in losers}
            assert {name: share for name, share in passed.items() if share > most} == {}, title
    for rows in found.values():
        for row, columns in UNCHANGED.items():
            for name in columns if row in rows else ():
                assert rows[row][name].value == 0, (row, name)


def test_holes_and_keyframes_tell_true_clips_from_others():
    found = tables(("inpaint", "keyframes"), 2)
    assert list(found) == ["inpaint", "keyframes"]
    check(found, 0.8, 0.35)
    picture = found["keyframes"]["change of the image"]
    assert picture["one-frame latent in the stream"].value > 0


@pytest.mark.slow
def test_all_of_them_tell_true_clips_from_others():
    found = tables(("edit", "inpaint", "outpaint", "keyframes", "converge"), 12)
    assert {title for title, _ in LOSERS} == set(found)
    check(found, 0.8, 0.35)
    apart = found["converge"]["difference of beginnings, relative to independent ones"]
    assert {name: apart[name].mean for name in ("true clips", "held", INDEPENDENT)} == {
        "true clips": 0,
        "held": 0,
        INDEPENDENT: 100,
    }
    assert 0 < apart["generated"].mean < 150
