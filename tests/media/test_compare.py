"""Grids of videos: places, sizes, lengths, and labels that can be read."""

from itertools import pairwise

import pytest
import torch

from spacetime_video.media.compare import CHUNK, LETTER, GridStyle, video_grid

PLAIN = GridStyle(scale=1)
GAP = 4


def flat(value, frames=1, height=8, width=8):
    return torch.full((frames, height, width, 3), value)


def test_videos_lie_row_by_row_pixel_by_pixel():
    videos = [torch.rand(2, 8, 10, 3, generator=torch.Generator().manual_seed(n)) for n in range(5)]
    made = video_grid(videos, style=GridStyle(columns=3, scale=2))
    assert made.shape == (2, 2 * 16 + GAP, 3 * 20 + 2 * GAP, 3)
    for index, video in enumerate(videos):
        top, left = index // 3 * (16 + GAP), index % 3 * (20 + GAP)
        cell = made[:, top : top + 16, left : left + 20]
        for row in (0, 1):
            assert torch.equal(cell[:, row::2, row::2], video)


@pytest.mark.parametrize(
    ("count", "columns"), [(1, 1), (2, 2), (3, 3), (4, 2), (5, 3), (6, 3), (7, 3), (9, 3)]
)
def test_columns_that_nobody_chose(count, columns):
    made = video_grid([flat(0.5)] * count, style=PLAIN)
    assert made.shape[2] == columns * 8 + (columns - 1) * GAP


def test_a_shorter_clip_holds_its_last_frame():
    short = torch.stack([flat(0.1)[0], flat(0.9)[0]])
    made = video_grid([flat(0.5, frames=4), short], style=PLAIN)
    assert made[:, 0, -1, 0].tolist() == pytest.approx([0.1, 0.9, 0.9, 0.9])


def test_another_size_is_fitted_between_bars():
    made = video_grid([flat(0.5, height=16, width=16), flat(0.8, height=4, width=8)], style=PLAIN)
    cell = made[0, :, 20:, 0]
    assert torch.allclose(cell[4:12], torch.tensor(0.8))
    assert not cell[:4].any()
    assert not cell[12:].any()


def test_sides_are_even():
    assert video_grid([flat(0.5, height=7, width=9)], style=PLAIN).shape == (1, 8, 10, 3)


@pytest.mark.parametrize(("width", "scale"), [(16, 10), (64, 3), (159, 2), (160, 1), (832, 1)])
def test_small_videos_are_enlarged_for_their_labels(width, scale):
    made = video_grid([flat(0.5, width=width)], ["euler"])
    assert made.shape[2] == width * scale + width * scale % 2


def test_labels_stand_above_their_videos_and_differ():
    made = video_grid([flat(0.5, height=64, width=64)] * 3, ["euler", "", "heun"])
    above = made.shape[1] - 192
    assert above >= LETTER
    euler, none, heun = (made[0, :above, left : left + 192] for left in (0, 196, 392))
    assert none.min() == none.max()
    for label in (euler, heun):
        assert label.amax() > 0.9  # light letters on a dark ground
        rows = (label[..., 0] > 0.5).any(1).nonzero()
        assert 7 <= rows.max() - rows.min() < LETTER
    assert not torch.equal(euler, heun)
    assert torch.equal(made[0, above:, :192], flat(0.5, height=192, width=192)[0])


def test_a_long_label_is_broken_and_whole():
    short, long = (
        video_grid([flat(0.5, height=64, width=64)], [text])
        for text in ("dpmpp_2m_sde", "dpmpp_2m_sde " * 4 + "WithoutAnyBlankInIt" * 3)
    )
    ink = [(made[0, : made.shape[1] - 192] > 0.5).sum() for made in (short, long)]
    assert long.shape[1] >= short.shape[1] + 4 * LETTER
    assert ink[1] > 6 * ink[0]


def test_without_letters_there_are_no_labels():
    assert video_grid([flat(0.5)], [" "], PLAIN).shape == (1, 8, 8, 3)


def test_what_is_no_video_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        video_grid([])
    with pytest.raises(ValueError, match=r"\(0, 8, 8, 3\)"):
        video_grid([flat(0.5, frames=0)])
    with pytest.raises(ValueError, match="use 0 or more"):
        GridStyle(columns=-1)


def test_drawing_is_told_of_and_can_be_stopped():
    told = []
    video_grid([torch.rand(20, 8, 8, 3), torch.rand(3, 8, 8, 3)], tick=told.append)
    assert told[-1] == 23
    assert max(later - earlier for earlier, later in pairwise(told)) <= CHUNK

    def stop(done):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        video_grid([torch.rand(20, 8, 8, 3)], tick=stop)
