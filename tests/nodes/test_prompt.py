"""Encode Prompt: weights are followed, and what cannot be is told on the node."""

import torch

from spacetime_video.graph.call import running
from spacetime_video.graph.graph import GraphNode
from spacetime_video.nodes.prompt.prompt import SpacetimeEncodePrompt


def test_weights_change_their_words_only(bench):
    plain, weighted = (bench.prompt(text)[0][0] for text in ("a red cube", "a (red:1.5) cube"))
    moved = (plain - weighted).abs().amax(dim=(0, 2))
    assert (moved > 0).tolist() == [False, True, *[False] * (len(moved) - 2)]


def test_weights_of_one_and_escaped_parentheses_change_nothing_else(bench, caplog):
    assert torch.equal(bench.prompt("a (red:1.0) cube")[0][0], bench.prompt("a red cube")[0][0])
    assert not caplog.messages
    bench.prompt(r"a \(red\) cube")
    assert "'(red)'" in caplog.text


def test_what_will_not_be_followed_is_told_on_the_node(loaded, caplog):
    node = GraphNode(
        id="3", title="My Prompt", class_type="SpacetimeEncodePrompt", node=SpacetimeEncodePrompt,
        schema=SpacetimeEncodePrompt.GET_SCHEMA(), inputs={},
    )  # fmt: skip
    with running(node):
        SpacetimeEncodePrompt.execute(loaded.clip, "a purple (cube")
    (said,) = caplog.messages
    assert said.startswith("My Prompt: the text encoder does not know the words 'purple'")
    assert "an unmatched parenthesis" in said
