"""Tracks as pictures: a disc in its place, in the colour of where it began."""

import pytest
import torch

from spacetime_video.media.fit import Size
from spacetime_video.model_loaders.load import build_vae, read_vae
from spacetime_video.motion import Tracks
from spacetime_video.motion.camera import CameraMove, filled_up, seen_by
from spacetime_video.motion.drawing import colours_of, hint, preview
from spacetime_video.weights import bundled

SIZE = Size(48, 64)


def moving():
    return Tracks.seen(torch.tensor([[[10.5, 12.5], [20.5, 12.5], [30.5, 12.5]],
                                     [[50.5, 40.5], [50.5, 30.5], [50.5, 20.5]]]))  # fmt: skip


def test_a_disc_lies_where_its_point_is_in_the_colour_of_its_start():
    tracks = moving()
    drawn = hint(tracks, SIZE, radius=2)
    colours = colours_of(tracks.starts, SIZE)
    for frame in range(3):
        for track in range(2):
            x, y = tracks.places[track, frame].long().tolist()
            assert torch.allclose(drawn[frame, y, x], colours[track], atol=1e-4)
            assert torch.allclose(drawn[frame, y, x + 2], colours[track] / 2, atol=1e-3)
    assert float(drawn[0, 30:34, 20:30].abs().max()) < 1e-3
    assert torch.allclose(drawn[2].sum((0, 1)), drawn[0].sum((0, 1)), rtol=1e-3)


def test_starting_places_have_colours_of_their_own():
    places = torch.cartesian_prod(torch.linspace(0, 64, 9), torch.linspace(0, 48, 7))
    colours = colours_of(places, SIZE)
    apart = torch.cdist(colours, colours) + torch.eye(len(colours))
    assert float(apart.min()) > 0.1
    assert float(colours.amax(1).min()) >= 0.5


def test_hidden_points_are_not_drawn():
    tracks = moving()
    hidden = Tracks(tracks.places, torch.tensor([[True, False, True], [False] * 3]))
    drawn = hint(hidden, SIZE, radius=2)
    assert [bool(frame.any()) for frame in drawn > 1e-3] == [True, False, True]


def test_a_tail_fades_behind_its_point():
    drawn = hint(moving(), SIZE, radius=2, tail=2)[2, 12].sum(1)
    here, before, first = (float(drawn[x]) for x in (30, 20, 10))
    assert here > before > first > 0.1 * here
    assert float(hint(moving(), SIZE, radius=2, tail=0)[2, 12, 20].sum()) < 1e-3


def test_in_a_loop_the_first_frame_has_a_tail_too():
    tracks = moving()
    loop = hint(tracks, SIZE, radius=2, tail=2, loop=True)
    here, last, before = (float(loop[0, 12, x].sum()) for x in (10, 30, 20))
    assert here > last > before > 0.1 * here
    assert torch.equal(loop[2], hint(tracks, SIZE, radius=2, tail=2)[2])
    longer = hint(tracks, SIZE, radius=2, tail=9, loop=True)
    assert float(longer[0, 12, 20].sum()) > before


def test_the_preview_shows_the_whole_way_over_the_picture():
    pictures = torch.full((1, *SIZE, 3), 0.3)
    shown = preview(moving(), pictures, radius=2)
    assert shown.shape == (3, *SIZE, 3)
    assert torch.allclose(shown[0, 12, 10], colours_of(moving().starts, SIZE)[0], atol=1e-3)
    for x in (20, 30):
        assert float((shown[0, 12, x] - 0.3).abs().max()) > 0.05
    assert torch.allclose(shown[0, 2, 60], pictures[0, 2, 60], atol=1e-3)


def test_the_tiny_vae_keeps_the_discs_of_a_small_picture():
    vae = build_vae(read_vae(next(iter(bundled("vae").values()))))

    def kept(radius):
        drawn = hint(moving(), SIZE, radius=radius)[:1]
        with torch.no_grad():
            decoded = (vae.decode(vae.encode(drawn.movedim(-1, 0)[None] * 2 - 1)) + 1) / 2
        return float(decoded.max() / drawn.max())

    assert kept(0) > 0.75 > kept(1.5)


def test_discs_of_neighbours_stay_apart_so_that_the_tiny_vae_shows_them_move():
    vae = build_vae(read_vae(next(iter(bundled("vae").values()))))
    size = Size(64, 64)
    still = filled_up(None, size, 5)
    move = seen_by(CameraMove(dolly=0.1), still, size)

    def code(tracks, radius):
        drawn = hint(tracks, size, radius=radius)
        with torch.no_grad():
            return vae.encode(drawn.movedim(-1, 0)[None] * 2 - 1)

    def apart(radius):
        there, here = code(move, radius), code(still, radius)
        return float((there - here)[:, :, 1:].std() / here.std())

    assert apart(0) > 0.5 > 2 * apart(6)


def test_discs_only_shrink_beside_others_and_to_half_at_most():
    def widths(*starts):
        tracks = Tracks.seen(torch.tensor(starts)[:, None])
        drawn = hint(tracks, SIZE)[0].sum(2)
        return [float(drawn[int(y) - 16 : int(y) + 17, int(x)].sum() / drawn[int(y), int(x)])
                for x, y in starts]  # fmt: skip

    alone = widths([20.5, 20.5])[0]
    assert widths([10.5, 20.5], [54.5, 20.5]) == pytest.approx([alone, alone], rel=1e-3)
    near = widths([20.5, 20.5], [27.5, 20.5])
    assert near == pytest.approx([alone / 2] * 2, rel=0.1)
