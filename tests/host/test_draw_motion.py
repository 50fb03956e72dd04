"""Drawing a path on Draw Motion in the real editor: only the node's text changes.

Newer editors can draw nodes as elements of the page in place of a canvas; there it is tried again.
"""

import json

import numpy as np
import pytest
from PIL import Image

WIDTH, HEIGHT, SIDE = 96, 64, 16
THING = (8, 24)
"""Left and top of the square that the picture's alpha channel marks."""

FRESH = {"nodes": [], "links": [], "groups": [], "config": {}, "extra": {}, "version": 0.4}

BUILD = """
name => {
  const make = (kind, x, y) => {
    const node = LiteGraph.createNode(kind)
    app.graph.add(node)
    node.pos = [x, y]
    return node
  }
  const [load, draw, show] = [
    make('LoadImage', 40, 60), make('SpacetimeDrawMotion', 420, 60), make('PreviewAny', 900, 60)]
  draw.setSize([420, 560])
  load.widgets.find((each) => each.name === 'image').value = name
  load.connect(0, draw, 'image')
  load.connect(1, draw, 'mask')
  draw.connect(0, show, 'source')
  app.canvas.ds.scale = 1
  app.canvas.ds.offset = [0, 0]
  app.graph.setDirtyCanvas(true, true)
}
"""

MADE = """
() => {
  const draw = app.graph.nodes.find((each) => each.type === 'SpacetimeDrawMotion')
  const clip = LiteGraph.createNode('SpacetimeExampleClip')
  app.graph.add(clip)
  clip.pos = [40, 500]
  clip.widgets.find((each) => each.name === 'seed').value = Math.floor(Math.random() * 1e9)
  clip.connect(0, draw, 'image')
  clip.connect(2, draw, 'mask')
}
"""
"""Give the node a picture that is made by the run, and that no run before has made."""

AS_ELEMENTS = """
async wanted => {
  const settings = app.extensionManager.setting
  const version = Number(window.__COMFYUI_FRONTEND_VERSION__.split('.')[1])
  const known = version > 27 && settings.get('Comfy.VueNodes.Enabled') !== undefined
  if (known) await settings.set('Comfy.VueNodes.Enabled', wanted)
  return known || !wanted
}
"""
"""Choose how nodes are drawn; whether this editor can: 1.27 shows no elements of packs."""

CANVAS = ".spacetime-draw-motion canvas"
PAINTED = f"""
() => {{
  const canvas = document.querySelector('{CANVAS}')
  if (!canvas?.width) return 0
  const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data
  return data.filter((each, place) => place % 4 === 3 && each > 0).length
}}
"""
"""How many pixels of the node's canvas are painted."""

TEXT = """
() => app.graph.nodes.find((each) => each.type === 'SpacetimeDrawMotion')
  .widgets.find((each) => each.name === 'path').value
"""
SAVED = """
() => {
  const graph = app.graph.serialize()
  return [graph, graph.nodes.find((each) => each.type === 'SpacetimeDrawMotion').widgets_values]
}
"""


@pytest.fixture(scope="module")
def picture(server):
    pixels = np.full((HEIGHT, WIDTH, 4), 255, np.uint8)
    pixels[..., :2] = np.linspace(40, 200, WIDTH, dtype=np.uint8)[None, :, None]
    left, top = THING
    pixels[top : top + SIDE, left : left + SIDE] = (255, 40, 40, 0)
    (server.base / "input").mkdir(exist_ok=True)
    Image.fromarray(pixels).save(server.base / "input" / "drawing.png")
    return "drawing.png"


@pytest.fixture(params=[False, True], ids=["canvas", "elements"])
def drawing(request, picture, editor):
    """The graph with nothing drawn yet, once its picture is shown."""
    if not editor.page.evaluate(AS_ELEMENTS, request.param):
        pytest.skip("this editor draws nodes on its canvas only")
    editor.load(FRESH)
    editor.page.evaluate(BUILD, picture)
    editor.page.wait_for_function(f"({PAINTED})() > 1000")
    editor.settle()
    yield editor
    editor.page.evaluate(AS_ELEMENTS, False)


def on_page(editor, x, y):
    """Where a place of the picture is on the page."""
    box = editor.page.locator(CANVAS).bounding_box()
    scale = min(box["width"] / WIDTH, box["height"] / HEIGHT)
    left = box["x"] + (box["width"] - WIDTH * scale) / 2
    top = box["y"] + (box["height"] - HEIGHT * scale) / 2
    return left + x * scale, top + y * scale


