"""Drawn motion from the nodes' side: tracks on wires, and clear words for what does not fit."""

import json

import pytest
import torch

from spacetime_video.media import whole_frames
from spacetime_video.nodes.control.motion import (
    PICTURE_KEY,
    SpacetimeCameraMove,
    SpacetimeDrawMotion,
)
from spacetime_video.nodes.control.motion_tracks import (
    SpacetimeFlowFromTracks,
    SpacetimeShowTracks,
    SpacetimeTracksFromFlow,
)
from spacetime_video.nodes.latent.latents import SpacetimeEmptyVideo
from spacetime_video.nodes.sampling.noise import SpacetimeNoise
from spacetime_video.nodes.sampling.sampling import SpacetimeSample
from spacetime_video.nodes.sampling.warped_noise import SpacetimeWarpedNoise
from spacetime_video.nodes.timeline.drag import SpacetimeDragAndAnimate
from spacetime_video.nodes.timeline.loop import SpacetimeSeamlessLoop
from spacetime_video.nodes.timeline.timeline import SpacetimeDecodeTimeline

SIDE, FRAMES = 64, 9
PATH = '[{"x": 16, "y": 32}, {"x": 40, "y": 32}]'


def square(left, top, side=16, size=SIDE):
    mask = torch.zeros(1, size, size)
    mask[:, top : top + side, left : left + side] = 1
    return mask


MASK = square(8, 24)


def picture(mask=MASK):
    slope = torch.linspace(0.2, 0.4, mask.shape[2]).expand_as(mask)
    return torch.where(mask > 0.5, 1.0, slope)[..., None].repeat(1, 1, 1, 3)


def drawn(mask=MASK, path=PATH, frames=FRAMES, **further):
    return SpacetimeDrawMotion.execute(picture(), mask, path, frames, **further)[0]


def dragged(loaded, tracks, mask=MASK, image=None, **further):
    image = picture() if image is None else image
    return SpacetimeDragAndAnimate.execute(image, tracks, loaded.vae, mask=mask, **further)


def places(tracks):
    return torch.tensor([[[p["x"], p["y"]] for p in track] for track in json.loads(tracks)])


def test_tracks_of_a_thing_go_along_the_path():
    way = places(drawn())
    steps = way.diff(dim=1)
    assert way.shape[1:] == (FRAMES, 2)
    assert torch.allclose(steps, torch.tensor([3.0, 0.0]).expand_as(steps), atol=0.02)


def test_a_painted_path_takes_the_place_of_a_written_one():
    stroke = torch.zeros(1, SIDE, SIDE)
    stroke[:, 10:54, 15:18] = 1
    way = places(drawn(path="", path_mask=stroke))
    moved = way[:, -1] - way[:, 0]
    assert torch.allclose(moved[:, 0], torch.zeros(len(way)), atol=1)
    assert bool((moved[:, 1].abs() > 35).all())


def test_nodes_in_a_row_add_what_moves():
    one = drawn()
    two = drawn(square(40, 4, 8), '[{"x": 0, "y": 0}, {"x": 0, "y": 30}]', tracks=one, frames=17)
    ways = places(two)
    count = len(json.loads(one))
    assert ways.shape[1] == 17
    assert torch.equal(ways[:count, ::2], places(one))
    seen = places(SpacetimeCameraMove.execute(picture(), 17, zoom=2.0, tracks=two)[0])
    assert len(seen) > len(ways)
    assert torch.allclose(seen[: len(ways), -1] - 32, 2 * (ways[:, -1] - 32), atol=0.1)


def test_the_editor_is_told_the_picture_to_draw_on():
    result = SpacetimeDrawMotion.execute(picture(), MASK, PATH, FRAMES)
    assert list(result.ui) == [PICTURE_KEY]


def test_hint_preview_and_flow_have_the_pictures_size():
    hint, preview = SpacetimeShowTracks.execute(drawn(), picture()).args
    assert hint.shape == preview.shape == (FRAMES, SIDE, SIDE, 3)
    flow = SpacetimeFlowFromTracks.execute(drawn(), picture(), MASK)[0]
    assert flow.vectors.shape == (FRAMES - 1, SIDE, SIDE, 2)
    assert flow.vectors[0, 32, 16].tolist() == pytest.approx([3, 0], abs=0.01)
    assert flow.vectors[0, 60, 60].tolist() == [0, 0]


