"""The commands of the README run, and the options that the pages name exist."""

import re
import shlex
import shutil
from pathlib import Path

import pytest
import typer.main

from spacetime_video.headless.cli import app

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("README.md", "CONTRIBUTING.md", "weights/README.md", "docs/figures.md")

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
