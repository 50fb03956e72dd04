"""The house rules: who may import whom, how long things are, and what the packaging lists."""

import ast
import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "spacetime_video"
OUTSIDE = {"tests", "benchmarks", "docs", "build", "dist", "output", "input", "temp", "runs"}

HOST_MODULES = {
    "comfy",
    "comfy_api",
    "comfy_api_nodes",
    "comfy_execution",
    "comfy_extras",
    "execution",
    "folder_paths",
    "latent_preview",
    "node_helpers",
    "nodes",
    "server",
}
BANNED_MODULES = {"pickle", "dill", "marshal", "shelve", "joblib", "importlib.machinery"}
ANYTHING = {"*"}
PARTS = {
    *("models", "samplers", "model_loaders", "media", "timeline", "motion", "toyworld"),
    "measure.scores",
}
DATA = {".css", ".js", ".safetensors"}
"""Suffixes of files that lie beside code and are read by it."""

TOOLS = {"tools"}
"""Folders of the developers, which the wheel does not hold."""


class Rule(NamedTuple):
    """What a folder may import besides itself: folders of ours, and distributions."""

    ours: set[str]
    others: set[str]


HOST_PARTS = {"models", "samplers", "model_loaders", "media", "timeline"}
RULES = {
    "models": Rule(set(), {"torch", "einops"}),
    "samplers": Rule({"models"}, {"torch", "einops"}),
    "model_loaders": Rule(
        {"models", "weights"}, {"torch", "einops", "numpy", "safetensors", "sentencepiece"}
    ),
    "weights": Rule(set(), set()),
    "media": Rule(set(), {"torch", "numpy", "PIL", "av"}),
    "timeline": Rule({"models", "samplers", "media"}, {"torch", "einops"}),
    "motion": Rule({"media", "timeline"}, {"torch"}),
    "toyworld": Rule(set(), {"torch", "einops", "numpy"}),
    "measure.scores": Rule({"media", "toyworld"}, {"torch", "einops", "numpy"}),
    "training": Rule(PARTS | {"weights"}, ANYTHING),
    "graph": Rule({"media"}, {"torch"}),
    "hosts": Rule(HOST_PARTS, {"torch", "einops", "numpy", "PIL"}),
    "hosts.comfyui": Rule(HOST_PARTS | {"hosts"}, {"torch", "einops", "numpy", "PIL"}),
    "hosts.standalone": Rule(HOST_PARTS | {"hosts", "graph"}, ANYTHING),
    "nodes": Rule(PARTS | {"hosts", "weights"}, {"torch", "einops", "numpy", "PIL"}),
    "measure": Rule(ANYTHING, ANYTHING),
    "headless": Rule(ANYTHING, ANYTHING),
    "tools": Rule(ANYTHING, ANYTHING),
    "": Rule({"nodes", "hosts", "hosts.comfyui"}, set()),
}


class Import(NamedTuple):
    """One imported module: absolute name, or the module of ours that a relative one means."""

    name: str
    is_relative: bool
    line: int


@cache
def modules():
    """Paths of the package's Python files, relative to the root."""
    return tuple(sorted(path for path in walk(ROOT) if not is_outside(path)))


def walk(folder):
    for entry in folder.iterdir():
        if entry.is_dir() and not (entry.name.startswith(".") or (entry / "pyvenv.cfg").exists()):
            yield from walk(entry)
        elif entry.suffix == ".py":
            yield entry.relative_to(ROOT)


def is_outside(path):
    return path.parts[0] in OUTSIDE


@cache
def source(path):
    return (ROOT / path).read_text(encoding="utf-8")


@cache
def syntax(path):
    return ast.parse(source(path), filename=str(path))


def folder_of(module):
    """The rule that a dotted module of ours falls under: the longest matching folder."""
    fitting = [name for name in RULES if module == name or module.startswith(f"{name}.")]
    return max(fitting, key=len, default="")


