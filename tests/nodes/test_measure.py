"""Measure Video: joins from text or a timeline, an object's path from masks, refusals."""

import json

import pytest
import torch

from spacetime_video.models.shapes import VideoShape
from spacetime_video.nodes.video.measure import SpacetimeMeasureVideo
from spacetime_video.timeline import TIMELINE_KEY, Piece, Timeline

FRAMES = 33


def video(places):
    """A soft disc at some column of a still picture, in each frame (F, 32, 72, 3)."""
    rows, columns = torch.arange(32.0)[:, None], torch.arange(72.0)
    away = ((rows - 16) ** 2 + (columns - torch.tensor(places)[:, None, None]) ** 2).sqrt()
    disc = (6 - away).clamp(0, 1)
    picture = 0.4 + 0.1 * torch.sin(rows / 3) * torch.cos(columns / 4)
    frames = (1 - disc) * picture + disc * 0.9
    return frames[..., None].repeat(1, 1, 1, 3), disc


GOING = [10 + 1.1 * frame for frame in range(FRAMES + 9)]
CLIP, MASK = video(GOING[:FRAMES])
JUMPING, JUMPING_MASK = video(GOING[:17] + GOING[25 : FRAMES + 8])
TURNING, TURNING_MASK = video(GOING[:17] + GOING[15::-1])


def measured(images, **inputs):
    made = SpacetimeMeasureVideo.execute(images, **inputs)
    return json.loads(made[1]), made


def test_a_seam_fails_and_its_absence_passes():
    told, made = measured(CLIP, joins="17")
    assert made[2] is told["passed"] is True
    assert made[0].shape == (1, 1200, 960, 3)
    assert made.ui is not None
    told, made = measured(JUMPING, joins="17")
    assert made[2] is told["passed"] is False
    assert told["joins"][0]["frame"] == 17
    assert measured(JUMPING)[1][2] is True


def test_transparency_is_not_looked_at():
    clear = torch.cat([CLIP, torch.rand(*CLIP.shape[:3], 1)], dim=3)
    assert measured(clear, joins="17")[0] == measured(CLIP, joins="17")[0]


def test_masks_tell_where_an_object_goes():
    told, _ = measured(TURNING, joins="17", object_mask=TURNING_MASK)
    assert {"position", "velocity"} <= set(told["joins"][0]["failed"])
    assert told["left out"] == []
    assert measured(CLIP, joins="17", object_mask=MASK)[1][2] is True


def test_parts_alternate_from_the_first_one_on():
    before, _ = measured(JUMPING, joins="17", first_part="given")
    after, _ = measured(JUMPING, joins="17", first_part="made")
    assert before["joins"] != after["joins"]


def test_a_latent_says_where_joins_are():
    pieces = (Piece(CLIP[:17]),)
    timeline = Timeline(VideoShape(FRAMES, 32, 72), 16.0, 9, pieces=pieces)
    told, _ = measured(JUMPING, latent={TIMELINE_KEY: timeline})
    assert [join["frame"] for join in told["joins"]] == [17]
    told, _ = measured(JUMPING, latent={TIMELINE_KEY: timeline}, joins="9")
    assert [join["frame"] for join in told["joins"]] == [9]
    with pytest.raises(ValueError, match="32 frames, but the timeline of the latent has 33"):
        measured(JUMPING[:32], latent={TIMELINE_KEY: timeline})


def test_loops_are_asked_for():
    assert measured(CLIP)[0]["loop"] is None
    told, made = measured(CLIP, loop=True)
    assert told["loop"]["passed"] is made[2] is False


def test_a_latent_says_that_it_is_a_loop():
    assert measured(CLIP, latent={"loop": True})[0] == measured(CLIP, loop=True)[0]


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        ({"joins": "17, x"}, "'x' is not a number"),
        ({"joins": "0"}, "frame 0 cannot be a join"),
        ({"joins": "40"}, "joins at the frames 40 of 33"),
        ({"joins": "17", "first_part": "real"}, "unknown first part 'real': choose given or made"),
        ({"latent": {}}, "connect the one that goes to Decode Timeline"),
        ({"object_mask": MASK[:1]}, "1 object masks for 33 frames"),
    ],
)
def test_wrong_inputs_are_refused(inputs, told):
    with pytest.raises(ValueError, match=told):
        measured(CLIP, **inputs)


def test_joins_are_read_before_the_run():
    refused = SpacetimeMeasureVideo.validate_inputs("17, x", "given")
    assert "'x' is not a number" in refused
    assert SpacetimeMeasureVideo.validate_inputs("17", "given") is True
    assert SpacetimeMeasureVideo.validate_inputs(None, "given") is True
