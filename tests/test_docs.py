"""The written pages: every path and every piece of code that they name exists."""

import re
from pathlib import Path

from .test_house import modules

ROOT = Path(__file__).resolve().parent.parent
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "weights/README.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]

LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")
CODE = re.compile(r"`([^`\n]+)`")
A_PATH = re.compile(r"[\w.-]+(/[\w.-]+)*/?")
SUFFIXES = {".py", ".md", ".json", ".toml", ".txt"}
A_NAME = re.compile(r"(?:\w+(?:\(\))?\.)*([A-Za-z_]\w+)(?:\([^`]*\))?")
"""Of a function, a class or an attribute, as `Engine.prompt` or `hosts.use(host)`."""

COMFYUIS = {"apply_model"}
"""Names of ComfyUI's that its code calls, and ours does not."""

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


def unknown_names(text):
    """Names of code that is nowhere in the package; of a path only its own test tells."""
    sources = [(ROOT / path).read_text(encoding="utf-8") for path in modules()]
    words = COMFYUIS.union(*(re.findall(r"\w+", source) for source in sources))
    named = {code: A_NAME.fullmatch(code) for code in CODE.findall(text)}
    return {code for code, name in named.items() if name and name[1] not in words}


def test_the_architecture_page_names_code_that_exists():
    assert unknown_names((ROOT / "docs/architecture.md").read_text(encoding="utf-8")) == set()


def test_code_that_was_renamed_is_noticed():
    text = "`Engine.prompt`, `Engine.run_backwards()`, `_runs_back`, `hosts.use(host)`, `host().io`"
    assert unknown_names(text) == {"Engine.run_backwards()", "_runs_back"}
