import math
from dataclasses import replace

import pytest
import torch

from spacetime_video.toyworld import (
    MOTIONS,
    SETTINGS,
    SHAPES,
    STYLES,
    Actions,
    Scene,
    SceneObject,
    random_scene,
    render,
    simulate,
)
from spacetime_video.toyworld.camera import STILL_CAMERA, Camera

LOOKS = {
    ("sphere", "at day"): (0.67622, -0.9389, 0.47527, 427),
    ("cube", "at sunset"): (0.40832, -1.7435, 0.18978, 827),
    ("cylinder", "at night"): (0.23204, 1.1467, 0.07267, 1046),
    ("cone", "in the snow"): (0.83398, 0.6796, 0.71943, 640),
    ("cube", "in the jungle"): (0.24342, 0.6769, 0.07723, 930),
}
"""Of random_scene(0) and so on: the mean of the video, a weighted sum, the mean of its squares and
the number of pixels that show the object."""

RED_BALL = SceneObject(shape="sphere", colour="red", size=1.4, z=6.0)


def one(*things, setting="at day", size=64, frames=1):
    scene = Scene(objects=tuple(things), setting=setting)
    return render([scene], frames=frames, height=size, width=size)


def test_shapes_types_and_ranges():
    scenes = [random_scene(seed) for seed in range(3)]
    clip = render(scenes, frames=5, height=24, width=40, fps=8)
    assert clip.video.shape == (3, 5, 24, 40, 3)
    assert clip.video.dtype == torch.float32
    assert clip.video.isfinite().all()
    assert 0 <= clip.video.min() < clip.video.max() <= 1
    assert clip.masks.shape == (3, 5, 1, 24, 40)
    assert clip.masks.dtype == torch.bool
    assert clip.depth.shape == (3, 5, 24, 40)
    assert clip.tracks.shape == (3, 5, 1, 3)


def test_a_scene_looks_the_same_in_any_batch():
    scenes = [random_scene(seed) for seed in range(5)]
    together = render(scenes, frames=3, height=32, width=32)
    alone = render(scenes[3:4], frames=3, height=32, width=32)
    torch.testing.assert_close(together.video[3:4], alone.video, atol=1e-6, rtol=0)
    assert torch.equal(together.masks[3:4], alone.masks)


def test_more_frames_per_second_show_the_same_moments():
    scene = random_scene(4, motion="circles")
    slow = render([scene], frames=3, height=32, width=32, fps=8)
    fast = render([scene], frames=5, height=32, width=32, fps=16)
    torch.testing.assert_close(slow.video, fast.video[:, ::2])


def test_the_ball_is_where_geometry_says():
    clip = one(RED_BALL, size=256)
    eye, centre = torch.tensor([0.0, 2.0, 0.0]), torch.tensor([0.0, 0.7, 6.0])
    away = float((centre - eye).norm())
    x, y, visible = clip.tracks[0, 0, 0].tolist()
    assert visible == 1
    assert x == pytest.approx(128)
    assert float(clip.depth[0, 0, int(y), int(x)]) == pytest.approx(away - 0.7, abs=0.01)
    share = math.pi * math.tan(math.asin(0.7 / away)) ** 2
    focal = 128 / math.tan(math.radians(21))
    assert float(clip.masks.sum()) == pytest.approx(share * focal**2, rel=0.02)


def test_the_floor_has_its_depth_and_the_sky_none():
    clip = one(RED_BALL, size=65)
    assert clip.depth[0, 0, 0].isinf().all()
    row = 60
    slope = math.atan((row + 0.5 - 32.5) / (32.5 / math.tan(math.radians(21))))
    expected = 2.0 / math.sin(slope + math.radians(11))
    assert float(clip.depth[0, 0, row, 32]) == pytest.approx(expected, rel=1e-3)


def test_the_nearer_object_hides_the_farther():
    behind = SceneObject(shape="cube", colour="blue", size=1.6, z=8.0)
    alone, both = one(behind), one(behind, RED_BALL)
    assert not (both.masks[0, 0, 0] & both.masks[0, 0, 1]).any()
    assert both.masks[0, 0, 0].sum() < alone.masks[0, 0, 0].sum()
    red, _, blue = both.video[0, 0][both.masks[0, 0, 1]].mean(dim=0)
    assert red > 2 * blue


def test_absent_and_hidden_objects_are_marked():
    hidden = SceneObject(shape="cone", colour="green", size=0.4, z=9.0)
    pair = Scene(objects=(SceneObject(shape="cube", colour="black", size=2.5, z=5.0), hidden))
    clip = render([pair, Scene(objects=(RED_BALL,))], frames=1, height=32, width=32)
    assert clip.tracks[:, 0, :, 2].tolist() == [[1, 0], [1, 0]]
    assert clip.tracks[0, 0, 1, :2].abs().sum() > 0
    assert clip.tracks[1, 0, 1].tolist() == [0, 0, 0]
    assert not clip.masks[:, 0, 1].any()


