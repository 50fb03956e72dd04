"""Chunks of a long clip: everything is made once, beside what is there by then."""

from itertools import product

import pytest

from spacetime_video.timeline.chunks import Chunk, ChunkPlan

GIVEN = {
    "nothing": lambda at, whole: False,
    "the beginning": lambda at, whole: at < 3,
    "the end": lambda at, whole: at >= whole - 2,
    "both ends": lambda at, whole: at < 2 or at >= whole - 3,
    "keyframes": lambda at, whole: at % 11 == 5,
}


@pytest.mark.parametrize("given", GIVEN.values(), ids=GIVEN.keys())
def test_everything_is_made_once_beside_what_is_there(given) -> None:
    for whole, length, context, anchor in product(
        (1, 2, 4, 9, 10, 40, 241), (5, 9, 13), (1, 2, 3), (True, False)
    ):
        free = [not given(frame, whole) for frame in range(whole)]
        there = {frame for frame in range(whole) if not free[frame]}
        chunks = ChunkPlan(length=length, context=context, anchor=anchor).chunks(free)
        for chunk in chunks:
            assert not there & set(chunk.made), "made once"
            beside = [frame for frame in chunk.shown if frame not in chunk.made]
            unknown = [frame for frame in beside if frame not in there]
            assert unknown == ([] if chunk.lead is None else [chunk.lead])
            assert len(chunk.shown) <= length + (length == context + anchor + 1)
            assert list(chunk.shown) == sorted(set(chunk.shown))
            if there and not unknown:
                assert beside, "something given is in view"
            there |= set(chunk.made)
        assert there == set(range(whole))


def test_the_first_frame_stays_in_view() -> None:
    chunks = ChunkPlan(length=9, context=2).chunks([False] + [True] * 30)
    assert all(chunk.shown[0] == 0 for chunk in chunks)
    assert chunks[1] == Chunk((0, 7, 8, *chunks[1].made), chunks[1].made)


def test_runs_are_about_as_long() -> None:
    chunks = ChunkPlan(length=9, context=2, anchor=False).chunks([False] * 3 + [True] * 15)
    assert [len(chunk.made) for chunk in chunks] == [5, 5, 5]


KEYFRAMES = {
    "in the middle": (5,),
    "at the end": (39,),
    "side by side": (10, 11),
    "after what is given": (2,),
    "often": (4, 12, 13, 25, 30),
}


@pytest.mark.parametrize("keyframes", KEYFRAMES.values(), ids=KEYFRAMES.keys())
def test_a_keyframe_is_made_by_the_run_that_leads_into_it(keyframes) -> None:
    for length, context, anchor, given in product((5, 9, 13), (1, 2, 3), (True, False), (0, 2)):
        free = [frame >= given for frame in range(40)]
        chunks = ChunkPlan(length=length, context=context, anchor=anchor).chunks(free, keyframes)
        made = [frame for chunk in chunks for frame in chunk.made]
        assert sorted(made) == list(range(given, 40)), "made once"
        there = set(range(given))
        for chunk in chunks:
            new = {*chunk.made, chunk.lead}
            assert {*chunk.shown} - new <= there, "the rest is there"
            assert len(chunk.shown) <= length + (length == context + anchor + 1)
            there |= {*chunk.made}
        for frame in keyframes:
            if frame > given and frame - 1 not in keyframes:
                assert any({frame - 1, frame} <= {*chunk.made} for chunk in chunks), frame


def test_the_last_run_of_a_gap_sees_both_sides() -> None:
    free = [False, False, *[True] * 20, False, False]
    last = ChunkPlan(length=9, context=2).chunks(free)[-1]
    assert last.shown[-2:] == (22, 23)


@pytest.mark.parametrize("anchor", [True, False])
def test_no_room_is_refused(anchor) -> None:
    """Backward a run has one latent frame that is thrown away."""
    with pytest.raises(ValueError, match="use longer chunks or less context"):
        ChunkPlan(length=3, context=2, anchor=anchor)
