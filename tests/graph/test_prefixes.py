"""Patterns in file name prefixes come out as ComfyUI's editor writes them."""

from datetime import datetime

import pytest

from spacetime_video.graph.prefixes import fill_prefixes

NOW = datetime(2026, 3, 7, 9, 5, 2)
NODES = {
    "1": {
        "class_type": "KSampler",
        "inputs": {"seed": 7, "cfg": 8.0, "denoise": 0.5, "model": ["2", 0], "name": "a/b:c"},
        "_meta": {"title": "First"},
    },
    "2": {"class_type": "KSampler", "inputs": {"seed": 8, "on": True}, "_meta": {"title": "Next"}},
}


@pytest.mark.parametrize(
    ("prefix", "filled"),
    [
        ("clip", "clip"),
        ("%date:yyyy-MM-dd%/x", "2026-03-07/x"),
        ("%date:yy M d h m s hhmmss%", "26 3 7 9 5 2 090502"),
        ("%date:yyy%", "yyy"),
        ("%KSampler.seed%_%KSampler.cfg%_%KSampler.denoise%", "7_8_0.5"),
        ("%Next.seed%_%Next.on%", "8_true"),
        ("%KSampler.name%", "a_b_c"),
        (
            "%KSampler.model%_%KSampler.none%_%Nope.seed%",
            "%KSampler.model%_%KSampler.none%_%Nope.seed%",
        ),
        ("%width%x%height% %year%", "%width%x%height% %year%"),
        ("100% of %date:dd%", "100% of %date:dd%"),
    ],
)
def test_patterns(prefix, filled):
    save = {"class_type": "SaveVideo", "inputs": {"filename_prefix": prefix}}
    made = fill_prefixes({**NODES, "3": save}, NOW)
    assert made["3"]["inputs"]["filename_prefix"] == filled
    assert made["1"] == NODES["1"]


def test_what_is_no_node_is_left_to_the_check():
    for broken in (
        {"1": 3},
        {"1": {"inputs": []}},
        {"1": {"inputs": {"filename_prefix": ["2", 0]}}},
    ):
        assert fill_prefixes(broken, NOW) == broken
