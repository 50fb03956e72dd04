"""Tracks of the toy world: of objects, and of what a moving camera sees."""

from dataclasses import replace

import pytest
import torch

from spacetime_video.toyworld import Scene, draw_scene, lasting_tracks, render, true_flow
from spacetime_video.training.latents import RenderedPart
from spacetime_video.training.track_hints import (
    object_tracks,
    seen_clip,
    track_pictures,
    with_camera,
)

FPS, FRAMES, SIDE = 16.0, 9, 64


def part_of(scene: Scene) -> RenderedPart:
    clip = render([scene], frames=FRAMES, height=SIDE, width=SIDE, fps=FPS)
    return RenderedPart([scene], clip)


def test_points_on_an_object_stay_on_it_while_it_comes_closer() -> None:
    part = part_of(draw_scene(3, kind="single", motion="comes closer", shape="sphere"))
    clip = seen_clip(part, 0, FPS)
    tracks = object_tracks(clip, 0, centre=False)
    assert len(tracks) > 8
    for frame in (0, FRAMES - 1):
        x, y = tracks.places[:, frame].long().unbind(1)
        assert clip.masks[frame, 0, y, x].float().mean() > 0.95
    spread = (tracks.places - tracks.places.mean(0)).norm(dim=2).mean(0)
    assert spread[-1] > 1.1 * spread[0], "they part as it grows"
    lone = object_tracks(clip, 0, centre=True)
    assert torch.equal(lone.places[0], part.clip.tracks[0, :, 0, :2])


def test_what_comes_later_has_its_centre_alone() -> None:
    scene = draw_scene(3, kind="single", motion="moves left")
    late = replace(scene.objects[0], appears=0.3)
    part = part_of(replace(scene, objects=(late,)))
    tracks = object_tracks(seen_clip(part, 0, FPS), 0, centre=False)
    assert len(tracks) == 1
    assert torch.equal(tracks.places[0], lasting_tracks(part.clip)[0, :, 0, :2])
    assert torch.equal(tracks.starts[0], part.clip.tracks[0, 5, 0, :2]), "which gives its colour"
    assert tracks.visible[0].tolist() == [False] * 5 + [True] * 4


@pytest.mark.parametrize("camera", ["pans left", "orbits right", "dollies in"])
def test_points_of_the_floor_move_as_its_pixels_do(camera: str) -> None:
    scene = draw_scene(5, kind="single", motion="stays still", camera=camera)
    part = part_of(scene)
    clip = seen_clip(part, 0, FPS)
    tracks = with_camera(clip, None)
    flow = true_flow([scene], part.clip, fps=FPS)
    x, y = tracks.starts.long().unbind(1)
    floor = part.clip.depth[0, 0, y, x].isfinite() & flow.visible[0, 0, y, x]
    moved = (tracks.places[:, 1] - tracks.places[:, 0])[floor]
    assert floor.sum() > 20
    assert torch.allclose(moved, flow.vectors[0, 0, y, x][floor], atol=0.25)
    assert moved.norm(dim=1).mean() > 0.1


def test_standing_points_fill_up_what_objects_leave_free() -> None:
    clip = seen_clip(part_of(draw_scene(3, kind="single", motion="moves left")), 0, FPS)
    own = object_tracks(clip, 0, centre=False)
    all_of_them = with_camera(clip, own)
    others = all_of_them.places[len(own) :]
    assert torch.equal(all_of_them.places[: len(own)], own.places)
    assert torch.cdist(others[:, 0], own.starts).min() > 2
    assert (others - others[:, :1]).abs().max() < 1e-3, "the camera stands still"


def test_clips_tell_of_all_of_some_and_of_no_objects() -> None:
    scenes = [draw_scene(n, kind="pair") for n in range(24)]
    clip = render(scenes, frames=2, height=SIDE, width=SIDE, fps=FPS)
    part = RenderedPart(scenes, clip)
    pictures = track_pictures(part, FPS)
    assert pictures.shape == (24, 2, SIDE, SIDE, 3)
    assert torch.equal(pictures, track_pictures(part, FPS)), "a scene has one hint"
    shown = (pictures[:, 0].amax(-1) > 0.3).float().mean((1, 2))
    assert (shown > 0.7).sum() >= 4, "the whole picture in some"
    assert (shown < 0.4).sum() >= 4, "objects alone in others"