def running(tree):
    """Every node of a file but those that only a type checker reads."""
    yield tree
    for child in ast.iter_child_nodes(tree):
        if not (isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"):
            yield from running(child)


def imports(path, tree=None):
    package = path.parent.parts
    for node in running(tree or syntax(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, False, node.lineno)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield Import(node.module or "", False, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            assert node.level - 1 <= len(package), f"{path}:{node.lineno} leaves the package"
            base = ".".join(
                [*package[: len(package) - node.level + 1], *filter(None, [node.module])]
            )
            for alias in node.names:
                yield Import(".".join(filter(None, [base, alias.name])), True, node.lineno)


def breaches(path, tree=None):
    """Imports of a file that its folder's rule does not allow, in words."""
    home = folder_of(".".join(path.with_suffix("").parts[:-1]))
    rule = RULES[home]
    for found in imports(path, tree):
        place = f"{path}:{found.line} imports {found.name}"
        if found.is_relative:
            target = folder_of(found.name)
            if target != home and rule.ours != ANYTHING and target not in rule.ours:
                yield f"{place}: {home or 'the root'} may not use {target or 'the root'}"
            continue
        top = found.name.split(".")[0]
        if top == PACKAGE:
            yield f"{place}: import the package relatively"
        elif top in HOST_MODULES and home != "hosts.comfyui":
            yield f"{place}: only hosts/comfyui may use the host"
        elif top in sys.stdlib_module_names or top in HOST_MODULES:
            continue
        elif rule.others != ANYTHING and top not in rule.others:
            yield f"{place}: not among {sorted(rule.others)}"


def test_every_folder_has_a_rule():
    folders = {path.parts[0] for path in modules() if len(path.parts) > 1}
    assert folders <= {name.split(".")[0] for name in RULES}


def test_import_directions():
    assert [breach for path in modules() for breach in breaches(path)] == []


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("models/dit/network.py", "from ...samplers import solvers"),
        ("models/dit/network.py", "import numpy"),
        ("samplers/solvers/__init__.py", "from ... import model_loaders"),
        ("samplers/solvers/__init__.py", "def late():\n    from ...nodes.load import NODES"),
        ("model_loaders/families/wan.py", "from ...samplers.noise import frame_noise"),
        ("nodes/load/models.py", "from ...hosts.standalone.io import Schema"),
        ("nodes/load/models.py", "from ...training import loop"),
        ("nodes/load/models.py", "import folder_paths"),
        ("hosts/standalone/io.py", "from comfy_api.latest import io"),
        ("hosts/comfyui/io.py", "import spacetime_video.models"),
        ("media/read.py", "import spacetime_video"),
    ],
)
def test_wrong_arrows_are_noticed(path, code):
    assert list(breaches(Path(path), ast.parse(code)))


@pytest.mark.parametrize(
    ("path", "code"),
    [
        (
            "samplers/solvers/__init__.py",
            "from ...models.shapes import LatentShape\nimport math, torch",
        ),
        ("model_loaders/families/wan.py", "from ..keys import rename\nfrom ... import weights"),
        ("nodes/load/models.py", "from ...hosts import host\nfrom ...samplers import noise"),
        ("hosts/comfyui/io.py", "import comfy.ops, nodes\nfrom ..interface import Host"),
        ("headless/cli.py", "import typer\nfrom ..hosts.standalone import io"),
    ],
)
def test_right_arrows_are_allowed(path, code):
    assert not list(breaches(Path(path), ast.parse(code)))


def test_entry_point_imports_only_inside_its_functions():
    body = syntax(Path("__init__.py")).body
    eager = [node for node in body if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    outside = [found for node in eager for found in imports(Path("__init__.py"), node)]
    assert [found.name for found in outside if found.name.split(".")[0] != "__future__"] == []


def test_files_and_functions_are_short():
    files = {path: len(source(path).splitlines()) for path in modules()}
    lengths = {
        f"{path} {node.name}": (node.end_lineno or 0) - node.lineno + 1
        for path in modules()
        for node in ast.walk(syntax(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {str(path): length for path, length in files.items() if length > 400} == {}
    assert {name: length for name, length in lengths.items() if length > 60} == {}


def test_every_module_says_what_it_is_for():
    assert [str(path) for path in modules() if not ast.get_docstring(syntax(path))] == []


def code_from_data(path):
    """Imports and calls of a file that run code out of data."""
    yield from {each.name for each in imports(path) if not each.is_relative} & BANNED_MODULES
    for node in ast.walk(syntax(path)):
        called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
        if called in {"eval", "exec", "torch.load", "torch.hub.load"}:
            yield called


def test_nothing_runs_code_from_data():
    assert [f"{path}: {found}" for path in modules() for found in code_from_data(path)] == []


@cache
def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def listed(name):
    """Requirements of a file, one per line, without comments."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    stripped = (re.sub(r"(^|\s)#.*", "", line).strip() for line in lines)
    return [Requirement(line) for line in stripped if line]


def test_package_list_names_every_folder_with_code():
    shipped = (path for path in modules() if path.parts[0] not in TOOLS)
    folders = {".".join([PACKAGE, *path.parent.parts]) for path in shipped}
    packages = project()["tool"]["setuptools"]["packages"]
    assert packages == sorted(folders)


def test_the_wheel_holds_what_the_code_reads():
    data = project()["tool"]["setuptools"]["package-data"]
    beside = {
        path.relative_to(ROOT)
        for folder in {ROOT / path.parent for path in modules() if path.parts[0] not in TOOLS}
        for path in folder.iterdir()
        if path.suffix in DATA
    }
    unlisted = [
        str(path)
        for path in beside
        if not any(map(path.match, data.get(".".join([PACKAGE, *path.parent.parts]), ())))
    ]
    assert beside
    assert unlisted == []


def test_every_folder_with_code_is_a_package():
    folders = {path.parent for path in modules()}
    assert {folder for folder in folders if not (ROOT / folder / "__init__.py").exists()} == set()


def test_requirements_are_the_dependencies_without_torch():
    dependencies = {Requirement(line) for line in project()["project"]["dependencies"]}
    torch = {each for each in dependencies if each.name == "torch"}
    assert [str(each) for each in torch] == ["torch"]
    assert set(listed("requirements.txt")) == dependencies - torch


def test_constraints_pin_every_dependency_exactly():
    pins = listed("constraints.txt")
    for pin in pins:
        assert re.fullmatch(r"==[^*,]+", str(pin.specifier)), f"{pin} is not an exact pin"
    versions = {canonicalize_name(pin.name): str(pin.specifier) for pin in pins}
    table = project()["project"]
    wanted = [*table["dependencies"], *table["optional-dependencies"]["test"]]
    missing = {canonicalize_name(Requirement(line).name) for line in wanted} - set(versions)
    assert missing == set()
    assert versions[canonicalize_name("torch")] == "==2.13.0"


def test_pins_satisfy_the_dependencies():
    versions = {
        canonicalize_name(pin.name): next(iter(pin.specifier)).version
        for pin in listed("constraints.txt")
    }
    for line in project()["project"]["dependencies"]:
        wanted = Requirement(line)
        assert wanted.specifier.contains(versions[canonicalize_name(wanted.name)])


def test_any_module_can_be_imported_first():
    """In an order that no program has: a circle of imports shows only from some of its modules."""
    script = (
        "import importlib, sys, spacetime_video\n"
        "for name in sys.argv[1:]:\n"
        "    for each in [each for each in sys.modules if each.startswith('spacetime_video.')]:\n"
        "        del sys.modules[each]\n"
        "    importlib.import_module(name)\n"
    )
    rooms = {"models", "samplers", "model_loaders", "graph"}
    names = [
        ".".join([PACKAGE, *path.with_suffix("").parts])
        for path in modules()
        if path.parts[0] in rooms and path.name != "__init__.py"
    ]
    done = subprocess.run(
        [sys.executable, "-c", script, *names], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
