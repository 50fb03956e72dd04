"""ComfyUI's real editor in a headless Chromium: templates, running, videos, its own conversion."""

import json
import shutil
from pathlib import Path

import pytest

from spacetime_video import hosts
from spacetime_video.graph.registry import Registry
from spacetime_video.graph.workflow import to_api
from spacetime_video.tools.nodes import pack_nodes

ROOT = Path(__file__).parents[2]
GRAPHS = sorted([*ROOT.glob("example_workflows/*.json"), *ROOT.glob("subgraphs/*.json")])
TEMPLATES = sorted(path.stem for path in ROOT.glob("example_workflows/*.json"))
GROUPS = Path(__file__).parent / "graphs" / "group_nodes.json"

VIDEO = """
(node => node?.widgets?.map((each) => each.element).find((each) => each?.querySelector?.('video'))
  ?.querySelector('video'))(app.graph.nodes.find((each) => each.type === 'SaveVideo'))
"""
"""The player that the editor puts onto the Save Video node."""

SHOWN = f"""
async () => {{
  const video = {VIDEO}
  const node = app.graph.nodes.find((each) => each.type === 'SaveVideo')
  const {{ x, y }} = app.canvas.canvas.getBoundingClientRect()
  const {{ scale, offset }} = app.canvas.ds
  const answer = await fetch(video.src)
  const box = video.getBoundingClientRect()
  const corner = node.pos.map((each, axis) => (each + offset[axis]) * scale + [x, y][axis])
  return {{
    size: [video.videoWidth, video.videoHeight],
    duration: video.duration,
    status: answer.status,
    type: answer.headers.get('content-type'),
    bytes: (await answer.arrayBuffer()).byteLength,
    place: [box.left, box.top, box.right, box.bottom],
    node: [...corner, ...corner.map((each, axis) => each + node.size[axis] * scale)],
  }}
}}
"""
"""What that player shows, where it is on the page and where its node is."""


CROWDED = """
() => {
  const boxes = app.graph.nodes.map(({ title, pos, size }) =>
    [title, pos[0], pos[1] - LiteGraph.NODE_TITLE_HEIGHT, pos[0] + size[0], pos[1] + size[1]])
  return boxes.flatMap((one, place) => boxes.slice(place + 1)
    .filter((other) => [1, 2].every((axis) =>
      one[axis] < other[axis + 2] && other[axis] < one[axis + 2]))
    .map((other) => [one[0], other[0]]))
}
"""
"""Titles of nodes that lie upon each other."""

OUTSIDE = """
() => {
  const [left, top, width, height] = app.canvas.visible_area
  return app.graph.nodes.filter(({ type, pos, size }) => /^Save(Video|Image)$/.test(type) && (
    pos[0] < left || pos[1] < top || pos[0] + size[0] > left + width
    || pos[1] + size[1] > top + height)).map((node) => node.title)
}
"""
"""Titles of nodes with results that are not wholly in view."""


@pytest.fixture(scope="session", autouse=True)
def _browser_first(browser):
    """No server is started where there is no browser."""


@pytest.fixture(scope="module")
def registry():
    from spacetime_video.hosts.standalone.stock import stock_nodes

    before = hosts.host()
    yield Registry.from_nodes([*pack_nodes(), *stock_nodes()])
    hosts.use(before)


def test_a_template_runs_and_its_video_is_on_the_save_node(server, editor, pictures):
    editor.load_template("spacetime-video", "text_to_video")
    editor.set("SpacetimeNoise", "seed", 7)  # other tests run the graph as it is on the same server
    editor.fit()
    editor.page.screenshot(path=pictures / "text_to_video_before.png")
    before = set(server.base.glob("output/**/*.mp4"))
    ran = editor.run()
    assert ran["status"]["status_str"] == "success", ran["status"]["messages"]
    editor.page.wait_for_function(f"() => {VIDEO}?.readyState >= 2")
    editor.settle()
    shown = editor.page.evaluate(SHOWN)
    editor.page.screenshot(path=pictures / "text_to_video_after.png")
    (saved,) = set(server.base.glob("output/**/*.mp4")) - before
    assert (shown["status"], shown["type"]) == (200, "video/mp4")
    assert shown["bytes"] == saved.stat().st_size
    assert shown["size"] == [64, 64]
    assert shown["duration"] == pytest.approx(17 / 16, abs=0.01)
    left, top, right, bottom = shown["place"]
    assert min(right - left, bottom - top) > 50
    assert shown["node"][0] <= left < right <= shown["node"][2]
    assert shown["node"][1] <= top < bottom <= shown["node"][3]


