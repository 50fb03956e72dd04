"""How the example workflows look in the editor: groups, colours, notes, room for what comes."""

import json
from itertools import combinations
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "example_workflows"
GRAPHS = {
    path.stem: json.loads(path.read_text(encoding="utf-8")) for path in EXAMPLES.glob("*.json")
}

TITLE = 30
"""Height of a node's title bar, which lies above its place."""

CANVAS = (1536, 922)
"""Of a window of 1600x1000, without the editor's bars."""

READABLE = 0.572
"""The editors write no text at smaller scales."""

RESULTS = {"SaveVideo", "SaveImage"}


def box(node):
    (x, y), (width, height) = node["pos"], node["size"]
    return x, y - TITLE, x + width, y + height


def within(inner, outer):
    return all(inner[axis] >= outer[axis] for axis in (0, 1)) and all(
        inner[axis] <= outer[axis] for axis in (2, 3)
    )


def apart(one, other):
    return any(one[axis + 2] <= other[axis] or other[axis + 2] <= one[axis] for axis in (0, 1))


def group_box(group):
    x, y, width, height = group["bounding"]
    return x, y, x + width, y + height


def test_nodes_and_groups_lie_apart():
    crowded = []
    for name, graph in GRAPHS.items():
        boxes = {node["title"]: box(node) for node in graph["nodes"]}
        groups = {f"group {group['title']}": group_box(group) for group in graph["groups"]}
        for part in (boxes, groups):
            pairs = combinations(part, 2)
            crowded += [(name, a, b) for a, b in pairs if not apart(part[a], part[b])]
    assert crowded == []


def test_every_node_is_in_one_group():
    lost = []
    for name, graph in GRAPHS.items():
        groups = [group_box(group) for group in graph["groups"]]
        assert all(group["title"] and group["color"] for group in graph["groups"]), name
        for node in graph["nodes"]:
            if sum(within(box(node), group) for group in groups) != 1:
                lost.append((name, node["title"]))
    assert lost == []


def test_a_note_says_what_it_shows_and_colours_tell_parts_apart():
    for name, graph in GRAPHS.items():
        nodes = {node["title"]: node for node in graph["nodes"]}
        heading, *sentences = nodes["About"]["widgets_values"][0].splitlines()
        assert heading.startswith("## "), name
        assert "".join(sentences).endswith("."), name
        marked = {"About", "Prompt", "Negative", "Save"} & set(nodes)
        colours = [nodes[title].get("color") for title in marked]
        assert None not in colours, name
        assert len(set(colours)) == len(marked), name


def test_a_graph_opens_whole_and_readable_with_its_result():
    for name, graph in GRAPHS.items():
        scale, (left, top) = graph["extra"]["ds"]["scale"], graph["extra"]["ds"]["offset"]
        assert scale >= READABLE, name
        boxes = [box(node) for node in graph["nodes"]] + [*map(group_box, graph["groups"])]
        seen = (-left, -top, CANVAS[0] / scale - left, CANVAS[1] / scale - top)
        assert [each for each in boxes if not within(each, seen)] == [], name
        assert any(node["type"] in RESULTS for node in graph["nodes"]), name
