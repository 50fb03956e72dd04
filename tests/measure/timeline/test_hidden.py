"""Holes that hide half of an object lie between tokens and hide about half of it."""

from spacetime_video.measure.cases import true_clips
from spacetime_video.measure.timeline.hidden import half_hidden_cases, hidden_half


def test_holes_hide_half_of_the_object():
    cases = half_hidden_cases(12)
    clips, breaches = true_clips(cases), []
    for case, masks in zip(cases, clips.masks[:, :, 0], strict=True):
        box, frames = hidden_half(case)
        there = masks[list(frames)]
        inside = there[:, box.top : box.bottom, box.left : box.right].sum() / there.sum()
        if any(side % 16 for side in box) or len(frames) < 6 or not 0.25 <= inside <= 0.85:
            breaches.append((case.seed, box, frames, float(inside)))
    assert breaches == []
    assert len({hidden_half(case).box for case in cases}) > 3