def test_a_hint_goes_by_the_frames_and_pixels_of_its_clip():
    alone = SpacetimeShowTracks.execute(drawn(), picture(), 3.0)[0]

    def over(clip):
        return SpacetimeShowTracks.execute(drawn(), picture(), 3.0, latent=clip)[0]

    assert torch.equal(over(SpacetimeEmptyVideo.execute(SIDE, SIDE, FRAMES, 16.0)[0]), alone)
    longer = over(SpacetimeEmptyVideo.execute(SIDE, SIDE, 13, 16.0)[0])
    assert torch.equal(longer[:FRAMES], alone)
    assert torch.equal(longer[FRAMES:], alone[-1:].expand(4, -1, -1, -1))
    loop = over(SpacetimeSeamlessLoop.execute(SIDE, SIDE, 12, 16.0)[0])
    assert torch.equal(loop, alone[[*range(FRAMES), 0, 1, 2]])
    circle = SpacetimeSeamlessLoop.execute(SIDE, SIDE, 12, 16.0)[0]
    tailed = SpacetimeShowTracks.execute(drawn(frames=12), picture(), 3.0, 2, circle)[0]
    x, y = places(drawn(frames=12))[-1, -1].round().long().tolist()
    assert float(tailed[0, y, x].max()) > 0.2 > 1e-3 > float(tailed[4, y, x].max())
    wide = over(SpacetimeEmptyVideo.execute(2 * SIDE, SIDE, FRAMES, 16.0)[0])
    assert wide.shape == (FRAMES, SIDE, 2 * SIDE, 3)
    coarse = over({"samples": torch.zeros(1, 48, 3, SIDE // 16, SIDE // 16)})
    assert torch.equal(coarse, alone), "of Wan 2.2 5B"
    with pytest.raises(ValueError, match="is not a video latent"):
        over({"samples": torch.zeros(1, 4, 8, 8)})


def test_tracks_of_a_flow_are_those_it_was_made_of():
    flow = SpacetimeFlowFromTracks.execute(drawn(), picture(), MASK)[0]
    ways = places(SpacetimeTracksFromFlow.execute(flow, square(12, 28, 8))[0])
    assert ways.shape[1] == FRAMES
    assert torch.allclose(ways[:, -1] - ways[:, 0], torch.tensor([24.0, 0.0]), atol=0.1)
    assert len(places(SpacetimeTracksFromFlow.execute(flow)[0])) == 36


def test_a_depth_map_moves_near_things_more():
    depth = picture(square(8, 24)).clone()
    tracks = SpacetimeCameraMove.execute(picture(), FRAMES, orbit=10.0, depth=depth)[0]
    moved = places(tracks)[:, -1, 0] - places(tracks)[:, 0, 0]
    near = depth[0, places(tracks)[:, 0, 1].long(), places(tracks)[:, 0, 0].long(), 0] > 0.9
    assert float(moved[near].max()) < 0 < float(moved[~near].median())


def test_the_first_frame_is_given_and_what_moves_has_the_lower_ceiling(loaded):
    latent, rough, moving = dragged(loaded, drawn(), strength=0.6, strength_around=0.9).args
    assert rough.shape == (FRAMES, SIDE, SIDE, 3)
    assert torch.equal(moving[-1] > 0.5, square(32, 24)[0] > 0.5)
    ceiling = latent["noise_ceiling"][0, 0]
    assert ceiling.shape == (3, 8, 8)
    assert float(ceiling[0].max()) == 0
    expected = torch.full((2, 8, 8), 0.9)
    expected[0, 2:6, :4] = 0.6  # frames 1 to 4: from x = 11 to 36, rows 24 to 40
    expected[0, 2:6, 4:6] = 0.6
    expected[1, 2:6, 2:6] = 0.6  # frames 5 to 8: from x = 23 to 48
    assert torch.equal(ceiling[1:], expected)


def test_a_picture_that_is_cut_takes_its_tracks_along(loaded):
    wide = torch.nn.functional.pad(picture().movedim(3, 1), (4, 4)).movedim(1, 3)
    mask = torch.nn.functional.pad(MASK, (4, 4))
    shifted = json.dumps(
        [[{"x": p["x"] + 4, "y": p["y"]} for p in track] for track in json.loads(drawn())]
    )
    whole, cut = dragged(loaded, drawn()), dragged(loaded, shifted, mask, wide)
    assert torch.equal(whole[2], cut[2])
    there = whole[2] > 0.5
    assert torch.allclose(whole[1][there], cut[1][there], atol=1e-4)


def test_the_sampled_clip_keeps_the_first_frame_and_its_length(bench):
    latent = dragged(bench.models, drawn(frames=8))[0]
    sampled = bench.sample(latent)
    frames = whole_frames(SpacetimeDecodeTimeline.execute(sampled, bench.models.vae)[0])
    assert frames.shape == (8, SIDE, SIDE, 3)
    assert torch.equal(frames[0], picture()[0])


def test_strength_0_gives_the_rough_animation_back(bench):
    latent, rough, _ = dragged(bench.models, drawn(), strength=0.0, strength_around=0.0).args
    sampled = bench.sample(latent)
    frames = whole_frames(SpacetimeDecodeTimeline.execute(sampled, bench.models.vae)[0])
    assert torch.equal(frames, rough)


def test_warped_noise_samples_and_plain_noise_is_its_end(bench):
    flow = SpacetimeFlowFromTracks.execute(drawn(), picture(), MASK)[0]
    guider, _, sampler, sigmas = bench.parts()
    empty = SpacetimeEmptyVideo.execute(SIDE, SIDE, FRAMES, 16.0)[0]

    def made(noise):
        return SpacetimeSample.execute(guider, noise, sampler, sigmas, empty)[0]["samples"]

    plain = made(SpacetimeNoise.execute(4)[0])
    assert torch.equal(made(SpacetimeWarpedNoise.execute(3, flow, 1.0)[0]), plain)
    warped = made(SpacetimeWarpedNoise.execute(3, flow)[0])
    assert not torch.equal(warped, made(SpacetimeNoise.execute(3)[0]))
    with_vae = SpacetimeWarpedNoise.execute(3, flow, 0.0, bench.models.vae)[0]
    assert torch.equal(made(with_vae), warped)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"path": " "}, "no path is drawn: drag over the image"),
        ({"path": "[[1]]"}, "point 0 of track 0"),
        ({"path": f"[{PATH}, {PATH}]"}, "2 paths for one object"),
        ({"mask": torch.zeros(1, 8, 8)}, "no pixel of mask is above 0.5"),
        ({"mask": torch.ones(1, 8, 8)}, "mask has 8x8 pixels, but the image has 64x64"),
        ({"path_mask": torch.zeros(1, SIDE, SIDE)}, "no pixel of path_mask"),
        ({"tracks": "?"}, "the tracks are not JSON"),
        ({"easing": "bounce"}, "unknown easing 'bounce'"),
    ],
)
def test_what_does_not_fit_is_told(change, message):
    with pytest.raises(ValueError, match=message):
        drawn(**change)


def test_values_are_checked_before_the_graph_runs():
    check = SpacetimeDrawMotion.validate_inputs
    assert [check(text) for text in (None, "", PATH)] == [True] * 3
    assert "not JSON" in check("20, 40")
    assert SpacetimeCameraMove.validate_inputs(0.0, None) is True
    assert SpacetimeCameraMove.validate_inputs(0.0, 0.5) is True
    assert "an end that comes after the start" in SpacetimeCameraMove.validate_inputs(0.5, 0.5)


def test_depth_of_another_picture_is_told():
    with pytest.raises(ValueError, match="a depth map of 8x8 for an image of 64x64"):
        SpacetimeCameraMove.execute(picture(), FRAMES, depth=torch.ones(1, 8, 8, 3))
