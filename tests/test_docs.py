"""The written pages: every path that they name exists."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "weights/README.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]

LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")
CODE = re.compile(r"`([^`\n]+)`")
A_PATH = re.compile(r"[\w.-]+(/[\w.-]+)*/?")
SUFFIXES = {".py", ".md", ".json", ".toml", ".txt"}
USERS_FOLDERS = {"ComfyUI", "output", "user", "models/diffusion_models", "models/text_encoders"}
"""Folders on the reader's machine, not in the repository."""


def named_paths(text):
    """Targets of links, and words in code marks that look like paths of the repository."""
    yield from (link for link in LINK.findall(text) if "://" not in link)
    tops = {entry.name for entry in ROOT.iterdir()}
    for code in CODE.findall(text):
        if not A_PATH.fullmatch(code) or any(code.startswith(each) for each in USERS_FOLDERS):
            continue
        if "/" in code and (code.split("/")[0] in tops or Path(code).suffix in SUFFIXES):
            yield code


def missing(page, text):
    places = (page.parent, ROOT)
    return {
        name
        for name in named_paths(text)
        if not any((place / name).exists() for place in places)
    }  # fmt: skip


def test_every_named_path_exists():
    told = {page.name: missing(page, page.read_text(encoding="utf-8")) for page in PAGES}
    assert {name: paths for name, paths in told.items() if paths} == {}


def test_a_path_that_moved_is_noticed():
    text = "See `samplers/solvers.py`, `gone/away.py`, [here](docs/none.md) and `models/dit/`."
    assert missing(ROOT / "README.md", text) == {
        "samplers/solvers.py", "gone/away.py", "docs/none.md"
    }  # fmt: skip
