"""Tracks as text and as points: what goes in comes out, and what cannot be read is told."""

import json

import pytest
import torch

from spacetime_video.media.fit import Size
from spacetime_video.motion import Tracks, read_tracks, write_tracks

SIZE = Size(48, 64)


def text(*tracks):
    return json.dumps([[{"x": x, "y": y} for x, y in track] for track in tracks])


def read(*tracks):
    return read_tracks(text(*tracks), SIZE)


def test_text_comes_back_as_it_was():
    tracks = read([(3, 4), (5.25, 6.5)], [(60, 2), (70, -3)])
    hidden = Tracks(tracks.places, torch.tensor([[True, False], [True, True]]))
    again = read_tracks(write_tracks(hidden), SIZE)
    assert torch.equal(again.places, tracks.places)
    assert torch.equal(again.visible, hidden.visible)
    assert json.loads(write_tracks(tracks))[0] == [{"x": 3.0, "y": 4.0}, {"x": 5.25, "y": 6.5}]


def test_what_other_packs_write_is_read():
    one = read_tracks("[{'x': 3, 'y': 4}, {'x': 5, 'y': 4}]", SIZE)
    assert one.places.tolist() == [[[3, 4], [5, 4]]]
    shares = read([(0, 0.5), (1, 0.25)])
    assert shares.places.tolist() == [[[0, 24], [64, 12]]]
    assert read([(0, 0.5), (1, 2)]).places.tolist() == [[[0, 0.5], [1, 2]]]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("  ", "no tracks: connect Draw Motion"),
        ("[[{", "not JSON .*line 1"),
        ("{}", "not a list of tracks"),
        ("[]", "not a list of tracks"),
        ("[3]", "track 0 is not a list of points"),
        ("[[]]", "track 0 is not a list of points"),
        ('[[{"x": 1, "y": 2}], [{"x": 1, "y": 2}, {"x": 1, "y": 2}]]', "track 1 has 2 points"),
        ('[[{"x": 1}]]', r'point 0 of track 0 is {"x": 1}: write'),
        ('[[{"x": 1, "y": NaN}]]', "point 0 of track 0"),
        ('[[{"x": 1, "y": true}]]', "point 0 of track 0"),
        ('[[{"x": 1, "y": 2}, null]]', 'point 1 of track 0 is missing: .*"visible": false'),
        ("[[[1, 2]]]", r"point 0 of track 0 is \[1, 2\]"),
    ],
)
def test_what_cannot_be_read_is_told(wrong, message):
    with pytest.raises(ValueError, match=message):
        read_tracks(wrong, SIZE)


def test_another_number_of_frames_goes_the_same_way():
    tracks = read([(0, 0), (8, 0), (8, 4)])
    slow = tracks.resampled(5)
    assert slow.places[0].tolist() == [[0, 0], [4, 0], [8, 0], [8, 2], [8, 4]]
    assert torch.equal(slow.resampled(3).places, tracks.places)
    eased = tracks.resampled(5, "ease in").places[0]
    assert torch.allclose(eased[1], torch.tensor([1.0, 0.0]))
    assert torch.equal(eased[[0, -1]], tracks.places[0, [0, -1]])
    hidden = Tracks(tracks.places, torch.tensor([[True, False, True]]))
    assert hidden.resampled(5).visible.tolist() == [[True, False, False, False, True]]


def test_the_picture_may_get_another_size():
    tracks = read([(16, 12), (32, 24)])
    assert tracks.fitted(SIZE, Size(96, 128)).places.tolist() == [[[32, 24], [64, 48]]]
    assert tracks.fitted(SIZE, Size(48, 32)).places.tolist() == [[[0, 12], [16, 24]]]
    assert tracks.fitted(SIZE, Size(48, 128)).places.tolist() == [[[32, 0], [64, 24]]]


def test_frames_are_absolute():
    tracks = read([(float(frame), 2) for frame in range(4)])
    window = tracks.at(range(2, 6))
    assert window.places[0, :, 0].tolist() == [2, 3, 3, 3]
    assert tracks.at([-1, 0], loop=True).places[0, :, 0].tolist() == [3, 0]
    assert tracks.at(range(2, 6), loop=True).places[0, :, 0].tolist() == [2, 3, 0, 1]


def test_shapes_belong_together():
    with pytest.raises(ValueError, match="at least one of each"):
        Tracks(torch.zeros(0, 3, 2), torch.zeros(0, 3, dtype=torch.bool))
    with pytest.raises(ValueError, match=r"\(tracks, frames, 2\)"):
        Tracks(torch.zeros(2, 3, 2), torch.ones(2, 4, dtype=torch.bool))
