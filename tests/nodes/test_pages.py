"""Help pages: one for every node, which names what the node has and nothing else."""

import re
from pathlib import Path

import pytest

from spacetime_video.media import load_image
from spacetime_video.nodes import all_nodes

WEB = Path(__file__).parents[2] / "web"
PAGES = WEB / "docs"
MOST_BYTES = 2_000_000
"""Of all pictures together, which every user downloads."""

SECTIONS = ["Inputs", "Outputs", "Before and after"]
PICTURE = re.compile(r"!\[([^\]]+)\]\(([^)]+)\)")
ITEM = re.compile(r"^- `([^`]+)`: (.+(?:\n  .+)*)$", re.MULTILINE)
"""A line of a list, with the lines that go on with it; tables are too wide for the help panel."""


def schemas():
    return [node.GET_SCHEMA() for node in all_nodes()]


every_node = pytest.mark.parametrize("schema", schemas(), ids=lambda schema: schema.node_id)


def page(schema):
    path = PAGES / f"{schema.node_id}.md"
    assert path.exists(), f"{schema.node_id} has no help page: write web/docs/{path.name}"
    return path.read_text(encoding="utf-8")


def section(text, title):
    return re.split(r"^## ", text, flags=re.MULTILINE)[1 + SECTIONS.index(title)]


def test_no_page_is_about_a_node_that_does_not_exist():
    assert {path.stem for path in PAGES.glob("*.md")} == {schema.node_id for schema in schemas()}


@every_node
def test_a_page_has_its_parts(schema):
    text = page(schema)
    assert text.splitlines()[0] == f"# {schema.display_name}"
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == SECTIONS
    opening = PICTURE.sub("", text.split("## ")[0]).split("\n", 1)[1].strip()
    assert len(opening) > 60
    assert len(section(text, "Before and after")) > 60


@every_node
def test_a_page_names_every_input_and_output(schema):
    text = page(schema)
    inputs = ITEM.findall(section(text, "Inputs"))
    assert [name for name, _ in inputs] == [spec.id for spec in schema.inputs]
    outputs = ITEM.findall(section(text, "Outputs"))
    assert [name for name, _ in outputs] == [output.display_name for output in schema.outputs]
    assert [name for name, words in (*inputs, *outputs) if not words.endswith(".")] == []


@every_node
def test_a_page_shows_the_node_wired_up(schema):
    ((words, name),) = PICTURE.findall(page(schema))
    assert len(words) > 10
    height, width, _ = load_image(PAGES / name).pixels.shape
    assert width >= 400
    assert height >= 150


def test_pictures_are_all_shown_and_small():
    pictures = {path.name: path.stat().st_size for path in PAGES.iterdir() if path.suffix != ".md"}
    shown = {name for path in PAGES.glob("*.md") for _, name in PICTURE.findall(path.read_text())}
    assert set(pictures) == shown
    assert sum(pictures.values()) < MOST_BYTES


SCRIPTS = {"js/draw_motion.js"}


def test_what_runs_in_the_editor_is_named_here():
    """The host loads every script under the web folder; there is no other, nor HTML in pages."""
    files = [path for path in WEB.rglob("*") if path.is_file()]
    scripts = {str(path.relative_to(WEB)) for path in files if path.suffix == ".js"}
    assert scripts == SCRIPTS
    assert {path.suffix for path in files} <= {".md", ".webp", ".jpg", ".png", ".js"}
    for path in PAGES.glob("*.md"):
        assert not re.search(r"<[a-z/]", path.read_text(encoding="utf-8")), path.name
