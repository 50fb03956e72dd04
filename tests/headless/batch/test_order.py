"""Jobs run in an order in which the next one uses what the last one has loaded."""

from itertools import product

from spacetime_video.headless.batch.job import BatchJob
from spacetime_video.headless.batch.order import in_good_order


def job(number, workflow, *assignments):
    return BatchJob(
        id=str(number), name=str(number), source="", workflow=workflow, assignments=assignments
    )


def test_jobs_of_a_workflow_follow_each_other_in_their_order():
    one, other = {"1": {}}, {"1": {}}
    given = [job(number, (one, other)[number % 2]) for number in range(6)]
    assert [each.id for each in in_good_order(given)] == ["0", "2", "4", "1", "3", "5"]


def test_models_change_less_often_than_seeds():
    workflow = {}
    ways = list(product(range(5), "ab", "xyz"))
    given = [
        job(number, workflow, f"Noise.seed={seed}", f"Models.model={model}", f"P.text={text}")
        for number, (seed, model, text) in enumerate(ways)
    ]
    ordered = [ways[int(each.id)] for each in in_good_order(given)]
    assert ordered == sorted(ways, key=lambda way: (way[1], way[2], way[0]))


def test_an_input_that_only_some_set():
    given = [job(0, {}, "A.x=1"), job(1, {}), job(2, {}, "A.x=1", "A.x=2"), job(3, {})]
    assert given[1].workflow is not given[3].workflow
    shared = {}
    given = [job(each.id, shared, *each.assignments) for each in given]
    assert [each.id for each in in_good_order(given)] == ["1", "3", "0", "2"]
