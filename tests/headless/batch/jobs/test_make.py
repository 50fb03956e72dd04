import io
import json
import re
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def sets(jobs):
    return [job.assignments for job in jobs]


def pictures(folder, *names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        Image.fromarray(np.zeros((16, 16, 3), np.uint8)).save(folder / name)


@pytest.fixture
def picture_graph(write, small):
    small["6"] = {"class_type": "LoadImage", "inputs": {"image": "a.png"}}
    small["7"] = {"class_type": "PreviewImage", "inputs": {"images": ["6", 0]}}
    return (write("picture.json", small),)


@pytest.fixture
def stream(monkeypatch):
    def feed(text):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))

    return feed


def test_a_graph_is_a_job(jobs, small):
    (job,) = jobs()

    assert (job.id, job.name, job.assignments) == ("00001", "small_1", ())
    assert job.workflow == small


def test_everything_is_combined_and_the_last_changes_first(jobs):
    made = jobs(sweeps=("Clip.fps=8|12.5",), seeds="1-2,7", assignments=("text=x",))

    assert sets(made) == [
        ("text=x", f"Clip (Toy World).fps={fps}", f"Clip (Toy World).seed={seed}")
        for fps in ("8", "12.5")
        for seed in (1, 2, 7)
    ]
    assert [job.id for job in made] == [f"{number:05}" for number in range(1, 7)]


def test_jobs_know_their_prompts_and_seeds(jobs):
    assert [job.seeds for job in jobs()] == [("3",)], "the graph's own"
    examples = Path(__file__).parents[4] / "example_workflows"
    made = jobs(
        workflows=(examples / "overnight_batch.json",), tables=(examples / "overnight_batch.csv",)
    )
    assert len(made) == 12
    assert made[0].name == "desert/arrival"
    assert made[0].prompts == ("a yellow cone circles at sunset",)
    assert [job.seeds for job in made[:3]] == [("11",), ("12",), ("13",)]
    assert made[7].assignments[2:] == ("Size #frames.frames=33",)


def test_side_by_side(jobs, write):
    prompts = write("prompts.txt", "one\n\n two \r\n")

    made = jobs(sweeps=("Clip.seed=[4, 5]", f"text=@{prompts}"), zipped=True)

    assert sets(made) == [
        ("Clip (Toy World).seed=4", "Words #text.value=one"),
        ("Clip (Toy World).seed=5", "Words #text.value=two"),
    ]


def test_two_graphs_take_the_same_jobs(jobs, small, write):
    first, second = write("first.json", small), write("second.json", small)

    made = jobs(workflows=(first, second), seeds="5,6")

    assert [(job.name, *job.assignments) for job in made] == [
        (f"{name}_{number}", f"Clip (Toy World).seed={seed}")
        for name in ("first", "second")
        for number, seed in enumerate((5, 6), 1)
    ]


def test_values_that_do_not_fit_are_told_at_once_with_their_places(refused, write):
    table = write(
        "rows.csv",
        "Clip.seed,Clip.motion,Clip.fps\n1,any,8\n-1,any,8\n2,flies,8\n3,any,fast\n4,any,0.5\n5,,\n",
    )

    told = refused(tables=(table,), sweeps=("Nothing.here=1|2",))

    expected = [
        ("--sweep Nothing.here, in", 'no node is titled "Nothing"'),
        ("rows.csv line 3: ", "below the minimum 0"),
        ("rows.csv line 4: ", '"flies" is not one of'),
        ("rows.csv line 5: ", '"fast" is not a number'),
        ("rows.csv line 6: ", "below the minimum 1"),
    ]
    for text, (place, words) in zip(told, expected, strict=True):
        assert place in text
        assert words in text


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"workflows": ()}, "no workflow: name graph files"),
        ({"seeds": "1-"}, "write numbers and ranges"),
        ({"seeds": "9-1"}, "9..1 in steps of 1 has no numbers"),
        ({"seeds": "0-99999999"}, "100000000 values, but at most 100000"),
        ({"seeds": "1-1000", "sweeps": ("Clip.fps=1..101",)}, r"101000 jobs \(101 x 1000\)"),
        ({"sweeps": ("Clip.seed=1|2", "clip (toy world).seed=3")}, "seed is set twice"),
        ({"sweeps": ("Clip.seed",)}, "not of the form node.input=value"),
        ({"sweeps": ("Clip.seed=[1, {}]",)}, r"\{\} is not text, a number or a boolean"),
        ({"sweeps": ("Clip.seed=[1, ",)}, "the list is not JSON"),
        ({"sweeps": ("Clip.seed=[]",)}, "the list is empty"),
        ({"sweeps": ("text=@nowhere.txt",)}, "nowhere.txt cannot be read: No such file"),
        ({"each": ("Clip.seed=*.mp4",)}, r"no file matches \*.mp4"),
        ({"assignments": ("Clip.sed=1",)}, 'no input sed .did you mean "seed"'),
        ({"name": "{Clip.seed"}, "a brace is missing"),
        ({"name": "../{graph}"}, "within the output folder"),
        ({"name": "/tmp/{graph}"}, "within the output folder"),
        ({"name": "{Show.source}"}, "has no value of its own: it is fed by a link"),
        ({"name": "{Clip.colr}"}, 'did you mean "colour"'),
        ({"sweeps": ("text=a|b", "Clip.seed=1..3"), "zipped": True}, "got 2 of --sweep text, 3 of"),
        ({"prompts": "self"}, "0 inputs that may be its prompt"),
    ],
)
def test_refusals(refused, write, options, words):
    if options.get("prompts"):
        options = {"prompts": write("prompts.txt", "a red cube")}

    told = refused(**options)

    assert len(told) == 1
    assert re.search(words, told[0])


