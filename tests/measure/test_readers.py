"""Clips are judged alike in this process and in others."""

import pytest
import torch

from spacetime_video.measure.cases import HELD_OUT, SQUARE, cases, true_clips
from spacetime_video.measure.readers import Readers
from spacetime_video.measure.views import CLIP
from spacetime_video.toyworld import parse_caption


def test_the_number_of_processes_changes_no_verdict():
    chosen = cases(HELD_OUT, 3, "single", SQUARE)
    wanted = [parse_caption(case.prompt) for case in chosen]
    asked = [(own, wanted[0]) for own in wanted]
    clips = list(true_clips(chosen).video)
    threads = torch.get_num_threads()
    with Readers(1) as one, Readers(2) as two:
        verdicts = one.judge(CLIP, clips, asked)
        assert two.judge(CLIP, clips, asked) == verdicts
    assert torch.get_num_threads() == threads
    assert all(own["all"] for own, _ in verdicts)
    assert verdicts[0][0] == verdicts[0][1]
    assert not verdicts[1][1]["all"]
    with pytest.raises(ValueError, match="use at least 1"):
        Readers(0)
