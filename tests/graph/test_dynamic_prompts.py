"""Choices and comments in prompts."""

import random

import pytest

from spacetime_video.graph.dynamic_prompts import choose, resolve_prompts
from spacetime_video.headless.engine import standalone_registry


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("plain (red:1.3), 50% \\o/", {"plain (red:1.3), 50% \\o/"}),
        ("a {red|blue} cube", {"a red cube", "a blue cube"}),
        ("{a|{b|c}} d", {"a d", "b d", "c d"}),
        ("{a||}x", {"ax", "x"}),
        ("a /* my\nnote */b // remark\nc", {"a b \nc"}),
        (r"\{a\|b\}", {"{a|b}"}),
        (r"{a\}|b}", {"a}", "b"}),
        ("{open|ended", {"open", "ended"}),
        ("ends} here | there", {"ends} here | there"}),
        ("trailing \\", {"trailing \\"}),
        ("", {""}),
    ],
)
def test_every_choice_comes(text, wanted):
    assert {choose(text, random.Random(seed)) for seed in range(50)} == wanted


def test_seeds_decide(standalone):
    registry = standalone_registry(standalone)

    def made(seed, kind="CLIPTextEncode"):
        text = {"class_type": kind, "inputs": {"text": "{a|b|c|d|e|f|g|h}", "clip": ["1", 1]}}
        noise = {"class_type": "SpacetimeNoise", "inputs": {"seed": seed}}
        return resolve_prompts({"1": text, "2": noise}, registry)["1"]["inputs"]["text"]

    assert made(1) == made(1)
    assert len({made(seed) for seed in range(20)}) > 3
    assert made(1, "Unknown") == "{a|b|c|d|e|f|g|h}"