CUT = """
() => {
  const ink = document.createElement('canvas').getContext('2d')
  const width = (font, text) => { ink.font = font; return ink.measureText(text).width }
  const kinds = Object.keys(LiteGraph.registered_node_types).filter((id) => /^Spacetime/.test(id))
  const nodes = kinds.map((id) => LiteGraph.createNode(id))
  const titles = nodes.filter((node) =>
    width(node.titleFontStyle, node.title) > node.size[0] - 2 * LiteGraph.NODE_TITLE_HEIGHT)
  const models = nodes.find((node) => node.type === 'SpacetimeLoadModels')
  const labels = models.widgets.filter((widget) => widget.type === 'combo'
    && width(models.innerFontStyle, widget.name) + 5 + width(models.innerFontStyle, widget.value)
    > models.size[0] - 85)
  return [...titles.map((node) => node.title), ...labels.map((widget) => widget.name)]
}
"""
"""Titles, and labels of Load Models, for which nodes are too narrow when they are added. The editor
leaves 85 pixels of a widget to margins and arrows, and 5 between label and value."""


def test_titles_are_whole_and_load_models_shows_its_labels_at_default_width(editor):
    assert editor.page.evaluate(CUT) == []


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_shows_its_results_and_nothing_lies_upon_another(server, editor, pictures, name):
    editor.load_template("spacetime-video", name)
    editor.page.wait_for_timeout(2000)
    opened = editor.page.evaluate(CROWDED), editor.page.evaluate(OUTSIDE)
    ran = editor.run()
    shutil.rmtree(server.base / "output" / "states", ignore_errors=True)  # other tests list them
    assert ran["status"]["status_str"] == "success", ran["status"]["messages"]
    editor.settle()
    editor.page.screenshot(path=pictures / f"{name}.png")
    assert opened == ([], [])
    assert (editor.page.evaluate(CROWDED), editor.page.evaluate(OUTSIDE)) == ([], [])


@pytest.mark.parametrize("path", GRAPHS, ids=lambda path: path.stem)
def test_the_editor_and_the_pack_convert_a_graph_alike(server, editor, registry, path):
    graph = json.loads(path.read_text(encoding="utf-8"))
    editor.load(graph)
    prompt = without_displays(editor.prompt(), server.get("/object_info"))
    ours = without_later(to_api(graph, registry))
    assert by_titles(without_later(prompt)) == by_titles(ours)
    assert prompt


SEARCHED = {
    "nag": "SpacetimeAttentionGuidance",
    "slg": "SpacetimeSkipLayerGuidance",
    "apg": "SpacetimeProjectedGuidance",
    "wan": "SpacetimeLoadModels",
    "t2v": "SpacetimeEmptyVideo",
    "seed": "SpacetimeNoise",
    "fps": "SpacetimeFitVideo",
    "unipc": "SpacetimeSolver",
    "dpm": "SpacetimeSolver",
    "euler": "SpacetimeSolver",
    "tcd": "SpacetimeLCMSampler",
    "lcm": "SpacetimeLCMSampler",
    "lightning": "SpacetimeFewStepSchedule",
    "side by side": "SpacetimeCompareVideos",
    "compare": "SpacetimeCompareVideos",
    "lora": "SpacetimeLoadLora",
    "cfg zero": "SpacetimeCFGZeroStar",
    "i2v": "SpacetimeAnimateImage",
    "flf2v": "SpacetimeAnimateImage",
    "animate": "SpacetimeAnimateImage",
    "extend": "SpacetimeExtendForward",
    "continue": "SpacetimeExtendForward",
    "prequel": "SpacetimeExtendBackward",
    "transition": "SpacetimeConnectClips",
    "loop": "SpacetimeCloseLoop",
    "ending": "SpacetimeConverge",
    "branch": "SpacetimeBranch",
    "v2v": "SpacetimeEditVideo",
    "inpaint": "SpacetimeInpaintVideo",
    "outpaint": "SpacetimeOutpaintVideo",
    "keyframe": "SpacetimePlaceOnTimeline",
    "timeline": "SpacetimeDecodeTimeline",
    "one minute": "SpacetimeSampleLongVideo",
    "long video": "SpacetimeContextWindows",
    "infinite": "SpacetimeSeamlessLoop",
    "flowedit": "SpacetimeFlowEdit",
    "wan 2.2": "SpacetimeTwoExperts",
    "seam": "SpacetimeMeasureVideo",
    "drift": "SpacetimeMeasureVideo",
    "decode": "SpacetimeDecodeToFile",
    "video file": "SpacetimeEncodeFile",
    "canny": "SpacetimeCannyEdges",
    "hed": "SpacetimeSoftEdges",
    "softedge": "SpacetimeSoftEdges",
    "lineart": "SpacetimeLineArt",
    "xdog": "SpacetimeLineArt",
    "luminance": "SpacetimeLuminance",
    "tile": "SpacetimeLowDetail",
    "blur": "SpacetimeLowDetail",
    "optical flow": "SpacetimeOpticalFlow",
    "depth": "SpacetimeToyWorldHints",
    "masks": "SpacetimeToyWorldHints",
    "motion": "SpacetimeDrawMotion",
    "brush": "SpacetimeDrawMotion",
    "trajectory": "SpacetimeDrawMotion",
    "drag": "SpacetimeDragAndAnimate",
    "camera": "SpacetimeCameraMove",
    "pan": "SpacetimeCameraMove",
    "orbit": "SpacetimeCameraMove",
    "dolly": "SpacetimeCameraMove",
    "tracks": "SpacetimeShowTracks",
    "flow": "SpacetimeWarpedNoise",
}
"""Nodes by what people type to find them."""

