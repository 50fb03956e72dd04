"""Two copies of the pack: which one serves, and what is said."""

import sys
from pathlib import Path
from types import ModuleType

import pytest

from spacetime_video.hosts import copies

HERE = Path(copies.__file__).parents[1]


@pytest.fixture(params=["nodes.load", "nodes.load.models"])
def other(monkeypatch, tmp_path, request):
    """A second copy's file of Load Models, as ComfyUI imported it, of earlier versions and now."""
    module = ModuleType(f"/comfy/custom_nodes/other.{request.param}")
    module.__file__ = str(tmp_path / "other" / f"{request.param.replace('.', '/')}.py")
    module.SpacetimeLoadModels = object
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


def test_one_copy_is_no_news():
    assert copies.loaded_before("/comfy/custom_nodes/mine") is None
    assert copies.installed_elsewhere(HERE) is None


def test_another_copy_is_found_by_its_nodes(other, tmp_path):
    assert copies.loaded_before("/comfy/custom_nodes/mine") == tmp_path / "other"
    assert copies.loaded_before("/comfy/custom_nodes/other") is None
    del other.SpacetimeLoadModels
    assert copies.loaded_before("/comfy/custom_nodes/mine") is None


def test_an_installed_copy_elsewhere_is_found(tmp_path):
    assert copies.installed_elsewhere(tmp_path).resolve() == HERE.resolve()


def test_no_installed_copy_is_no_news(monkeypatch, tmp_path):
    monkeypatch.setattr(copies, "find_spec", lambda name: None)
    assert copies.installed_elsewhere(tmp_path) is None


def test_warnings_name_both_places_in_one_line():
    used, here = Path("/a/first"), Path("/a/second")
    for line in (copies.second_copy_warning(used, here), copies.second_install_warning(here, used)):
        assert str(used) in line
        assert str(here) in line
        assert "\n" not in line