def test_rows_name_their_graphs(jobs, write, small):
    write("deep/own.json", small)
    rows = write(
        "deep/rows.jsonl", '{"workflow": "own.json", "seed": 1, "name": "a/b"}\n{"seed": 2}'
    )

    first, second = jobs(tables=(rows,))

    assert first.assignments == ("Clip (Toy World).seed=2",)
    assert first.source.endswith("small.json")
    assert (second.name, second.assignments) == ("a/b", ("Clip (Toy World).seed=1",))
    assert second.source.endswith("deep/own.json")


def test_the_input_stream_holds_a_graph_or_jobs(jobs, small, stream, refused):
    stream(json.dumps(small))
    (graph,) = jobs(workflows=(Path("-"),), seeds="7")
    lines = [{"workflow": small, "seed": seed, "name": f"run {seed}"} for seed in (1, 2)]
    stream("\n".join(map(json.dumps, lines)))
    streamed = jobs(workflows=(Path("-"),))
    stream("a graph")
    told = refused(workflows=(Path("-"),))

    assert (graph.name, graph.workflow) == ("graph_1", small)
    assert [job.name for job in streamed] == ["run_1", "run_2"]
    assert streamed[1].assignments == ("Clip (Toy World).seed=2",)
    assert told == ["standard input line 1: Expecting value: line 1 column 1 (char 0)"]


def test_a_folder_of_files(jobs, picture_graph, tmp_path, monkeypatch, refused):
    monkeypatch.chdir(tmp_path)
    pictures(tmp_path / "input", "a.png", "c.png", ".hidden.png")
    pictures(tmp_path / "else where", "b.png")
    (tmp_path / "input/notes.txt").write_text("not a picture")
    elsewhere = str(tmp_path / "else where/b.png")

    own = jobs(workflows=picture_graph, each=("Load Image.image=.",), name="{Load Image.image}")
    away = jobs(workflows=picture_graph, each=("6.image=else where/*.png",), name="{6.image}")
    told = refused(workflows=picture_graph, each=("6.image=*.*",))

    assert [(job.name, *job.assignments) for job in own] == [
        ("a", "Load Image.image=a.png"),
        ("c", "Load Image.image=c.png"),
    ]
    assert [(job.name, *job.assignments) for job in away] == [
        ("b", f"Load Image.image={elsewhere}")
    ]
    assert len(told) == 1
    assert "--each 6.image (notes.txt): " in told[0]


def test_a_file_that_no_job_may_read(jobs, picture_graph, tmp_path, refused):
    pictures(tmp_path, "secret.png")
    pictures(tmp_path / "input", "a.png")

    told = refused(workflows=picture_graph, sweeps=("6.image=a.png|../secret.png|gone.png",))

    assert len(told) == 2
    assert "lies outside" in told[0]
    assert "gone.png" in told[1]


def test_a_graph_that_cannot_run_is_told_once(refused, small, write):
    small["8"] = {"class_type": "VHS_VideoCombine", "inputs": {}}

    told = refused(workflows=(write("odd.json", small),), seeds="1-50")

    assert len(told) == 1
    assert "odd.json: 1 node has an unknown type" in told[0]
    assert "CreateVideo and SaveVideo" in told[0]


def test_nodes_without_inputs_and_with_broken_ones(jobs, refused, small, write):
    del small["4"]["inputs"]
    made = jobs(workflows=(write("none.json", small),), sweeps=("text=a|b",), name="{text}")
    assert [job.name for job in made] == ["a", "b"]
    small["4"]["inputs"] = [1]
    (told,) = refused(workflows=(write("odd.json", small),), sweeps=("text=a|b",), name="{text}")
    assert "odd.json: node #4: its inputs are not an object" in told


def test_several_seeds_are_candidates(refused, small, write):
    small["8"] = {**small["1"], "_meta": {"title": "Other"}}
    graph = write("two.json", small)

    (told,) = refused(workflows=(graph,), seeds="1-3")

    assert '2 inputs that may be its seed ("Clip (Toy World).seed", "Other.seed")' in told
    assert "end the title of its node in #seed" in told


def test_ten_thousand_jobs_are_quick(jobs):
    start = time.perf_counter()
    made = jobs(seeds="1-5000", sweeps=("text=a|b",), name="{text}/{seed}")

    assert len({job.name for job in made}) == 10_000
    assert time.perf_counter() - start < 20
