import re
import sys

import pytest

from spacetime_video.headless.batch.jobs.problems import BatchError
from spacetime_video.headless.batch.jobs.sweep import lines_axis
from spacetime_video.headless.batch.jobs.table import table_axis

ROWS = [
    (2, (("Prompt.text", 'red, "big"'), ("Noise.seed", "7")), "one"),
    (4, (("Noise.seed", "8.50"), ("Noise.on", "true")), ""),
]

FORMS = {
    "comma.csv": '\ufeffPrompt.text,Noise.seed,Noise.on,name\r\n"red, ""big""",7,,one\r\n\r\n'
    ",8.50,true,\r\n",
    "semicolon.csv": 'Prompt.text;Noise.seed;Noise.on;name\n"red, ""big""";7;;one\n\n;8.50;true;\n',
    "tab.tsv": "Prompt.text\tNoise.seed\tNoise.on\tname\n"
    '"red, ""big"""\t7\t\tone\n\n\t8.50\ttrue\t\n',
    "rows.jsonl": '\n{"Prompt.text": "red, \\"big\\"", "Noise.seed": 7, "name": "one"}\n\n'
    '{"Noise.seed": "8.50", "Noise.on": true, "Prompt.text": null}\n',
    "rows.yaml": "# jobs\n- {Prompt.text: 'red, \"big\"', Noise.seed: 7, name: one}\n\n- name:\n"
    "  Prompt.text: null\n  Noise.seed: 8.50\n  Noise.on: true\n",
}


@pytest.mark.parametrize("name", FORMS)
def test_every_form_gives_the_same_rows(write, name):
    axis = table_axis(write(name, FORMS[name]))

    named = [(row.values, row.name) for row in axis]
    assert named[1] == ROWS[1][1:]
    assert named[0][1] == "one"
    assert sorted(named[0][0]) == sorted(ROWS[0][1])
    lines = [int(re.search(r"line (\d+)$", row.place)[1]) for row in axis]
    assert lines == [row[0] for row in ROWS]


@pytest.mark.parametrize("letter", ["\u2028", "\x85", "\x0c"])
def test_only_ends_of_lines_end_a_row_or_a_prompt(write, letter):
    text = f"a cube{letter}moves left"

    (row,) = table_axis(write("a.csv", f"Prompt.text,Noise.seed\r\n{text},7\r\n"))
    assert row.values == (("Prompt.text", text), ("Noise.seed", "7"))
    assert row.place.endswith("line 2")
    lines = lines_axis(write("a.txt", f"{text}\r\nanother\n"), "prompt", "--prompts")
    assert [line.values for line in lines] == [(("prompt", text),), (("prompt", "another"),)]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.csv", "A.b,A.c\n1\n2,3\n4,5,6\n", ["line 2: 1 cells for 2", "line 4: 3 cells"]),
        ("a.csv", 'A.b,A.c\n1,"2\n', ["line 2: unexpected end of data"]),
        ("a.csv", "A.b,A.b\n1,2\n", ["line 2: column A.b appears twice"]),
        ("a.csv", "A.b,\n1,2\n", ["line 2: there is a cell in a column without a name"]),
        ("a.csv", "A.b\n", ["has no rows"]),
        ("a.csv", b"A.b\n1\n\xe9t\xe9\n", ["line 3 is not UTF-8"]),
        ("a.xlsx", "", ["expected a file of type .csv, .tsv, .jsonl, .yaml, .yml, got '.xlsx'"]),
        ("a.jsonl", '{"a": 1}\n[1]\n{"a": [1]}\n{"a"\n', ["line 2: expected a JSON object",
         r"line 3, column a: \[1\] is not text", "line 4: "]),
        ("a.jsonl", '{"a": 1, "a": 2}\n', ["line 1: column a appears twice"]),
        ("a.jsonl", '{"workflow": 3}\n', ["line 1, column workflow: expected a file or a graph"]),
        ("a.jsonl", '{"a": ' + "[" * 5000 + "]" * 5000 + "}\n", ["line 1: "]),
        ("a.yaml", "a: 1\n", ["expected a list of jobs"]),
        ("a.yaml", "- a: 1\n- a: [1]\n", ["line 2: expected one text"]),
        ("a.yaml", "- a: {\n", ["while parsing"]),
    ],
)  # fmt: skip
def test_bad_rows(write, name, text, words):
    with pytest.raises(BatchError) as caught:
        table_axis(write(name, text))

    assert len(caught.value.problems) == len(words)
    for problem, expected in zip(caught.value.problems, words, strict=True):
        assert re.search(expected, problem)


def test_yaml_without_its_package(write, monkeypatch):
    monkeypatch.setitem(sys.modules, "yaml", None)

    with pytest.raises(BatchError, match=r'pip install "spacetime-video\[batch\]"'):
        table_axis(write("a.yaml", "- a: 1\n"))
