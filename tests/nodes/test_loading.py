"""A file of nodes that is broken costs its own nodes and no others."""

import sys
from pathlib import Path

import pytest

from spacetime_video import nodes
from spacetime_video.headless.engine import standalone_registry
from spacetime_video.nodes.sampling.noise import SpacetimeNoise


def ids():
    return {node.GET_SCHEMA().node_id for node in nodes.all_nodes()}


def test_every_file_with_nodes_is_loaded(caplog):
    folder = Path(nodes.__file__).parent
    with_nodes = {
        ".".join(path.relative_to(folder).with_suffix("").parts)
        for path in folder.rglob("*.py")
        if "\nNODES" in path.read_text(encoding="utf-8")
    }
    assert with_nodes == set(nodes.MODULES)
    assert ids()
    assert caplog.messages == []


@pytest.mark.parametrize("lost", nodes.MODULES)
def test_a_file_that_cannot_be_imported_costs_its_own_nodes(monkeypatch, caplog, lost):
    module = sys.modules[f"{nodes.__name__}.{lost}"]
    its_own = {node.GET_SCHEMA().node_id for node in module.NODES}
    whole = ids()
    monkeypatch.setitem(sys.modules, module.__name__, None)
    assert ids() == whole - its_own
    (line,) = caplog.messages
    assert f"nodes/{lost.replace('.', '/')}.py" in line
    assert "ModuleNotFoundError" in line
    with pytest.raises(ModuleNotFoundError):
        nodes.all_nodes(strict=True)


def test_a_node_without_a_schema_costs_itself(monkeypatch, caplog, standalone):
    whole = ids()

    def broken():
        raise ValueError("a list of files is empty")

    monkeypatch.setattr(SpacetimeNoise, "define_schema", broken)
    assert ids() == whole - {"SpacetimeNoise"}
    (line,) = caplog.messages
    assert "SpacetimeNoise of nodes/sampling/noise.py" in line
    assert "a list of files is empty" in line
    with pytest.raises(ValueError, match="a list of files is empty"):
        nodes.all_nodes(strict=True)
    assert "SpacetimeSample" in standalone_registry(standalone)
