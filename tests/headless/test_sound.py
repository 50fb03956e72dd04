"""Sound from a video file to the file of a longer clip, by the command."""

import pytest

from ..sounding import MADE, check_sound, longer, write_clip

TASKS = {
    "SpacetimeExtendForward": ("images", {}, 0, 1),
    "SpacetimeExtendBackward": ("images", {}, MADE, 1),
    "SpacetimeBranch": ("beginning", {"branches": 2}, 0, 2),
}
"""By node: the clip's input, what else it takes, the given part's first frame, how many clips."""


@pytest.mark.parametrize("task", TASKS)
def test_the_sound_of_what_is_given_is_in_its_place(task, run, write, model_names, tmp_path):
    clip, more, first, count = TASKS[task]
    write_clip(tmp_path / "input" / "clip.mp4")
    workflow = write(longer(model_names, task, **{clip: ["5", 0]}, **more))
    for _ in range(2):
        assert run(workflow) == 0
    files = sorted((tmp_path / "output").glob("*.mp4"))
    assert len(files) == 2 * count
    once, again = [[path.read_bytes() for path in part] for part in (files[:count], files[count:])]
    assert once == again
    for path in files[:count]:
        check_sound(path, tmp_path / "input" / "clip.mp4", first)
