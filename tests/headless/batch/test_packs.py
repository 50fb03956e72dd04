"""Which jobs of a batch are computed together."""

from itertools import product

import pytest

from spacetime_video.headless.batch.job import BatchJob
from spacetime_video.headless.batch.packs import MOST_LOOKED_AT, MOST_TOKENS, packs_of

GRAPH = {"1": {}}


def job(number, *assignments, workflow=GRAPH):
    return BatchJob(
        id=str(number), name=str(number), source="", workflow=workflow, assignments=assignments
    )


def ids(groups):
    return [[each.id for each in group] for group in groups]


def seeds(count):
    return [job(number, f"Noise.seed={number}") for number in range(count)]


@pytest.mark.parametrize(
    ("tokens", "pack", "sizes"),
    [
        (MOST_TOKENS // 4, 0, [3, 3, 4]),
        (MOST_TOKENS, 0, [1] * 10),
        (MOST_TOKENS * 9, 0, [1] * 10),
        (1, 0, [10]),
        (0, 0, [1] * 10),
        (0, 4, [1] * 10),
        (MOST_TOKENS * 9, 4, [3, 3, 4]),
        (1, 1, [1] * 10),
    ],
)
def test_groups_are_as_large_as_it_pays(tokens, pack, sizes):
    groups = packs_of(seeds(10), pack, lambda job: tokens)
    assert [len(group) for group in groups] == sizes
    assert [each.id for group in groups for each in group] == list("0123456789")


def test_only_seeds_and_texts_differ_in_a_group():
    ways = list(product((1, 2), "ab", ("euler", "heun"), (8, 16)))
    given = [
        job(
            number, f"Noise.seed={seed}", f"P.text={text}", f"S.solver={solver}", f"E.width={width}"
        )
        for number, (seed, text, solver, width) in enumerate(ways)
    ]
    given += [job("other", "Noise.seed=1", "P.text=a", workflow={"2": {}})]
    groups = packs_of(given, 0, lambda job: 1)
    kinds = [{ways[int(each)][2:] for each in group if each != "other"} for group in ids(groups)]
    assert sorted(len(group) for group in groups) == [1, 4, 4, 4, 4]
    assert all(len(kind) <= 1 for kind in kinds)
    assert ["other"] in ids(groups)


def test_few_jobs_are_looked_at():
    looked = []
    kinds = [job(f"{kind}-{seed}", f"S.steps={kind}", f"N.seed={seed}") for kind in range(30)
             for seed in range(2 if kind else 1)]  # fmt: skip

    def tokens_of(job):
        looked.append(job.id)
        return 1

    groups = packs_of(kinds, 0, tokens_of)
    assert len(looked) == MOST_LOOKED_AT
    assert sorted(len(group) for group in groups) == [1] * (1 + 2 * 9) + [2] * MOST_LOOKED_AT
    assert packs_of(kinds, 1, tokens_of) == [(each,) for each in kinds]
    assert len(looked) == MOST_LOOKED_AT
