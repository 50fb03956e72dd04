"""What is named in the place of nodes that do not run here."""

import re

import pytest

from spacetime_video.graph.errors import GraphError
from spacetime_video.graph.registry import Registry
from spacetime_video.graph.validate import validate
from spacetime_video.hosts.standalone.elsewhere import EQUIVALENTS
from spacetime_video.hosts.standalone.stock import stock_nodes
from spacetime_video.nodes import all_nodes


def test_what_is_named_exists_and_is_needed():
    ours = {node.GET_SCHEMA().node_id: node.GET_SCHEMA().display_name for node in all_nodes()}
    stock = {node.GET_SCHEMA().node_id for node in stock_nodes()}
    for text in EQUIVALENTS.values():
        named = re.findall(r"([A-Z][^()]*?) \((Spacetime\w+)\)", text)
        for name, key in named:
            assert name.split(" and ")[-1] in ours[key]
        assert named or set(text.split(" and ")) <= stock
    assert set(EQUIVALENTS) & (set(ours) | stock) == set()


def test_nodes_with_the_same_equivalent_are_told_together():
    registry = Registry.from_nodes([], elsewhere=EQUIVALENTS)
    assert registry.equivalents(
        ["UnetLoaderGGUF", "Nope", "DualCLIPLoader", "SaveWEBM", "UnetLoaderGGUF"]
    ) == [
        "use Load Models (SpacetimeLoadModels) instead of UnetLoaderGGUF, DualCLIPLoader",
        "use CreateVideo and SaveVideo instead of SaveWEBM",
    ]


def test_a_graph_is_refused_with_all_of_them():
    registry = Registry.from_nodes([], elsewhere=EQUIVALENTS)
    prompt = {str(key): {"class_type": name} for key, name in enumerate(["DualCLIPLoader", "Nope"])}
    with pytest.raises(GraphError) as found:
        validate(prompt, registry)
    (problem,) = found.value.problems
    assert "2 nodes have an unknown type" in problem
    assert "use Load Models (SpacetimeLoadModels) instead of DualCLIPLoader; install" in problem
