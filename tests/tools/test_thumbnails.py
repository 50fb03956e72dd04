"""Pictures of clips for the template browser."""

import pytest
import torch

from spacetime_video.tools.thumbnails import TILE, thumbnail


def clip(frames, height=64, width=64):
    return torch.linspace(0, 1, frames)[:, None, None, None].expand(frames, height, width, 3)


def test_a_clip_is_six_frames_in_two_rows():
    picture = thumbnail([clip(17)])
    assert picture.shape == (2 * TILE, 3 * TILE, 3)
    corners = picture[::TILE, ::TILE, 0].flatten()
    assert torch.equal(corners, corners.sort().values)
    assert (corners[0], corners[-1]) == (0, 1)


def test_several_clips_are_a_row_each():
    assert thumbnail([clip(17), clip(17), clip(17)]).shape == (3 * TILE, 3 * TILE, 3)


def test_an_image_is_shown_as_it_is():
    assert thumbnail([clip(1, 64, 96)]).shape == (TILE * 2 // 3, TILE, 3)


def test_nothing_cannot_be_shown():
    with pytest.raises(ValueError, match="saved no image"):
        thumbnail([])
