"""One minute of video: the truth passes, decay and drift do not, and the node's chunks are run."""

import pytest

from spacetime_video.measure.figures import Share
from spacetime_video.measure.readers import Readers
from spacetime_video.measure.studio import ClipMaker, Settings
from spacetime_video.measure.timeline import one_minute
from spacetime_video.measure.timeline.one_minute import PLAN, TRUTH, one_minute_task
from spacetime_video.measure.timeline.spoiling import IN_BLOCKS, RISING
from spacetime_video.nodes.timeline.long import SpacetimeSampleLongVideo

COUNT = 2


@pytest.fixture(scope="module")
def rows():
    """Figures of clips of four seconds in place of a minute."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(one_minute, "FRAMES", 65)
        task = one_minute_task(COUNT, ClipMaker(Settings(device="cpu")))
        seen = []
        found = task.run(None, Readers(1), lambda cases, clips: seen.append(clips.shape))
    assert seen == [(1, 65, 64, 64, 3)] * COUNT
    return found.rows


def test_chunks_are_those_that_the_node_makes_by_itself():
    inputs = {each.id: each for each in SpacetimeSampleLongVideo.define_schema().inputs}
    frames = [1 + 4 * (count - 1) for count in (PLAN.length, PLAN.context)]
    assert frames == [inputs["chunk"].default, inputs["context"].default]
    assert PLAN.anchor == inputs["anchor"].default


def test_true_clips_pass_and_what_is_spoiled_does_not(rows):
    whole, none = Share(COUNT, COUNT), Share(0, COUNT)
    assert rows["all of these"][TRUTH] == rows["no drift"][TRUTH] == whole
    assert rows["all of these"][IN_BLOCKS] == none
    assert rows["no drift"][RISING] == none
    assert 0.7 <= rows["steps at the end relative to the beginning, median"][TRUTH].value <= 1.5


def test_time_is_told_of_what_was_made(rows):
    assert list(rows["seconds"]) == ["generated"]
    assert rows["seconds"]["generated"].trials == COUNT
    assert 0 < rows["seconds"]["generated"].mean < 600
    assert rows["its colour at the far end"]["generated"] == Share(COUNT, COUNT)
