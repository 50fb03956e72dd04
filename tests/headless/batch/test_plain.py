"""Jobs of plain workflow files."""

import pytest

from spacetime_video.headless.batch.plain import MOST_SEEDS, JobOptions, jobs_of, parse_seeds
from spacetime_video.headless.engine import standalone_registry

from ..conftest import node


@pytest.mark.parametrize(
    ("text", "seeds"),
    [("", []), ("7", [7]), ("1-3", [1, 2, 3]), ("9, 1-3,2-4", [9, 1, 2, 3, 4])],
)
def test_seeds(text, seeds):
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize("text", ["a", "3-1", "1-", "1,,2", "-1", f"0-{MOST_SEEDS}"])
def test_wrong_seeds(text):
    with pytest.raises(ValueError, match=f"--seeds {text}"):
        parse_seeds(text)


def test_each_workflow_with_each_seed(standalone, write, graph):
    registry = standalone_registry(standalone)
    first, second = write(graph, "a.json"), write(graph, "b.json")
    given = JobOptions(workflows=(first, second, first), assignments=("Size.fps=9",), seeds="5-6")
    jobs = jobs_of(given, registry)
    assert [job.id for job in jobs] == [f"{number:05}" for number in range(1, 7)]
    assert [job.name for job in jobs] == ["a_1", "a_2", "b_1", "b_2", "a-2_1", "a-2_2"]
    assert [job.assignments for job in jobs[:2]] == [
        ("Size.fps=9", "9.seed=5"), ("Size.fps=9", "9.seed=6")
    ]  # fmt: skip
    assert jobs[2].source == str(second)


@pytest.mark.parametrize("count", [0, 2])
def test_a_graph_without_one_seed_is_refused(standalone, write, graph, count):
    if count:
        graph["20"] = node("RandomNoise", noise_seed=3)
    else:
        del graph["9"]
    with pytest.raises(ValueError, match=rf"has {count} inputs that are seeds.*it has: ") as told:
        jobs_of(JobOptions(workflows=(write(graph),), seeds="1"), standalone_registry(standalone))
    assert ("20.noise_seed (RandomNoise)" in str(told.value)) == bool(count)
