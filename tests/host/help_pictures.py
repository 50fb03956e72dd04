"""Take pictures of the real editor: a help page's node wired up, or a whole graph with its result.

    python tests/host/help_pictures.py http://127.0.0.1:8188 [NodeId ...]
    python tests/host/help_pictures.py http://127.0.0.1:8188 --graph text_to_video docs/editor.jpg

needs a running ComfyUI with the pack, and playwright with a Chromium (CHROMIUM names its program).
Without node ids all help pictures are taken anew. The editor marks files that it does not find in
red: put some with the names of the scenes into its folders. Look at the pictures before they are
committed.
"""

import argparse
import json
import sys
from pathlib import Path

from editor_page import BARE, Editor, chromium
from help_scenes import BUILD, FRESH, SCENES
from PIL import Image
from playwright.sync_api import Browser

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "web" / "docs"
GRAPHS = {
    "SpacetimeSample": "text_to_video_short",
    "SpacetimeEncodeVideo": "reconstruct_video",
    "SpacetimeDecodeVideo": "text_to_video_short",
    "SpacetimeExampleClip": "reconstruct_video",
    "SpacetimeCompareVideos": "compare_samplers",
    "SpacetimeViewTimeline": "connect_two_clips",
}
"""Example graph in which a node without a scene is shown; else the first one that has it."""

FIRST = "text_to_video"
WITH_RESULT = {
    "SpacetimeDecodeVideo",
    "SpacetimeExampleClip",
    "SpacetimeCompareVideos",
    "SpacetimeControlInRegion",
    "SpacetimeControlOverFrames",
    "SpacetimeControlOverSteps",
    "SpacetimeControlPerLayer",
    "SpacetimeFitVideo",
    "SpacetimeSchedulePlot",
    "SpacetimeSpacedSchedule",
    "SpacetimeCustomSchedule",
    "SpacetimeViewTimeline",
    "SpacetimeDecodeTimeline",
    "SpacetimeCannyEdges",
    "SpacetimeSoftEdges",
    "SpacetimeLineArt",
    "SpacetimeLuminance",
    "SpacetimeLowDetail",
    "SpacetimeOpticalFlow",
    "SpacetimeToyWorldHints",
    "SpacetimeDrawMotion",
    "SpacetimeShowTracks",
    "SpacetimeDragAndAnimate",
}
"""Nodes whose graph runs first, so that the picture shows what comes out."""

AFTER = {
    "SpacetimeDecodeVideo": 2,
    "SpacetimeExampleClip": 2,
    "SpacetimeCompareVideos": 2,
    "SpacetimeDecodeTimeline": 2,
}
"""How many steps of what follows a node are shown, where it is more than one."""

NARROW = 210
WIDE = {
    "SpacetimeApplyControlNet": 300,
    "SpacetimeAppendConditioning": 290,
    "SpacetimeLoadControlNet": 330,
    "SpacetimeLoadLora": 360,
    "SpacetimeLoadModels": 360,
    "SpacetimeLoadSamplingState": 450,
    "SpacetimeNoise": 245,
    "SpacetimeSaveSamplingState": 280,
    "SpacetimeShiftForSize": 245,
    "SpacetimeExtendForward": 280,
    "SpacetimeContextWindows": 290,
    "SpacetimeFlowEdit": 260,
    "SpacetimeMeasureVideo": 290,
    "SpacetimeSampleLongVideo": 300,
    "SpacetimeTwoExperts": 340,
    "SpacetimeOutpaintVideo": 290,
    "SpacetimePlaceOnTimeline": 290,
    "SpacetimeViewTimeline": 400,
    "SpacetimeSoftEdges": 260,
    "SpacetimeLineArt": 260,
    "SpacetimeLuminance": 260,
    "SpacetimeLowDetail": 260,
    "SpacetimeToyWorldHints": 400,
    "SpacetimeDrawMotion": 330,
    "SpacetimeShowTracks": 330,
    "SpacetimeDragAndAnimate": 300,
    "SpacetimeCameraMove": 310,
    "VAELoader": 290,
}
"""Widths of nodes: the usual one, and those that a title or a file's name needs."""

VIEW = (1700, 2000)
ZOOM = 1.25
MARGIN, LEFT, TOP = 24, 90, 180
ROW = (360, 540)
"""Widths of a row of nodes, at least and at most; the side bar shows some 400 pixels."""

CUT = """
([wanted, after, narrow, wide]) => {
  const graph = app.graph
  const node = graph.nodes.find((each) => each.type === wanted)
  const columns = [[], [node]]
  const seen = new Set([node])
  const put = (place, found) => {
    columns[place] = [...new Set(found)].filter((each) => each && !seen.has(each))
    for (const each of columns[place]) seen.add(each)
  }
  put(0, node.inputs.map((_, slot) => node.getInputNode(slot)))
  for (let place = 2; place < 2 + after; place++)
    put(place, columns[place - 1].flatMap((each) =>
      each.outputs.flatMap((_, slot) => each.getOutputNodes(slot) ?? [])))
  for (const each of [...graph.nodes]) if (!seen.has(each)) graph.remove(each)
  for (const each of [...graph.groups]) graph.remove(each)
  const place = (each) => columns.findIndex((nodes) => nodes.includes(each))
  for (const each of graph.nodes)
    for (const [slot] of each.inputs.entries()) {
      const origin = each.getInputNode(slot)
      if (origin && place(each) - place(origin) !== 1) each.disconnectInput(slot)
    }
  for (const each of graph.nodes) {
    const [width, height] = each.computeSize()
    each.title = each.constructor.title
    const tall = each.imgs?.length ? Math.max(height, 200) : height
    each.setSize([Math.max(width + 40, wide[each.type] ?? narrow), tall])
  }
  node.color = '#2d5a73'
  node.bgcolor = '#1d3a4c'
  app.canvas.deselectAll()
  return columns.map((nodes) => nodes.map((each) => each.id))
}
"""
"""Remove all but a node, what feeds it and what it feeds; ids of these by columns."""

