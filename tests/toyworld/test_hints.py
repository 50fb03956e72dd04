"""Depth and outlines as pictures, and exact motion."""

import pytest
import torch

from spacetime_video.toyworld import (
    Change,
    Scene,
    SceneObject,
    draw_scene,
    lasting_tracks,
    nearness,
    outlines,
    render,
    true_flow,
)
from spacetime_video.toyworld.camera import Camera
from spacetime_video.toyworld.hints import NEAREST

SIZE = {"frames": 5, "height": 48, "width": 64}


def test_near_is_bright_on_one_scale():
    depth = torch.tensor([0.5, NEAREST, 2 * NEAREST, 30.0, torch.inf])
    torch.testing.assert_close(nearness(depth), torch.tensor([1, 1, 0.5, NEAREST / 30, 0]))
    scene = draw_scene(3, kind="pair", camera="dollies in")
    clip = render([scene], **SIZE)
    shown = nearness(clip.depth)
    assert torch.equal(
        shown[:, 2:4], nearness(render([scene], **(SIZE | {"frames": 2}), first=2).depth)
    )
    assert shown.unique().numel() > 500
    assert 0 < shown[clip.masks.any(dim=2)].min() < shown.max() < 1


def test_outlines_are_pixels_beside_something_else():
    scenes = [
        draw_scene(seed, kind=kind) for seed, kind in enumerate(("pair", "occlusion", "three"))
    ]
    masks = render(scenes, **SIZE).masks
    found = outlines(masks)
    assert found.shape == (3, 5, 48, 64)
    shown = torch.where(masks.any(dim=2), masks.int().argmax(dim=2), -1)
    for scene, frame in ((0, 0), (1, 2), (2, 4)):
        own = shown[scene, frame].tolist()
        for row in range(48):
            for column in range(64):
                around = [
                    own[r][c]
                    for r, c in (
                        (row - 1, column),
                        (row + 1, column),
                        (row, column - 1),
                        (row, column + 1),
                    )
                    if 0 <= r < 48 and 0 <= c < 64
                ]
                expected = own[row][column] >= 0 and set(around) != {own[row][column]}
                assert bool(found[scene, frame, row, column]) == expected
    assert torch.equal(outlines(masks[0, 0]), found[0, 0])


def bilinear(picture, x, y):
    """A picture (H, W, C) at positions in pixels, of which the first centre is 0.5."""
    height, width, _ = picture.shape
    grid = torch.stack((2 * x / width - 1, 2 * y / height - 1), dim=-1)[None]
    planes = picture.movedim(-1, 0)[None]
    sampled = torch.nn.functional.grid_sample(
        planes, grid, mode="bilinear", padding_mode="border", align_corners=False
    )
    return sampled[0].movedim(0, -1)


@pytest.mark.parametrize(
    ("kind", "camera", "motion"),
    [
        ("single", None, "moves left"),
        ("single", None, "spins"),
        ("single", None, "rolls"),
        ("single", "pans right", "comes closer"),
        ("pair", "orbits left", None),
        ("three", "dollies out", None),
        ("changes", None, None),
    ],
)
def test_what_moves_by_the_flow_looks_the_same_there(kind, camera, motion):
    shape = "sphere" if motion in ("spins", "rolls") else None  # whose light stays as it turns
    look = {"shape": shape, "style": "cartoon"}
    scene = draw_scene(5, kind=kind, camera=camera, motion=motion, **look)
    clip = render([scene], frames=4, height=96, width=96, fps=12.0, first=2)
    vectors, visible = true_flow([scene], clip, fps=12.0, first=2)
    assert vectors.shape == (1, 3, 96, 96, 2)
    rows, columns = torch.meshgrid(torch.arange(96) + 0.5, torch.arange(96) + 0.5, indexing="ij")
    edges = torch.nn.functional.max_pool2d(outlines(clip.masks)[0, :-1].float(), 5, 1, 2) > 0
    for frame in range(3):
        x, y = columns + vectors[0, frame, ..., 0], rows + vectors[0, frame, ..., 1]
        now, later = clip.video[0, frame], clip.video[0, frame + 1]
        error = (bilinear(later, x, y) - now).abs().amax(dim=-1)
        still = (later - now).abs().amax(dim=-1)
        objects = clip.masks[0, frame].any(dim=0)
        inner = visible[0, frame] & ~edges[frame] & objects
        moving = inner & (still > 0.1)
        assert error[inner].mean() < 0.04
        assert not moving.any() or error[moving].mean() < 0.4 * still[moving].mean()
    assert visible.float().mean() > 0.8


