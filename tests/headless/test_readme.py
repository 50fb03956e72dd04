"""The commands of the README run, and the options that the pages name exist."""

import csv
import re
import shlex
import shutil
from pathlib import Path

import pytest
import typer.main

from spacetime_video.headless.cli import app

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("README.md", "CONTRIBUTING.md", "weights/README.md", "docs/figures.md", "docs/batches.md")

QUICK = [
    *("--set", "Schedule.steps=1", "--set", "Size.width=32", "--set", "Size.height=32"),
    *("--set", "Size.frames=5", "--device", "cpu", "--dtype", "fp32"),
]
SMALL = {
    "run": QUICK,
    "batch": [*QUICK, "--seeds", "1-2"],
    "check": [*QUICK, "--seeds", "1-2"],
    "world": ["--count", "1"],
}
"""Added to a command so that it takes seconds; of an option given twice the last one counts."""
WRITTEN = {
    "run": "output/video/*.mp4",
    "batch": "output/text_to_video_[12].mp4",
    "world": "clips/*/*.mp4",
}


def text_of(page):
    return (ROOT / page).read_text(encoding="utf-8")


def shell_commands(text):
    """The words after `spacetime` on each line of the shell blocks that calls it."""
    blocks = re.findall(r"^```sh\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    calls = (call for block in blocks for line in block.splitlines() for call in line.split("&&"))
    words = (shlex.split(call, comments=True) for call in calls)
    return [arguments for program, *arguments in filter(None, words) if program == "spacetime"]


COMMANDS = shell_commands(text_of("README.md"))


def test_the_readme_has_commands():
    assert [arguments[0] for arguments in COMMANDS] == ["run", "run", "batch", "check", "world"]


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_each_command_of_the_readme_runs(arguments, command, tmp_path):
    shutil.copytree(ROOT / "example_workflows", tmp_path / "example_workflows")
    code, said, told = command(*arguments, *SMALL[arguments[0]])
    assert code == 0, told
    if arguments[0] == "check":
        assert "2 jobs, 8 tokens in 1 evaluation, " in said
        return
    assert list(tmp_path.glob(WRITTEN[arguments[0]])), "the file that the README promises"


BATCHES = shell_commands(text_of("docs/batches.md"))
ELSEWHERE = {"--server", "--ray"}
"""Commands with one of these need a server or a cluster: tests of these run them."""


def small(arguments):
    """A command of the page on batches that takes seconds."""
    if not any(word.endswith(".json") for word in arguments):
        return arguments
    return [*arguments, *QUICK, *(["--seeds", "1-2"] if "--seeds" in arguments else [])]


def test_the_commands_of_the_page_on_batches_run_one_after_the_other(command, tmp_path):
    shutil.copytree(ROOT / "example_workflows", tmp_path / "example_workflows")
    here = [arguments for arguments in BATCHES if not ELSEWHERE.intersection(arguments)]
    assert [arguments[0] for arguments in here] == [
        "check", "batch", "contact-sheet", "batch", "batch", "reproduce", "batch", "run"
    ]  # fmt: skip
    said = []
    for arguments in here:
        code, out, told = command(*small(arguments))
        assert code == 0, (arguments, told)
        said.append(out)
    assert "12 jobs" in said[0]
    assert Path(said[2].strip()).is_file()
    assert "equal" in said[5]
    names = {path.stem for path in (tmp_path / "overnight").glob("*/*.mp4")}
    assert names == {row[0].rpartition("/")[2] for row in table()}
    sweep = sorted(path.stem for path in (tmp_path / "seeds" / "sweep").iterdir())
    assert sweep == ["1_2", "1_4", "2_2", "2_4"]


def table():
    """Rows of the table that ships."""
    text = (ROOT / "example_workflows" / "overnight_batch.csv").read_text(encoding="utf-8")
    return list(csv.reader(text.splitlines()))[1:]


def test_the_page_shows_rows_of_the_table():
    shown = re.findall(r"^\| (\w+/\w+) \|(.*)\|$", text_of("docs/batches.md"), flags=re.MULTILINE)
    cells = [[name, *(cell.strip() for cell in rest.split("|"))] for name, rest in shown]
    assert len(cells) == 3
    assert [each for each in cells if each not in table()] == []


def unknown_words(words):
    """Commands and options of a call that `spacetime` does not know."""
    place, known = typer.main.get_command(app), set()
    for word in words:
        known |= {each for option in place.params for each in option.opts}
        choices = getattr(place, "commands", {})
        if choices and not word.startswith("-"):
            if word not in choices:
                return [word]
            place = choices[word]
        elif word.startswith("-") and len(word) > 1 and word not in known:
            return [word]
    return []


@pytest.mark.parametrize("page", PAGES)
def test_the_pages_name_commands_and_options_that_exist(page):
    codes = re.findall(r"`(spacetime [^`]*)`", text_of(page).replace("\n", " "))
    calls = [*shell_commands(text_of(page)), *(shlex.split(code)[1:] for code in codes)]
    assert [(call, unknown) for call in calls if (unknown := unknown_words(call))] == []


def test_the_options_that_the_readme_lists_exist():
    options = re.findall(r"`(--?[\w-]+)(?: [^`]*)?`", text_of("README.md"))
    assert {"--dry-run", "-o"} <= set(options)
    commands = ("run", "batch", "check")
    unknown = [each for each in options if all(unknown_words([name, each]) for name in commands)]
    assert unknown == []


def test_an_option_that_is_gone_is_noticed():
    assert unknown_words(["run", "graph.json", "--no-such-option"]) == ["--no-such-option"]
    assert unknown_words(["walk"]) == ["walk"]