def drag(editor, *places):
    mouse = editor.page.mouse
    first, *others = [on_page(editor, *place) for place in places]
    mouse.move(*first)
    mouse.down()
    for place in others:
        mouse.move(*place, steps=8)
    mouse.up()


def drawn(editor):
    return [[each["x"], each["y"]] for each in json.loads(editor.page.evaluate(TEXT) or "[]")]


def near(points, expected):
    return np.allclose(points, expected, atol=1.0)


def test_dragging_draws_a_path_in_pixels_of_the_picture(drawing, pictures):
    drag(drawing, (16, 32), (60, 32), (60, 10))
    drawing.settle()
    drawing.page.screenshot(path=pictures / "draw_motion.png")
    assert near(drawn(drawing), [[16, 32], [60, 32], [60, 10]])


def test_points_can_be_moved_added_and_cleared(drawing):
    drag(drawing, (16, 32), (60, 32))
    drag(drawing, (60, 32), (70, 50))
    assert near(drawn(drawing), [[16, 32], [70, 50]])
    drawing.page.keyboard.down("Shift")
    drag(drawing, (80, 20), (80, 20))
    drawing.page.keyboard.up("Shift")
    assert near(drawn(drawing), [[16, 32], [70, 50], [80, 20]])
    drag(drawing, (5, 5), (30, 5))
    assert near(drawn(drawing), [[5, 5], [30, 5]])
    drawing.page.locator(".spacetime-draw-motion button").click()
    assert drawing.page.evaluate(TEXT) == ""


def test_a_saved_graph_holds_the_path_alone_and_shows_it_again(drawing):
    drag(drawing, (16, 32), (60, 32))
    path = drawn(drawing)
    graph, values = drawing.page.evaluate(SAVED)
    assert len(values) == 5
    assert [[each["x"], each["y"]] for each in json.loads(values[0])] == path
    (node,) = [
        each for each in drawing.prompt().values() if each["class_type"] == "SpacetimeDrawMotion"
    ]
    names = {"image", "mask", "path", "frames", "scale", "rotation", "easing"}
    assert set(node["inputs"]) == names
    drawing.load(graph)
    drawing.page.wait_for_function(f"({PAINTED})() > 1000")
    assert drawn(drawing) == path
    drag(drawing, (60, 32), (60, 50))
    assert near(drawn(drawing), [[16, 32], [60, 50]])


@pytest.mark.parametrize("quote", ['"', "'"])
def test_a_path_in_shares_of_the_picture_is_shown_where_it_lies(drawing, quote):
    """As it is read when the graph runs; its points can be grabbed there."""
    shares = '[{"x": 0.25, "y": 0.5}, {"x": 0.75, "y": 0.5}]'.replace('"', quote)
    drawing.set("SpacetimeDrawMotion", "path", shares)
    drawing.page.wait_for_timeout(1000)
    drag(drawing, (72, 32), (80, 50))
    assert near(drawn(drawing), [[24, 32], [80, 50]])


def test_a_picture_that_is_made_is_shown_after_a_run(drawing):
    drawing.page.evaluate(MADE)
    drawing.page.wait_for_function(f"({PAINTED})() === 0")
    drag(drawing, (16, 32), (60, 32))
    assert drawn(drawing) == []
    drawing.set("SpacetimeDrawMotion", "path", '[{"x": 5, "y": 5}, {"x": 9, "y": 5}]')
    ran = drawing.run()
    assert ran["status"]["status_str"] == "success", ran["status"]["messages"]
    drawing.page.wait_for_function(f"({PAINTED})() > 1000")


def test_what_is_drawn_is_what_runs(drawing):
    drag(drawing, (16, 32), (64, 32))
    (first, last) = drawn(drawing)
    ran = drawing.run()
    assert ran["status"]["status_str"] == "success", ran["status"]["messages"]
    (text,) = [each["text"][0] for each in ran["outputs"].values() if "text" in each]
    ways = np.array([[[p["x"], p["y"]] for p in track] for track in json.loads(text)])
    assert ways.shape[1] == 17
    assert np.allclose(ways[:, -1] - ways[:, 0], np.subtract(last, first), atol=0.1)
    left, top = THING
    assert np.all((ways[:, 0] >= [left, top]) & (ways[:, 0] <= [left + SIDE, top + SIDE]))