PLACE = """
([columns, left, top, margin, [narrowest, widest]]) => {
  const [head, apart, between] = [54, 30, 30]
  const rows = []
  for (const ids of columns) {
    let row = []
    for (const each of ids.map((id) => app.graph.getNodeById(id))) {
      const width = row.reduce((sum, one) => sum + one.size[0] + apart, each.size[0])
      if (row.length && width > widest) rows.push(row.splice(0))
      row.push(each)
    }
    if (row.length) rows.push(row)
  }
  const wide = (row) => row.reduce((sum, one) => sum + one.size[0] + apart, -apart)
  const width = Math.max(narrowest, ...rows.map(wide))
  let y = top
  for (const row of rows) {
    let x = left + (width - wide(row)) / 2
    for (const each of row) {
      each.pos = [x, y]
      x += each.size[0] + apart
    }
    y += Math.max(...row.map((each) => each.size[1])) + head + between
  }
  app.canvas.ds.scale = 1
  app.canvas.ds.offset = [0, 0]
  app.graph.setDirtyCanvas(true, true)
  const page = app.canvas.canvas.getBoundingClientRect()
  return [
    page.x + left - margin, page.y + top - head - margin,
    width + 2 * margin, y - between - top + 2 * margin,
  ]
}
"""
"""Put the nodes below each other, what feeds a node above it, as narrow as the editor's side bar
shows it; the rectangle of the page that shows them."""


WIDEST = 1600
"""Pixels of a picture of a whole graph."""

WHOLE = """
(margin) => {
  const [head, badge] = [30, 24]
  const nodes = app.graph.nodes
  const ends = (axis) => nodes.map((each) => each.pos[axis] + each.size[axis])
  const low = [0, 1].map((axis) => Math.min(...nodes.map((each) => each.pos[axis])))
  const high = [0, 1].map((axis) => Math.max(...ends(axis)))
  app.canvas.deselectAll()
  app.canvas.ds.scale = 1
  app.canvas.ds.offset = [margin - low[0], margin + head + badge - low[1]]
  app.graph.setDirtyCanvas(true, true)
  const page = app.canvas.canvas.getBoundingClientRect()
  return [
    page.x, page.y, high[0] - low[0] + 2 * margin, high[1] - low[1] + head + badge + 2 * margin,
  ]
}
"""
"""Show the graph in its own size; the rectangle of the page that shows it."""


def main() -> None:
    """Take the pictures that were asked for."""
    options = argparse.ArgumentParser()
    options.add_argument("address")
    options.add_argument("nodes", nargs="*")
    options.add_argument("--graph", nargs=2, metavar=("NAME", "PICTURE"))
    asked = options.parse_args()
    with chromium() as browser:
        if asked.graph:
            name, path = asked.graph
            save(take_graph(browser, asked.address, name), Path(path))
            return
        editor = Editor(browser, asked.address, VIEW, ZOOM)
        for node in asked.nodes or sorted(page.stem for page in PAGES.glob("*.md")):
            save(take(editor, node), PAGES / f"{node}.webp")
            sys.stdout.write(f"{node}\n")


def take(editor: Editor, node: str) -> Image.Image:
    """A picture of a node with what feeds it and what it feeds."""
    show(editor, node)
    if node in WITH_RESULT:
        editor.run()
        editor.page.wait_for_timeout(4000)
    columns = editor.page.evaluate(CUT, [node, AFTER.get(node, 1), NARROW, WIDE])
    editor.page.wait_for_timeout(1500)  # videos take their room
    place = editor.page.evaluate(PLACE, [columns, LEFT, TOP, MARGIN, ROW])
    editor.page.wait_for_timeout(1000)
    return editor.picture(*place)


def take_graph(browser: Browser, address: str, name: str) -> Image.Image:
    """A picture of an example graph with what it made."""
    editor = Editor(browser, address, (2400, 1400), ZOOM)
    editor.load(example(name))
    editor.run()
    editor.style(BARE)
    editor.page.wait_for_timeout(4000)
    place = editor.page.evaluate(WHOLE, MARGIN)
    editor.settle()
    picture = editor.picture(*place)
    editor.close()
    height = round(picture.height * WIDEST / picture.width)
    return picture.resize((WIDEST, height), Image.Resampling.LANCZOS)


def show(editor: Editor, node: str) -> None:
    """Put a graph with the node on the canvas: its scene, or the example graph that has it."""
    if node in SCENES:
        editor.load(FRESH)
        editor.page.evaluate(BUILD, [node, SCENES[node].as_json()])
    else:
        editor.load(graph_with(node))


def graph_with(node: str) -> dict[str, object]:
    """The example graph that shows a node."""
    names = [
        GRAPHS.get(node, FIRST),
        *sorted(p.stem for p in ROOT.glob("example_workflows/*.json")),
    ]
    for name in names:
        graph = example(name)
        if any(each["type"] == node for each in graph["nodes"]):
            return graph
    sys.exit(f"no example graph has {node}: add it to one, or to the scenes")


def example(name: str) -> dict[str, object]:
    """An example graph."""
    return json.loads((ROOT / f"example_workflows/{name}.json").read_text(encoding="utf-8"))


def save(picture: Image.Image, path: Path) -> None:
    """Write a small file."""
    picture.convert("RGB").save(path, quality=80, optimize=True, method=6)


if __name__ == "__main__":
    main()