def test_an_object_out_of_view_changes_nothing_but_its_track():
    clip = one(SceneObject(shape="sphere", colour="red", x=40.0))
    assert not clip.masks.any()
    assert clip.tracks[0, 0, 0, 2] == 0
    behind = one(SceneObject(shape="sphere", colour="red", z=-8.0))
    assert not behind.masks.any()


def test_the_floor_is_darker_under_a_hanging_ball():
    hanging = SceneObject(shape="sphere", colour="red", motion="bounces", reach=1.0, phase=0.5)
    clip, other = one(hanging), one(SceneObject(shape="sphere", colour="red", x=40.0))
    darker = (other.video - clip.video).mean(dim=-1)[0, 0]
    assert darker[~clip.masks[0, 0, 0]].max() > 0.1


def test_edges_are_smooth():
    clip = one(SceneObject(shape="cube", colour="black", size=1.6), setting="in the snow")
    levels = clip.video[0, 0, 24:56].mean(dim=-1).unique()
    assert ((levels > 0.3) & (levels < 0.6)).any()


@pytest.mark.parametrize("shape", SHAPES)
def test_a_spin_shows_on_every_shape(shape):
    clip = render([random_scene(1, shape=shape, motion="spins")], frames=9, height=48, width=48)
    inside = clip.masks[0, :, 0].all(dim=0)
    assert clip.video[0][:, inside].std(dim=0).mean() > 0.02


@pytest.mark.parametrize("motion", MOTIONS[:8])
def test_objects_stay_in_view_and_are_big_enough(motion):
    scenes = [random_scene(seed, motion=motion) for seed in range(4)]
    clip = render(scenes, frames=9, height=64, width=64, fps=4)
    masks = clip.masks
    edge = (masks[..., 0], masks[..., -1], masks[..., 0, :], masks[..., -1, :])
    assert not any(side.any() for side in edge)
    assert masks.sum(dim=(-1, -2)).amin() >= 60
    assert (clip.tracks[..., 2] == 1).all()


def test_settings_differ():
    scenes = [random_scene(1, setting=setting) for setting in SETTINGS]
    means = render(scenes, frames=1, height=32, width=32).video.mean(dim=(1, 2, 3))
    assert torch.pdist(means).min() > 0.1


def test_the_looks_stay_what_the_weights_were_trained_on():
    scenes = [
        random_scene(seed, shape=shape, setting=setting)
        for seed, (shape, setting) in enumerate(LOOKS)
    ]
    clip = render(scenes, frames=5, height=40, width=56, fps=8)
    weights = torch.linspace(-1, 1, 5 * 40 * 56 * 3).reshape(5, 40, 56, 3).sin()
    for video, masks, (mean, weighted, square, area) in zip(
        clip.video, clip.masks, LOOKS.values(), strict=True
    ):
        assert float(video.mean()) == pytest.approx(mean, abs=2e-5)
        assert float((video * weights).sum() / 100) == pytest.approx(weighted, abs=2e-3)
        assert float((video * video).mean()) == pytest.approx(square, abs=2e-5)
        assert int(masks.sum()) == pytest.approx(area, abs=1)


def test_scenes_that_differ_in_everything_share_a_batch():
    roller = replace(RED_BALL, motion="rolls", heading=1.0, speed=1.0, trail=True, x=-1.0)
    cone = SceneObject(shape="cone", colour="white", x=1.0, z=7.0)
    moving = Camera(motion="orbits left", speed=0.4, field_of_view=0.9)
    player = Actions(target="camera", commands=("left", "forward"), rate=4.0)
    scenes = [
        random_scene(5, setting="at night"),
        Scene(objects=(roller, cone), style="cartoon", setting="in the snow"),
        Scene(objects=(cone,), camera=moving, setting="in the jungle"),
        Scene(objects=(cone, RED_BALL, roller), actions=player, style="cartoon"),
    ]
    together = render(scenes, frames=3, height=32, width=40, fps=4)
    for row, scene in enumerate(scenes):
        alone = render([scene], frames=3, height=32, width=40, fps=4)
        count = len(scene.objects)
        torch.testing.assert_close(together.video[row], alone.video[0], atol=1e-5, rtol=0)
        torch.testing.assert_close(together.depth[row], alone.depth[0])
        assert torch.equal(together.masks[row, :, :count], alone.masks[0])
        assert not together.masks[row, :, count:].any()
        torch.testing.assert_close(together.tracks[row, :, :count], alone.tracks[0])
        assert not together.tracks[row, :, count:].any()


