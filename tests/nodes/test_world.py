"""Example Clip: the same clips as ever by default, and the other kinds with their truth."""

import json

import pytest
import torch

from spacetime_video.nodes.helpers import example_scenes
from spacetime_video.nodes.video.world import SpacetimeExampleClip
from spacetime_video.toyworld import KINDS, detailed_caption, parse_caption, random_scene, render

NAMES = (
    "IMAGE", "caption", "MASK", "depth", "tracks", "fps", "objects", "detailed caption",
)  # fmt: skip


def example(**given):
    sizes = {"seed": 3, "width": 48, "height": 32, "frames": 5, "fps": 16.0}
    made = SpacetimeExampleClip.execute(**{**sizes, **given}).args
    return dict(zip(NAMES, made, strict=True))


def test_outputs_keep_their_order():
    outputs = SpacetimeExampleClip.GET_SCHEMA().outputs
    assert tuple(output.display_name for output in outputs) == NAMES


def test_inputs_keep_their_order():
    inputs = SpacetimeExampleClip.GET_SCHEMA().inputs
    assert [spec.id for spec in inputs] == [
        "seed", "width", "height", "frames", "fps", "shape", "colour", "motion", "setting",
        "kind", "style", "camera",
    ]  # fmt: skip


def test_later_kinds_follow_the_first_ones():
    (kinds,) = (spec for spec in SpacetimeExampleClip.GET_SCHEMA().inputs if spec.id == "kind")
    assert kinds.options[-2:] == ["any", "changes"]
    assert set(kinds.options) == {*KINDS, "any"}


def test_an_example_clip_comes_with_its_truth():
    made = example(shape="cube", colour="red")
    assert made["IMAGE"].shape == made["depth"].shape == made["objects"].shape == (5, 32, 48, 3)
    assert made["MASK"].shape == (5, 32, 48)
    assert "a red cube" in made["caption"]
    assert parse_caption(made["detailed caption"]).objects[0].size is not None
    for picture in (made[name] for name in ("IMAGE", "MASK", "depth", "objects")):
        assert picture.dtype == torch.float32
        assert picture.min() >= 0
        assert picture.max() <= 1
    points = json.loads(made["tracks"])
    assert {len(points_of_one) for points_of_one in points} == {5}
    assert set(points[0][0]) == {"x", "y", "visible"}
    assert made["fps"] == 16.0


def test_an_example_clip_depends_on_its_seed_alone():
    first, again, other = example(), example(), example(seed=4)
    assert torch.equal(first["IMAGE"], again["IMAGE"])
    assert first["caption"] == again["caption"]
    assert not torch.equal(first["IMAGE"], other["IMAGE"])


def test_saved_graphs_keep_their_clips():
    made = example(motion="bounces", setting="at night")
    scene = random_scene(3, motion="bounces", setting="at night")
    clip = render([scene], frames=5, height=32, width=48)
    assert torch.equal(made["IMAGE"], clip.video[0])
    assert made["detailed caption"] == detailed_caption(scene)


@pytest.mark.parametrize(("pixels", "ticks"), [(1, [1, 2, 3, 4, 5]), (3 * 32 * 48, [3, 5])])
def test_long_clips_are_rendered_in_parts_that_tick(standalone, monkeypatch, pixels, ticks):
    whole, seen = example(kind="trail", camera="orbits left"), []
    monkeypatch.setattr(example_scenes, "PIXELS_AT_A_TIME", pixels)
    monkeypatch.setattr(
        standalone.session, "progress", lambda done, total: seen.append((done, total))
    )
    parts = example(kind="trail", camera="orbits left")
    assert seen == [(done, 5) for done in ticks]
    torch.testing.assert_close(parts.pop("IMAGE"), whole.pop("IMAGE"), atol=1e-6, rtol=0)
    for name, value in whole.items():
        assert torch.equal(value, parts[name]) if torch.is_tensor(value) else value == parts[name]


def test_a_style_changes_nothing_else():
    shaded, flat = example(), example(style="cartoon")
    assert flat["caption"] == f"{shaded['caption']}, cartoon"
    assert torch.equal(flat["MASK"], shaded["MASK"])
    assert not torch.equal(flat["IMAGE"], shaded["IMAGE"])


def test_a_camera_moves():
    made = example(camera="orbits left")
    assert made["caption"].endswith(", the camera orbits left")
    assert not torch.equal(made["depth"][0], made["depth"][-1])


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_made(kind):
    made = example(kind=kind, frames=17)
    count = len(json.loads(made["tracks"]))
    assert torch.equal(made["objects"].amax(dim=-1), made["MASK"])
    assert not made["objects"][..., count:].any()
    assert made["objects"][..., 0].any()


def test_choices_are_the_first_objects():
    made = example(kind="pair", colour="green", shape="cone", setting="in the snow")
    wanted = parse_caption(made["caption"])
    assert (wanted.objects[0].colour, wanted.objects[0].shape) == ("green", "cone")
    assert (len(wanted.objects), wanted.setting) == (2, "in the snow")
    assert len(json.loads(made["tracks"])) == 2


def test_any_kind_is_a_mixture():
    assert len({len(json.loads(example(kind="any", seed=s)["tracks"])) for s in range(12)}) > 1


def test_an_example_clip_of_a_wrong_length_is_refused():
    with pytest.raises(ValueError, match="6 frames do not fit"):
        example(frames=6)


def test_what_cannot_roll_is_refused():
    with pytest.raises(ValueError, match="cube cannot roll"):
        example(shape="cube", motion="rolls")
