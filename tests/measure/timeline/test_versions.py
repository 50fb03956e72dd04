"""Versions of cases become the columns of a table, also where the measurement is interrupted."""

import pytest
import torch

from spacetime_video.measure.cases import BATCH
from spacetime_video.measure.readers import Readers
from spacetime_video.measure.stopping import Stopped
from spacetime_video.measure.timeline.cases import travelling
from spacetime_video.measure.timeline.versions import share_of, table_of_versions

CASES = travelling(0, BATCH + 1, 5)


def make(batch):
    ones = torch.ones(len(batch), 5, 2, 2, 3)
    return {"own": ones, "none": 0 * ones}, [case.seed for case in batch]


def look(clips, seed):
    assert clips.shape == (2, 5, 2, 2, 3)
    return [bool(clip.any()) and seed > 0 for clip in clips]


def measured(looking):
    seen = []
    column = {"lit": share_of}

    def figures(found):
        return {name: figure(found) for name, figure in column.items()}

    def follow(batch, clips):
        assert clips.all()
        seen.append(len(batch))

    table = table_of_versions("lamps", CASES, make, looking, figures, Readers(1), follow)
    return table, seen


def test_every_version_is_a_column():
    table, seen = measured(look)
    assert seen == [BATCH, 1]
    assert table.name == "timeline: lamps"
    assert table.rows == {"lit": {"own": (BATCH, BATCH + 1), "none": (0, BATCH + 1)}}


def test_an_interrupted_table_has_the_batches_before():
    def interrupted(clips, seed):
        if seed == BATCH:
            raise KeyboardInterrupt
        return look(clips, seed)

    with pytest.raises(Stopped) as stopped:
        measured(interrupted)
    assert stopped.value.table.rows["lit"]["own"] == (BATCH - 1, BATCH)
