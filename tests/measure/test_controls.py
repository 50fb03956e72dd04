"""Prompts that clips were not made for: what they ask, and that true clips fail."""

from dataclasses import replace

import pytest

from spacetime_video.measure.cases import true_clips
from spacetime_video.measure.controls import ANOTHER_NUMBER, SHUFFLED, SWAPS, controls_of
from spacetime_video.measure.figures import Share
from spacetime_video.measure.jobs import JOBS, composition_jobs
from spacetime_video.measure.readers import Readers
from spacetime_video.measure.tasks import measure_job
from spacetime_video.toyworld import PromptSpec, parse_caption

COLOURS, OBJECTS = SWAPS
COUNT = 6


class TrueWorld:
    def make(self, cases):
        return true_clips(cases).video


class Recoloured(TrueWorld):
    """Knows every word of a prompt, but gives each of two objects the other's colour."""

    def make(self, cases):
        return true_clips([replace(case, scene=recoloured(case.scene)) for case in cases]).video


def recoloured(scene):
    first, second = scene.objects
    swapped = (replace(first, colour=second.colour), replace(second, colour=first.colour))
    return replace(scene, objects=swapped)


def table(number, maker):
    return measure_job(composition_jobs(COUNT)[number], maker, Readers(1), lambda *_: None).rows


def asked(control, *texts):
    return control.wanted([parse_caption(text) for text in texts])


def test_swapped_colours_keep_the_words():
    changed, same_shapes, one = asked(
        COLOURS,
        "a red cube left of a blue sphere at day",
        "a red cube and a blue cube at day",
        "a red cube at day",
    )
    assert changed == parse_caption("a blue cube left of a red sphere at day")
    assert same_shapes == one == PromptSpec()


def test_three_colours_go_round():
    (changed,) = asked(COLOURS, "a red cube and a blue sphere and a white cone")
    assert changed == parse_caption("a blue cube and a white sphere and a red cone")


def test_swapped_objects_turn_a_relation_round():
    turned, unrelated = asked(OBJECTS, "a red cube behind a blue cube", "a red cube")
    assert turned == parse_caption("a blue cube behind a red cube")
    assert unrelated == PromptSpec()


@pytest.mark.parametrize("count", [2, 3, 4, 5])
def test_another_number_is_never_the_own_one(count):
    cases = composition_jobs(count)[2].cases
    own = [parse_caption(case.prompt) for case in cases]
    others = ANOTHER_NUMBER.wanted(own)
    assert all(len(a.objects) != len(b.objects) > 0 for a, b in zip(own, others, strict=True))


def test_swaps_belong_to_what_they_are_about():
    assert controls_of(("colour", "shape")) == (SHUFFLED,)
    assert controls_of(("binding", "setting")) == (SHUFFLED, COLOURS)
    assert controls_of(("binding", "relation")) == (SHUFFLED, COLOURS, OBJECTS)


def test_pictures_of_pairs_show_two_shapes_on_the_floor():
    for job in composition_jobs(12)[:2]:
        assert {case.shape.frames for case in job.cases} == {1}
        pairs = [case.scene.objects for case in job.cases]
        assert all(one.shape != other.shape for one, other in pairs)
        assert "bounces" not in {thing.motion for pair in pairs for thing in pair}
        assert [case.seed for case in job.cases] == list(range(12))


@pytest.mark.parametrize("job", [JOBS["scenes"](6)[4], JOBS["composition"](6)[2]])
def test_counts_go_round(job):
    assert [len(case.scene.objects) for case in job.cases] == [1, 2, 3, 1, 2, 3]


def test_counts_are_told_by_number_and_another_number_loses():
    rows = table(2, TrueWorld())
    assert rows["count"]["generated"] == rows["count"]["true renders"] == Share(COUNT, COUNT)
    assert rows["count"]["shuffled prompts"] == Share(0, COUNT)
    for name in ("one object", "two objects", "three objects"):
        assert rows[name]["generated"] == Share(2, 2)


def test_whoever_mixes_colours_up_passes_by_swapped_prompts_only():
    rows = table(0, TrueWorld())["binding"]
    assert rows["generated"] == rows["true renders"] == Share(COUNT, COUNT)
    assert rows["colours swapped"] == rows["shuffled prompts"] == Share(0, COUNT)
    rows = table(0, Recoloured())["binding"]
    assert rows["generated"] == Share(0, COUNT)
    assert rows["colours swapped"].right >= COUNT - 1


def test_relations_fail_the_other_way_round():
    rows = table(1, TrueWorld())
    assert rows["relation"]["generated"].right >= COUNT - 1
    assert rows["relation"]["objects swapped"] == Share(0, COUNT)
    assert rows["left or right"]["generated"].trials < COUNT
    assert rows["left or right"]["objects swapped"].right == 0
    assert "objects swapped" not in rows["setting"]