def test_a_still_camera_sees_a_still_floor():
    scene = draw_scene(1, kind="single", motion="moves right")
    clip = render([scene], **SIZE)
    vectors, visible = true_flow([scene], clip)
    behind = ~clip.masks[:, :-1].any(dim=2)
    assert vectors[behind].abs().max() < 1e-3
    assert visible[behind].float().mean() > 0.95
    hidden = clip.masks[:, 1:].any(dim=2) & behind
    assert hidden.any()
    assert visible[hidden].float().mean() < 0.1  # where objects touch the floor


def test_objects_move_as_their_tracks():
    scene = draw_scene(2, kind="single", motion="goes away", camera="pans left")
    clip = render([scene], **SIZE)
    vectors, _ = true_flow([scene], clip)
    steps = clip.tracks[0, 1:, 0, :2] - clip.tracks[0, :-1, 0, :2]
    for frame in range(4):
        mean = vectors[0, frame][clip.masks[0, frame, 0]].mean(dim=0)
        assert (mean - steps[frame]).norm() < 0.25 * steps[frame].norm() + 0.05


def test_the_sky_turns_with_the_camera():
    camera = Camera(motion="pans right", speed=0.8)
    scene = Scene(objects=(SceneObject(shape="cube", colour="red"),), camera=camera)
    clip = render([scene], **SIZE)
    vectors, _ = true_flow([scene], clip)
    sky = clip.depth[:, :-1].isinf()
    focal = camera.focal_length(48, 64)
    assert vectors[sky][:, 0].mean() == pytest.approx(-0.05 * focal, rel=0.15)


def exchange():
    """A sphere that vanishes after two frames, and a cube that appears then."""
    things = (
        SceneObject(shape="sphere", colour="red", x=-1.5, vanishes=2 / 16),
        SceneObject(shape="cube", colour="blue", x=1.5, appears=2 / 16),
    )
    change = Change(begin=0.1, end=0.15, exchanges=True)
    return Scene(objects=things, change=change)


def test_tracks_last_where_objects_do_not():
    clip = render([exchange(), draw_scene(0, kind="single")], **SIZE)
    tracks, lasting = clip.tracks, lasting_tracks(clip)
    assert not tracks[0, 2:, 0].any()
    assert torch.equal(lasting[0, :, 0, :2], tracks[0, [0, 1, 1, 1, 1], 0, :2])
    assert torch.equal(lasting[0, :, 1, :2], tracks[0, [2, 2, 2, 3, 4], 1, :2])
    assert torch.equal(lasting[..., 2], tracks[..., 2])
    assert torch.equal(lasting[1], tracks[1])


def test_what_vanishes_is_not_seen_again():
    scene = exchange()
    clip = render([scene], **SIZE)
    vectors, visible = true_flow([scene], clip)
    assert vectors.isfinite().all()
    assert not visible[0, 1][clip.masks[0, 1, 0]].any()
    assert visible[0, 0][clip.masks[0, 0, 0]].float().mean() > 0.95


def test_batches_and_parts_give_the_same():
    scenes = [draw_scene(seed, kind=kind) for seed, kind in ((0, "single"), (1, "three"))]
    clip = render(scenes, **SIZE)
    vectors, visible = true_flow(scenes, clip)
    alone, seen = true_flow(scenes[:1], render(scenes[:1], **SIZE))
    torch.testing.assert_close(vectors[:1], alone, atol=1e-4, rtol=0)
    assert torch.equal(visible[:1], seen)
    part = clip.between(2, 5)
    assert torch.equal(part.video, clip.video[:, 2:5])
    torch.testing.assert_close(
        true_flow(scenes, part, first=2).vectors, vectors[:, 2:], atol=1e-4, rtol=0
    )
