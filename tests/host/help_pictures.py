"""Take the pictures of the help pages in the real editor: each node wired up in its example graph.

    python tests/host/help_pictures.py http://127.0.0.1:8188 [NodeId ...]

needs a running ComfyUI with the pack, and playwright with a Chromium (CHROMIUM names its program).
Without node ids all pictures are taken anew. Look at them before they are committed.
"""

import io
import json
import os
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "web" / "docs"
GRAPHS = {
    "SpacetimeSample": "text_to_video_short",
    "SpacetimeEncodeVideo": "reconstruct_video",
    "SpacetimeDecodeVideo": "text_to_video_short",
    "SpacetimeExampleClip": "explore_the_world",
}
"""Example graph in which a node is shown; the first one that has it for all others."""

FIRST = "text_to_video"
WITH_RESULT = {"SpacetimeDecodeVideo", "SpacetimeExampleClip"}
"""Nodes whose graph runs first, so that the picture shows what comes out."""

AFTER = {"SpacetimeDecodeVideo": 2, "SpacetimeExampleClip": 2}
"""How many steps of what follows a node are shown, where it is more than one."""

VIEW = {"width": 1700, "height": 2000}
ZOOM = 1.25
MARGIN, LEFT, TOP = 16, 90, 140

CUT = """
([wanted, after]) => {
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
  const place = (each) => columns.findIndex((nodes) => nodes.includes(each))
  for (const each of graph.nodes)
    for (const [slot] of each.inputs.entries()) {
      const origin = each.getInputNode(slot)
      if (origin && place(each) - place(origin) !== 1) each.disconnectInput(slot)
    }
  for (const each of graph.nodes) {
    const [width, height] = each.computeSize()
    each.title = each.constructor.title
    each.setSize([Math.max(width, 210), each.imgs?.length ? Math.max(height, 200) : height])
  }
  node.color = '#2d5a73'
  node.bgcolor = '#1d3a4c'
  app.canvas.deselectAll()
  return columns.map((nodes) => nodes.map((each) => each.id))
}
"""
"""Remove all but a node, what feeds it and what it feeds; ids of these by columns."""

PLACE = """
([columns, left, top, margin]) => {
  const head = 54
  let x = left
  const filled = columns.map((ids) => ids.map((id) => app.graph.getNodeById(id)))
    .filter((nodes) => nodes.length)
  const heights = filled.map((nodes) => nodes.reduce((sum, each) => sum + each.size[1] + 60, -60))
  const tallest = Math.max(...heights)
  filled.forEach((nodes, place) => {
    let y = top + (tallest - heights[place]) / 2
    for (const each of nodes) {
      each.pos = [x, y]
      y += each.size[1] + 60
    }
    x += Math.max(...nodes.map((each) => each.size[0])) + 70
  })
  app.canvas.ds.scale = 1
  app.canvas.ds.offset = [0, 0]
  app.graph.setDirtyCanvas(true, true)
  const page = app.canvas.canvas.getBoundingClientRect()
  return [
    page.x + left - margin, page.y + top - head - margin,
    x - 70 - left + 2 * margin, tallest + head + 2 * margin,
  ]
}
"""
"""Put the nodes side by side; the rectangle of the page that shows them."""


def main() -> None:
    """Take the pictures that were asked for."""
    address, *asked = sys.argv[1:]
    nodes = asked or sorted(page.stem for page in PAGES.glob("*.md"))
    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=os.environ.get("CHROMIUM"), args=["--no-sandbox", "--disable-gpu"]
        )
        for node in nodes:
            page = browser.new_context(viewport=VIEW, device_scale_factor=ZOOM).new_page()
            save(take(page, address, node), PAGES / f"{node}.webp")
            page.context.close()
            sys.stdout.write(f"{node}\n")
        browser.close()


def take(page: Page, address: str, node: str) -> Image.Image:
    """A picture of a node with what feeds it and what it feeds."""
    page.goto(address, wait_until="domcontentloaded")
    page.wait_for_function("window.app?.graph && window.app.extensionManager", timeout=90_000)
    page.wait_for_timeout(3000)
    page.evaluate("graph => app.loadGraphData(graph)", graph_with(node))
    page.wait_for_timeout(1000)
    for _ in range(3):  # the templates, which open on a first visit
        page.keyboard.press("Escape")
        page.wait_for_timeout(200)
    if node in WITH_RESULT:
        run(page)
    page.add_style_tag(content=".selection-toolbox, .p-toast { display: none !important }")
    columns = page.evaluate(CUT, [node, AFTER.get(node, 1)])
    page.wait_for_timeout(1500)  # videos take their room
    x, y, width, height = page.evaluate(PLACE, [columns, LEFT, TOP, MARGIN])
    page.wait_for_timeout(1000)
    clip = {"x": x, "y": y, "width": width, "height": height}
    return Image.open(io.BytesIO(page.screenshot(clip=clip)))


def graph_with(node: str) -> dict[str, object]:
    """The example graph that shows a node."""
    names = [
        GRAPHS.get(node, FIRST),
        *sorted(p.stem for p in ROOT.glob("example_workflows/*.json")),
    ]
    for name in names:
        graph = json.loads((ROOT / f"example_workflows/{name}.json").read_text(encoding="utf-8"))
        if any(each["type"] == node for each in graph["nodes"]):
            return graph
    sys.exit(f"no example graph has {node}: add it to one")


def run(page: Page) -> None:
    """Queue the graph and wait for its end."""
    count = "async () => Object.keys(await (await fetch('/history')).json()).length"
    before = page.evaluate(count)
    page.evaluate("() => app.queuePrompt(0)")
    for _ in range(600):
        if page.evaluate(count) > before:
            return page.wait_for_timeout(4000)
        page.wait_for_timeout(500)
    sys.exit("the graph did not end")


def save(picture: Image.Image, path: Path) -> None:
    """Write a small file."""
    picture.convert("RGB").save(path, quality=80, method=6)


if __name__ == "__main__":
    main()
