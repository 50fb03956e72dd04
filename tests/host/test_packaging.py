"""What an artist finds after installing: help, translations, and a pack that minds its copies."""

import json
import re
import shutil
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest

PACK = Path(__file__).parents[2]
FOLDER = "spacetime-video"
NOISE = PACK / "nodes/sampling/noise.py"


def fetch(server, path):
    address = f"http://127.0.0.1:{server.port}{path}"
    with urllib.request.urlopen(address, timeout=30) as answer:
        return answer.read()


def nodes_of(server):
    known = server.get("/object_info")
    return {name: node for name, node in known.items() if name.startswith("Spacetime")}


def test_help_is_served_for_every_node(server):
    for name in nodes_of(server):
        page = fetch(server, f"/extensions/{FOLDER}/docs/{name}.md").decode()
        assert page.startswith("# ")
        picture = fetch(server, f"/extensions/{FOLDER}/docs/{name}.webp")
        assert picture[8:12] == b"WEBP"


def test_the_one_script_is_loaded_into_the_editor(server):
    scripts = [path for path in server.get("/extensions") if FOLDER in path]
    assert scripts == [f"/extensions/{FOLDER}/js/draw_motion.js"]


@pytest.mark.parametrize("language", ["en", "zh", "ja"])
def test_translations_are_served(server, language):
    texts = server.get("/i18n")[language]
    there = json.loads((PACK / f"locales/{language}/nodeDefs.json").read_text(encoding="utf-8"))
    assert {name: texts["nodeDefs"][name] for name in there} == there
    assert set(there) == set(nodes_of(server))
    assert texts["nodeCategories"]["Sampling"]


def test_templates_have_thumbnails(server):
    names = server.get("/workflow_templates")[FOLDER]
    for name in names:
        picture = fetch(server, f"/api/workflow_templates/{FOLDER}/{name}.jpg")
        assert picture[:3] == b"\xff\xd8\xff"


@pytest.fixture
def crowded(server, tmp_path):
    """A ComfyUI with a second copy of the pack, in which one file of nodes is broken in both."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=PACK, capture_output=True, text=True, check=True
    ).stdout
    running = type(server)(tmp_path)
    folder = tmp_path / "custom_nodes"
    (folder / FOLDER).unlink()
    for copy in ("spacetime-a", "spacetime-b"):
        for name in filter(None, listed.split("\0")):
            place = folder / copy / name
            if (PACK / name).is_file() and not name.startswith("tests/"):
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(PACK / name, place)
        with (folder / copy / "nodes/sampling/noise.py").open("a", encoding="utf-8") as broken:
            broken.write('\nraise RuntimeError("a broken file")\n')
    running.start()
    yield running
    running.stop()


def test_one_copy_serves_and_a_broken_file_costs_its_own_nodes(server, crowded):
    there, whole = nodes_of(crowded), nodes_of(server)
    assert set(whole) - set(there) == set(re.findall(r"class (Spacetime\w+)", NOISE.read_text()))
    assert len({node["python_module"] for node in there.values()}) == 1
    lines = crowded.log.read_text().splitlines()
    (copy,) = [line for line in lines if "is not used" in line]
    assert "spacetime-a" in copy
    assert "spacetime-b" in copy
    (broken,) = [line for line in lines if "nodes/sampling/noise.py" in line]
    assert "RuntimeError: a broken file" in broken
    assert not [line for line in lines if "IMPORT FAILED" in line or "Traceback" in line]