def test_a_clip_may_be_rendered_in_parts():
    painter = replace(RED_BALL, motion="moves right", speed=2.0, trail=True, x=-1.5)
    cone = SceneObject(shape="cone", colour="white", x=0.5, motion="circles", speed=1.0, reach=0.5)
    orbit = Camera(motion="orbits left", speed=0.4)
    scenes = [
        Scene(objects=(painter, cone)),
        Scene(objects=(painter, cone), camera=orbit, style="cartoon"),
    ]
    whole = render(scenes, frames=7, height=32, width=40, fps=8)
    parts = [
        render(scenes, frames=count, height=32, width=40, fps=8, first=first)
        for first, count in ((0, 3), (3, 1), (4, 3))
    ]
    for name in ("video", "masks", "depth", "tracks"):
        found = torch.cat([getattr(part, name) for part in parts], dim=1)
        torch.testing.assert_close(getattr(whole, name), found, atol=1e-6, rtol=0)
    for each, found in zip(
        whole.states, zip(*(part.states for part in parts), strict=True), strict=True
    ):
        assert torch.equal(each, torch.cat(found, dim=1))


def test_states_are_those_of_the_simulation():
    scenes = [
        Scene(objects=(RED_BALL, SceneObject(shape="cone", colour="blue", x=-3.0))),
        random_scene(2, motion="circles"),
    ]
    clip = render(scenes, frames=4, height=8, width=8, fps=8)
    assert clip.states.contacts.shape == (2, 4, 2, 3)
    for row, scene in enumerate(scenes):
        states = simulate(scene, torch.arange(4, dtype=torch.float64) / 8)
        count = len(scene.objects)
        for padded, found in zip(clip.states[:3], states[:3], strict=True):
            torch.testing.assert_close(padded[row, :, :count], found.float())
            assert not padded[row, :, count:].any()
        contacts = clip.states.contacts[row, :, :count]
        assert torch.equal(contacts[..., -1], states.contacts[..., -1])
        assert torch.equal(contacts[..., :count], states.contacts[..., :count])
    x, y, _ = STILL_CAMERA.project(clip.states.centre, 8, 8)
    present = clip.masks.new_tensor([[1, 1], [1, 0]])[:, None].expand(2, 4, 2)
    torch.testing.assert_close(clip.tracks[..., 0][present], x[present])
    torch.testing.assert_close(clip.tracks[..., 1][present], y[present])


@pytest.mark.parametrize("style", STYLES)
def test_a_rolling_cylinder_lies_and_shows_its_turning_end(style):
    cylinder = SceneObject(
        shape="cylinder", colour="blue", size=1.6, motion="rolls", heading=1.0, speed=1.0, x=-0.5
    )
    clip = render([Scene(objects=(cylinder,), style=style)], frames=3, height=96, width=96, fps=4)
    axis = clip.states.rotation[0, :, 0, :, 1].abs()
    torch.testing.assert_close(axis, torch.tensor([[0.0, 0.0, 1.0]] * 3), atol=1e-6, rtol=0)
    x, y = clip.tracks[0, 0, 0, :2].long().tolist()
    away = math.hypot(0.5, 2.0 - 1.6 * 0.43, 6.0) * 5.2 / 6.0
    assert float(clip.depth[0, 0, y, x]) == pytest.approx(away, abs=0.03)
    ends = []
    for frame in (0, 2):
        x, y = clip.tracks[0, frame, 0, :2].long().tolist()
        ends.append(clip.video[0, frame, y - 6 : y + 7, x - 6 : x + 7])
    assert ends[0].std(dim=(0, 1)).max() > 0.05
    assert (ends[0] - ends[1]).abs().mean() > 0.03


def test_an_object_stands_on_another():
    cube = SceneObject(shape="cube", colour="green", size=1.6, z=6.0)
    ball = SceneObject(shape="sphere", colour="red", size=1.0, z=6.0, y=1.6 * 0.86)
    clip = render(
        [Scene(objects=(ball, cube), relation="on top of")], frames=1, height=64, width=64
    )
    upper, lower = (mask.nonzero()[:, 0] for mask in clip.masks[0, 0])
    assert upper.max() <= lower.float().quantile(0.3)
    assert lower.min() - upper.max() <= 1
    assert not (clip.masks[0, 0, 0] & clip.masks[0, 0, 1]).any()


def test_nothing_to_render_is_refused():
    with pytest.raises(ValueError, match="nothing to render"):
        render([], frames=1, height=8, width=8)
    with pytest.raises(ValueError, match="nothing to render"):
        render([Scene(objects=())], frames=1, height=8, width=8)
    with pytest.raises(ValueError, match="cannot render 0 frames"):
        render([random_scene(0)], frames=0, height=8, width=8)
    with pytest.raises(ValueError, match="cannot begin with frame -1"):
        render([random_scene(0)], frames=1, height=8, width=8, first=-1)
