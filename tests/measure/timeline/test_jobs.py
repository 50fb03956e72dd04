"""What is given, where joins lie, and that parts are made in chunks that leave the rest alone."""

import torch

from spacetime_video.measure.timeline.cases import looping, travelling
from spacetime_video.measure.timeline.jobs import JOBS, LONG
from spacetime_video.models.shapes import WAN_COMPRESSION

JOINS = {
    "animate": {1: "joins into the generated part"},
    "connect": {5: "joins into the generated part", 25: "joins into the given part"},
    "forward": {
        17: "joins into the generated part",
        **dict.fromkeys((29, 41, 53), "joins between chunks"),
        **dict.fromkeys((21, 33, 45, 57), "no joins, within chunks"),
    },
    "backward": {
        **dict.fromkeys((9, 17, 25, 33, 41), "joins between chunks"),
        **dict.fromkeys((13, 21, 29, 37, 45), "no joins, within chunks"),
        49: "joins into the given part",
    },
}


class Counter:
    """Makes latents that tell in which run they were made, from -1 on; given ones are above 0."""

    def __init__(self):
        self.chunks = []

    def hold(self, cases, prompts, given, known, *, first_frame):
        frames = known[0, :, 0, 0].tolist()
        self.chunks.append((first_frame, frames))
        return torch.full_like(given, -float(len(self.chunks)))


def made(name):
    job, maker = JOBS[name](2), Counter()
    latents = torch.zeros(2, 16, len(job.given), 2, 2)
    latents[:, :, job.given] = 1.0
    result = job.make(maker, job.cases, latents, job.given)
    assert torch.equal(result[:, :, job.given], latents[:, :, job.given])
    return job, maker.chunks, result[0, 0, :, 0, 0].tolist()


def test_joins_lie_where_parts_and_chunks_meet():
    for name, joins in JOINS.items():
        job = JOBS[name](2)
        assert job.joins(WAN_COMPRESSION) == joins
        given = job.given_frames(WAN_COMPRESSION)
        assert len(given) == job.cases[0].shape.frames == job.others[0].shape.frames


def test_chunks_go_on_from_what_is_there():
    _, chunks, result = made("forward")
    starts = [first for first, _ in chunks]
    assert starts == [3, 6, 9, 12]
    assert all(known == [True] * 2 + [False] * 3 for _, known in chunks)
    assert result == [1.0] * 5 + [float(-run) for run in (1, 2, 3, 4) for _ in range(3)]


def test_the_first_latent_of_an_earlier_chunk_is_made_again():
    _, chunks, result = made("backward")
    assert [first for first, _ in chunks] == [10, 8, 6, 4, 2, 0]
    assert result[:5] == [-6.0, -6.0, -6.0, -5.0, -5.0]
    assert result[LONG - 4 :] == [1.0] * 4


def test_a_gap_is_filled_in_one_run():
    job, chunks, result = made("connect")
    assert chunks == [(0, job.given.tolist())]
    assert [value < 0 for value in result] == [not given for given in job.given.tolist()]


def test_cases_travel_and_share_no_scene():
    motions = [case.scene.objects[0].motion for case in travelling(0, 3, 33)]
    assert motions == ["moves left", "moves right", "rolls"]
    groups = [travelling(group, 3, 33) for group in (0, 1, 5, 20)] + [looping(10, 3, 32)]
    seeds = [case.scene.seed for group in groups for case in group]
    assert len(set(seeds)) == len(seeds)
    alike = travelling(22, 3, 33, setting_of=20)
    settings = [case.scene.setting for case in travelling(20, 3, 33)]
    assert [case.scene.setting for case in alike] == settings