SEARCH = """
words => words.map((word) => document.querySelector('#vue-app').__vue_app__
  .config.globalProperties.$pinia._s.get('nodeDef')
  .nodeSearchService.searchNode(word, [], { limit: 64 }).map((node) => node.name))
"""
"""What the editor's search box lists for each word: as many as it shows."""


def test_the_search_finds_nodes_by_what_people_type(editor):
    listed = editor.page.evaluate(SEARCH, list(SEARCHED))
    missing = {
        word: node
        for (word, node), names in zip(SEARCHED.items(), listed, strict=True)
        if node not in names
    }
    assert missing == {}


def test_group_nodes_are_opened_as_the_editor_opens_them(server, editor, registry):
    """But for links from a node in a group to another one, which the editor of 0.3.64 loses."""
    graph = json.loads(GROUPS.read_text(encoding="utf-8"))
    editor.load(graph)
    theirs = without_later(without_displays(editor.prompt(), server.get("/object_info")))
    ours = without_later(to_api(graph, registry))
    if set(ours) != set(theirs):
        pytest.skip("this editor makes subgraphs of group nodes, and mixes up their values")
    differing = {
        (key, name): (node["inputs"].get(name), theirs[key]["inputs"].get(name))
        for key, node in ours.items()
        for name in node["inputs"] | theirs[key]["inputs"]
        if node["inputs"].get(name) != theirs[key]["inputs"].get(name)
        and not _between_groups(key, node["inputs"].get(name))
    }
    assert differing == {}


def _between_groups(key, value):
    return ":" in key and isinstance(value, list) and ":" in value[0]


def without_later(prompt):
    """A prompt without inputs that stock nodes have got since 0.3.64."""
    later = {"CreateVideo": {"bit_depth"}, "SaveVideo": {"encoding", "crf", "color_space"}}
    for node in prompt.values():
        for name in later.get(node["class_type"], ()):
            node["inputs"].pop(name, None)
    return prompt


def by_titles(prompt):
    """A prompt with nodes named by what they are: later editors renumber those of subgraphs."""
    names = {key: f"{node['class_type']}, {node['_meta']['title']}" for key, node in prompt.items()}
    if len(set(names.values())) < len(names):
        return prompt
    return {
        names[key]: {
            name: [names[value[0]], value[1]] if isinstance(value, list) else value
            for name, value in node["inputs"].items()
        }
        for key, node in prompt.items()
    }


def without_displays(prompt, known):
    """A prompt without the texts that the editor itself shows on nodes, such as Preview Any's."""
    for node in prompt.values():
        described = known[node["class_type"]]["input"].values()
        names = {name for group in described for name in group}
        node["inputs"] = {name: value for name, value in node["inputs"].items() if name in names}
    return prompt
